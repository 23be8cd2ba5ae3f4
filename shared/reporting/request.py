"""What a writer is asked for.

Map: `View` -> `ReportRequest` -> `seed_of`.
"""

from dataclasses import dataclass

from shared.domain import Finding, Language, ViewPosition, WriterVersion
from shared.reporting.certainty import Certainty, certainty_of
from shared.reporting.lexicon import NOT_A_FINDING


@dataclass(frozen=True, slots=True)
class View:
    """How an image was taken; `judged` when the file does not say and the pixels were asked."""

    position: ViewPosition
    judged: bool = False


@dataclass(frozen=True, slots=True)
class ReportRequest:
    """Everything that a report is written from. Nothing in it names a patient or is in a client's words.

    Attributes:
        seed: of the choice among equivalent wordings; the same pictures, classifier and language have the
            same one.
        findings: one for each label of the classifier, present or not.
        views: of the images that were used, in their order.
    """

    seed: str
    findings: tuple[Finding, ...]
    language: Language = Language.ENGLISH
    views: tuple[View, ...] = (View(ViewPosition.UNKNOWN),)

    def certainties(self) -> dict[str, Certainty]:
        """Return how surely each label may be spoken of, in the classifier's order."""
        return {
            finding.label: certainty_of(finding)
            for finding in self.findings
            if finding.label not in NOT_A_FINDING
        }

    def labels(self, *certainties: Certainty) -> tuple[str, ...]:
        """Return the labels with one of these certainties, in the classifier's order."""
        return tuple(label for label, certainty in self.certainties().items() if certainty in certainties)

    def detected(self) -> tuple[str, ...]:
        """Return the labels that a report must speak of."""
        return self.labels(Certainty.STATED, Certainty.PROBABLE, Certainty.POSSIBLE)


def seed_of(request: ReportRequest, writer: WriterVersion, attempt: int) -> str:
    """Return the seed of one text: the same writer gives the same pictures the same words."""
    return f"{request.seed}:{writer.id}:{writer.version}:{attempt}"
