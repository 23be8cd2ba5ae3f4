"""What a classifier found, on which image and where."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class ViewPosition(StrEnum):
    """How the radiograph was taken (DICOM View Position, 0018,5101)."""

    PA = "PA"
    AP = "AP"
    LATERAL = "LATERAL"
    UNKNOWN = "UNKNOWN"


class ViewSource(StrEnum):
    """What a view is known from."""

    FILE = "file"
    """The file says it."""
    IMAGE = "image"
    """The file does not, and the picture looks like it: a guess."""


class AnalysisRole(StrEnum):
    """What one model's findings are to their study."""

    PRIMARY = "primary"
    """The study's own: its report is made of them, its readers see them. A study has one at most."""
    SUPERSEDED = "superseded"
    """They were the study's own until it was read again."""
    SHADOW = "shadow"
    """Kept to be compared, and shown to no reader of the study."""


class FindingStatus(StrEnum):
    """What the classifier says about one label."""

    PRESENT = "present"
    ABSENT = "absent"
    UNCERTAIN = "uncertain"


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle on an image, as fractions of its width and height, origin at the top left."""

    left: float
    top: float
    right: float
    bottom: float

    def __post_init__(self) -> None:
        """Refuse a rectangle that is empty or leaves the image."""
        if not (0.0 <= self.left < self.right <= 1.0 and 0.0 <= self.top < self.bottom <= 1.0):
            message = f"a box lies in the unit square and is not empty, got {self}"
            raise ValueError(message)


class Side(StrEnum):
    """The patient's side, not the picture's."""

    RIGHT = "right"
    LEFT = "left"
    BOTH = "both"


class Zone(StrEnum):
    """The height in the lungs; a frontal radiograph shows zones, and no lobes."""

    APICAL = "apical"
    UPPER = "upper"
    MIDDLE = "middle"
    LOWER = "lower"
    BASAL = "basal"
    PERIHILAR = "perihilar"


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the chest a finding is, as far as it may be said.

    Attributes:
        side: None where the map was right too rarely to say one.
        zone: likewise.
        as_displayed: whether the file does not say which side is which, so that the side is the one on
            which a radiograph is usually displayed.
    """

    side: Side | None = None
    zone: Zone | None = None
    as_displayed: bool = False

    def __post_init__(self) -> None:
        """Refuse a place that says nothing."""
        if self.side is None and self.zone is None:
            message = "a place has a side or a zone"
            raise ValueError(message)


@dataclass(frozen=True, slots=True)
class Finding:
    """What the classifier says about one label, of one image or of the whole study.

    Attributes:
        label: the id of a label in `shared/labels.py`.
        probability: calibrated, in [0, 1]; never a raw score.
        threshold: at or above it the finding is present (chosen on validation patients).
        uncertain_from: at or above it, and below the threshold, the finding is uncertain.
        image: index of the image that shows it best; None where no image was used.
        box: where on that image, when the finding is present or uncertain and the heatmap is
            concentrated enough to say so.
        place: where in the chest, for the same findings, where the card lets it be said.
    """

    label: str
    probability: float
    threshold: float
    uncertain_from: float
    status: FindingStatus
    image: int | None = None
    box: Box | None = None
    place: Place | None = None

    def __post_init__(self) -> None:
        """Refuse what is not a probability, and a band that does not end at the threshold."""
        if not 0.0 <= self.probability <= 1.0:
            message = f"{self.label}: a probability lies in [0, 1], got {self.probability!r}"
            raise ValueError(message)
        if not 0.0 <= self.uncertain_from <= self.threshold <= 1.0:
            message = f"{self.label}: 0 <= uncertain_from <= threshold <= 1, got {self}"
            raise ValueError(message)


def study_findings(per_image: Iterable[Iterable[Finding]]) -> tuple[Finding, ...]:
    """Join the findings of a study's images: for each label the image with the highest probability.

    Source: CheXpert (Irvin 2019, arXiv 1901.07031), which scores a study by the maximum over views.
    """
    best: dict[str, Finding] = {}
    for findings in per_image:
        for finding in findings:
            if finding.label not in best or finding.probability > best[finding.label].probability:
                best[finding.label] = finding
    return tuple(best.values())


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """The classifier that findings are produced by; their thresholds belong to this version of it."""

    id: str
    version: str
    digest: str
