"""A client's words where a model was trained to get them: one line, and nothing that ends a turn.

Whoever asks for a study may write anything into its indication. A slot holds it as data: it ends no turn,
begins no role, and shows no picture that is not there.

Map: `slot` · `objections_in_words`.
"""

import re
import unicodedata
from typing import Final, Protocol

MISSING: Final = "N/A"
LONGEST_REPORT: Final = 2000
"""Characters of the earlier report that a model is shown."""

_TOKENS: Final = re.compile(r"<\|?/?[^<>\n]{1,40}\|?>|\[\s*/?\s*(?:INST|SYS|IMG)\s*\]", re.IGNORECASE)
_ROLES: Final = re.compile(
    r"\b(?:USER|ASSISTANT|SYSTEM|HUMAN|GPT|MODEL)\s*:|\bPRIOR_REPORT\s*:"
    r"|\b(?:INDICATION|TECHNIQUE|COMPARISON|FINDINGS|IMPRESSION)\s*:",
    re.IGNORECASE,
)


def slot(text: str | None, longest: int = 600) -> str:
    """Return a client's words as they may stand in a slot; "N/A" where nothing is left.

    Args:
        longest: characters that are kept.
    """
    line = unicodedata.normalize("NFKC", text or "")
    line = "".join(" " if unicodedata.category(letter).startswith("C") else letter for letter in line)
    while (cleaned := _ROLES.sub(" ", _TOKENS.sub(" ", line))) != line:
        line = cleaned  # what was cut out may have held two halves apart
    return " ".join(line.split())[:longest].rstrip() or MISSING


class _Request(Protocol):
    """A `ReportRequest`, or what a side-car was asked: its environment has this file, and not `shared`."""

    @property
    def objections(self) -> tuple[str, ...]: ...


def objections_in_words(request: _Request) -> str:
    """Return what is asked of a text that takes the place of a refused one; empty where none was refused."""
    if not request.objections:
        return ""
    because = "; ".join(objection.rstrip(".") for objection in request.objections)
    return f"An earlier draft was refused because: {because}; look again and answer in the same form."
