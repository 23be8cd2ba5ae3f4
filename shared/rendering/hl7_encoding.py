r"""HL7 v2 as characters: fields, their components, and what stands for a separator that is in a text.

Our own, since hl7apy takes a `\F\` that a text holds for an escape sequence of its own, and leaves it: the
receiver would read another text. hl7apy checks our messages in the tests.
Source: HL7 v2.5.1, chapter 2, sections 2.5 to 2.7.

Map: `escaped` -> `components`, `subcomponents` -> `segment` -> `message`.
"""

import unicodedata
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

SEPARATORS: Final = "^~\\&"
"""MSH-2: of components, of repetitions, the escape character, of subcomponents."""

_ESCAPES: Final = str.maketrans({"\\": "\\E\\", "|": "\\F\\", "^": "\\S\\", "~": "\\R\\", "&": "\\T\\"})


def escaped(text: str | None) -> str:
    """Write a text that may hold anything; a control, which would end a segment or a frame, is a space."""
    plain = "".join(" " if unicodedata.category(char) in {"Cc", "Cs"} else char for char in text or "")
    return plain.strip().translate(_ESCAPES)


def components(*parts: str | None) -> str:
    """Write a field of components, each a text; those at the end that are empty are left out."""
    return "^".join(escaped(part) for part in parts).rstrip("^")


def subcomponents(*parts: str | None) -> str:
    """Write a component of subcomponents, as `components` does."""
    return "&".join(escaped(part) for part in parts).rstrip("&")


def segment(name: str, fields: Mapping[int, str]) -> str:
    """Write a segment of fields that are already written, by their numbers in the standard."""
    # The first field of MSH is the separator itself.
    first = 2 if name == "MSH" else 1
    return "|".join([name, *(fields.get(number, "") for number in range(first, max(fields) + 1))])


def message(segments: Iterable[str]) -> bytes:
    """Write a message in UTF-8, which its MSH-18 has to name."""
    return "".join(f"{line}\r" for line in segments).encode()


def moment(at: datetime) -> str:
    """Write a point in time to the second, with its offset from UTC."""
    return f"{at:%Y%m%d%H%M%S%z}"
