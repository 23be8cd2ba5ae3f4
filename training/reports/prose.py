"""Read a radiologist's English prose: which labels does it affirm, which does it deny?

`read_prose` finds names anywhere and asks NegEx (Chapman 2001), by negspacy, whether they are negated. So it
says something of nearly every report, and is sometimes wrong: it is for real texts and for figures. What a
writer of ours may deliver is judged by the grammar of `shared/reporting/labeller.py`, which is silent where
it is not sure. `python -m training.measure_reports labeller` measures both; docs/decisions/0029 says why.

Map: `read_prose` -> `ProseReader` -> `prose_names.py`.
"""

from functools import cache
from typing import Final

import spacy
from negspacy.negation import Negex
from negspacy.termsets import termset
from spacy.language import Language
from spacy.tokens import Span

from shared.domain import reports
from shared.domain.findings import FindingStatus
from shared.reporting.lexicon import LEXICONS, expand
from training.reports.prose_names import CLOSINGS, NAMES, NEITHER, NOT_OURS, OPENINGS, PATTERNS

_NOT_OURS: Final = "not ours"
_NEGATED: Final = "negated"


def read_prose(text: str) -> dict[str, FindingStatus]:
    """Return what a text says of each label that it names: PRESENT where a sentence affirms it, else ABSENT.

    What is hedged ("may represent pneumonia") is affirmed: NegEx knows no doubt, and those who code reports
    code it too.
    """
    return _reader().read(text)


@cache
def _reader() -> "ProseReader":
    return ProseReader(own_names=True)


class ProseReader:
    """A spaCy pipeline without any trained model: names, sentences, negations."""

    def __init__(self, *, own_names: bool) -> None:
        """Build the pipeline: our lexicon's names, and with `own_names` what `prose_names.py` adds."""
        self._pipeline: Language = spacy.blank("en")
        self._pipeline.add_pipe("sentencizer")
        ruler = self._pipeline.add_pipe("entity_ruler", config={"phrase_matcher_attr": "LOWER"})
        ruler.add_patterns(_patterns(own_names=own_names))  # type: ignore[attr-defined]  # a callable to spaCy
        negations = termset("en_clinical")
        if own_names:
            negations.add_patterns(
                {
                    "preceding_negations": list(OPENINGS),
                    "following_negations": list(CLOSINGS),
                    "pseudo_negations": list(NEITHER),
                }
            )
        self._negex = Negex(
            self._pipeline, name="negex", neg_termset=negations.get_patterns(), extension_name=_NEGATED
        )

    def read(self, text: str) -> dict[str, FindingStatus]:
        """See `read_prose`."""
        found: dict[str, FindingStatus] = {}
        for entity in self._negex(self._pipeline(text)).ents:
            if entity.label_ == _NOT_OURS:
                continue
            for label in entity.label_.split("+"):
                if found.get(label) is not FindingStatus.PRESENT:
                    found[label] = FindingStatus.ABSENT if _denied(entity) else FindingStatus.PRESENT
        return found


def _denied(entity: Span) -> bool:
    return entity._.get(_NEGATED) or any(token.lower_ == "not" for token in entity)


def _patterns(*, own_names: bool) -> list[dict[str, object]]:
    names = {
        label: [
            *(name.text for name in term.names),
            *(name.plural for name in term.names if name.plural),
            *(text for pattern in (*term.also, *term.present, *term.absent) for text in expand(pattern)),
        ]
        for label, term in LEXICONS[reports.Language.ENGLISH].terms.items()
    }
    found: list[dict[str, object]] = [
        {"label": label, "pattern": name} for label, phrases in names.items() for name in phrases
    ]
    if own_names:
        found += [{"label": label, "pattern": name} for label, phrases in NAMES.items() for name in phrases]
        found += [{"label": label, "pattern": one} for label, each in PATTERNS.items() for one in each]
        found += [{"label": _NOT_OURS, "pattern": name} for name in NOT_OURS]
    return found
