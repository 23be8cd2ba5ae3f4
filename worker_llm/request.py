"""What a writer is asked for, and the one part of a report that no writer touches: the technique line.

Map: `ReportNote`, `ReportRequest` -> `technique_line`.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from shared.domain import Finding, FindingStatus, Language, ViewPosition
from worker_llm.lexicon import NOT_A_FINDING

_LONGEST_INDICATION: Final = 200
"""Characters of the client's own text that are quoted."""


class ReportNote(StrEnum):
    """A warning that the reader of the report must see."""

    UNDER_18 = "under-18"
    """The classifier has learnt from adults."""


@dataclass(frozen=True, slots=True)
class ReportRequest:
    """Everything that a report is written from. Nothing in it names a patient.

    Attributes:
        study_id: seeds the choice among equivalent wordings, and nothing else.
        findings: one for each label of the classifier, present or not.
        views: of the images that were used, in their order.
        images: how many images the study has; more than `views` when some could not be used.
        indication: the client's words. They are quoted in the technique line and steer nothing: no writer
            is ever shown them.
    """

    study_id: str
    findings: tuple[Finding, ...]
    language: Language = Language.ENGLISH
    views: tuple[ViewPosition, ...] = (ViewPosition.UNKNOWN,)
    images: int = 1
    notes: tuple[ReportNote, ...] = ()
    indication: str = ""

    def labels(self, status: FindingStatus) -> tuple[str, ...]:
        """Return the labels with that status, in the classifier's order."""
        return tuple(
            finding.label
            for finding in self.findings
            if finding.status is status and finding.label not in NOT_A_FINDING
        )

    def statuses(self) -> dict[str, FindingStatus]:
        """Return the status of every label that a report may speak of."""
        return {
            finding.label: finding.status for finding in self.findings if finding.label not in NOT_A_FINDING
        }


_VIEWS: Final = {
    Language.ENGLISH: {
        ViewPosition.PA: "frontal (PA)",
        ViewPosition.AP: "frontal (AP)",
        ViewPosition.LATERAL: "lateral",
        ViewPosition.UNKNOWN: "view not stated",
    },
    Language.SPANISH: {
        ViewPosition.PA: "frontal (PA)",
        ViewPosition.AP: "frontal (AP)",
        ViewPosition.LATERAL: "lateral",
        ViewPosition.UNKNOWN: "proyección no indicada",
    },
}
_NOTES: Final = {
    Language.ENGLISH: {
        ReportNote.UNDER_18: "The patient is under 18: the classifier has learnt from adults only.",
    },
    Language.SPANISH: {
        ReportNote.UNDER_18: "Paciente menor de 18 años: el clasificador solo ha aprendido de adultos.",
    },
}


def technique_line(request: ReportRequest) -> str:
    """Write the technique section: views, images left out, warnings, and the indication in quotes."""
    return " ".join(_technique_sentences(request))


def _technique_sentences(request: ReportRequest) -> Iterable[str]:
    english = request.language is Language.ENGLISH
    names = _VIEWS[request.language]
    counts = Counter(request.views)
    views = ", ".join(
        f"{count} x {names[view]}" if count > 1 else names[view] for view, count in counts.items()
    )
    used, total = len(request.views), request.images
    if english:
        yield f"Chest radiograph, {views}."
        if total > used:
            yield f"{total - used} of {total} images could not be used."
    else:
        yield f"Radiografía de tórax, {views}."
        if total > used:
            yield f"No se han podido usar {total - used} de {total} imágenes."
    for note in request.notes:
        yield _NOTES[request.language][note]
    quoted = _quotable(request.indication)
    if quoted:
        yield f"Indication as given: “{quoted}”." if english else f"Indicación recibida: «{quoted}»."


def _quotable(text: str) -> str:
    """Make a client's words safe to quote on one line: no control characters, no quotes, not endless."""
    plain = " ".join(text.split())
    plain = "".join(letter for letter in plain if letter.isprintable() and letter not in '"“”«»<>')
    return plain if len(plain) <= _LONGEST_INDICATION else plain[: _LONGEST_INDICATION - 1] + "…"
