"""What a writer is asked for, and what it gives back.

Map: `View` -> `Picture` -> `Sight` -> `ReportRequest` -> `request_of`, `seed_of` · `Passage` -> `Prose`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from shared.domain.findings import Finding, Place, ViewPosition, ViewSource, study_findings
from shared.domain.reports import Language, Region, WriterVersion
from shared.reporting.certainty import Certainty, certainty_of
from shared.reporting.comparison import Comparison, Statement
from shared.reporting.lexicon import NOT_A_FINDING


@dataclass(frozen=True, slots=True)
class View:
    """How an image was taken; `judged` when the file does not say and the pixels were asked."""

    position: ViewPosition
    judged: bool = False


@dataclass(frozen=True, slots=True)
class Picture:
    """A radiograph as a writer is shown it.

    Attributes:
        image: its index in the study that it is of.
        png: the 8-bit gray preview, whole and as displayed: pixels, and nothing of the file's header.
    """

    image: int
    view: View
    png: bytes


@dataclass(frozen=True, slots=True)
class Earlier:
    """The study before, as a writer is shown it.

    Attributes:
        picture: its frontal radiograph.
        report: the findings and impression of its report; None where nobody has signed it.
    """

    picture: Picture
    report: str | None = None


@dataclass(frozen=True, slots=True)
class Sight:
    """What a writer that sees is given beyond the findings; all of it is data, and nothing an instruction.

    Attributes:
        pictures: of the images that were used, in their order.
        indication: in the client's own words.
    """

    pictures: tuple[Picture, ...]
    indication: str | None = None
    earlier: Earlier | None = None


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of a text, and where its writer saw what it says."""

    text: str
    regions: tuple[Region, ...]


@dataclass(frozen=True, slots=True)
class Prose:
    """What a writer writes of the labels that were detected; rules make a report of it (`composition.py`).

    Attributes:
        impression: empty with `concludes` false: of a writer that writes no such section rules do.
        passages: the pieces of either section that have regions.
    """

    findings: str
    impression: str
    passages: tuple[Passage, ...] = ()
    concludes: bool = True

    def regions_of(self, sentence: str) -> tuple[Region, ...]:
        """Return those of the passages that a sentence stands in."""
        own = (passage.regions for passage in self.passages if sentence in passage.text)
        return tuple(dict.fromkeys(region for regions in own for region in regions))


@dataclass(frozen=True, slots=True)
class ReportRequest:
    """Everything that a report is written from. But for the sight, nothing in it is in a client's words.

    Attributes:
        seed: of the choice among equivalent wordings; the same pictures, classifier and language have the
            same one.
        findings: one for each label of the classifier, present or not.
        views: of the images that were used, in their order.
        critical: the labels that are flagged on the study, the gravest first.
        comparison: the section, written by rule; None where nothing is to be said. No writer is shown it.
        lateral_given: whether a lateral view is among the study's images, used or not.
        recommendations: whether the report ends with what may follow (`recommendations.py`).
        sight: None for a writer that knows the findings alone.
        objections: to the text before, of a writer that is to be told of them.
    """

    seed: str
    findings: tuple[Finding, ...]
    language: Language = Language.ENGLISH
    views: tuple[View, ...] = (View(ViewPosition.UNKNOWN),)
    critical: tuple[str, ...] = ()
    comparison: Comparison | None = None
    lateral_given: bool = False
    recommendations: bool = True
    sight: Sight | None = None
    objections: tuple[str, ...] = ()

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

    def compared(self) -> tuple[Statement, ...]:
        """Return what rules say of the study before."""
        return self.comparison.statements if self.comparison else ()

    def places(self) -> dict[str, Place]:
        """Return where each label is that a report must speak of, as far as it may be said."""
        detected = self.detected()
        return {
            finding.label: finding.place
            for finding in self.findings
            if finding.place is not None and finding.label in detected
        }


class _Viewed(Protocol):
    """How an image was taken: of a row of the database, or of what was just read."""

    @property
    def view(self) -> ViewPosition | None: ...
    @property
    def view_source(self) -> ViewSource | None: ...


class _Image(_Viewed, Protocol):
    """What is read of an image; a row of the database is one."""

    @property
    def used(self) -> bool | None: ...


def request_of(
    images: Sequence[_Image],
    findings: Iterable[Iterable[Finding]],
    *,
    language: Language,
    seed: str,
    critical: tuple[str, ...] = (),
    comparison: Comparison | None = None,
    recommendations: bool = True,
    sight: Sight | None = None,
) -> ReportRequest:
    """Gather what a study's report is written from, and held against.

    Args:
        findings: of each image that was used.
    """
    views = tuple(view_of(image) for image in images if image.used)
    return ReportRequest(
        seed=seed,
        findings=study_findings(findings),
        language=language,
        views=views,
        critical=critical,
        comparison=comparison,
        recommendations=recommendations,
        sight=sight,
        lateral_given=any(image.view is ViewPosition.LATERAL for image in images),
    )


def view_of(image: _Viewed) -> View:
    """Return the view, and whether it was judged from the pixels; an earlier release did not store which."""
    position = image.view or ViewPosition.UNKNOWN
    judged = position is not ViewPosition.UNKNOWN and image.view_source is not ViewSource.FILE
    return View(position, judged=judged)


def seed_of(request: ReportRequest, writer: WriterVersion, attempt: int) -> str:
    """Return the seed of one text: the same writer gives the same pictures the same words."""
    return f"{request.seed}:{writer.id}:{writer.version}:{attempt}"
