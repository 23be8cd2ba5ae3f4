"""The quality gate: may this picture be classified at all, and what should its reader be told?

Refused is what would make every finding meaningless: an empty or clipped picture, a lateral view, a
picture that is no chest radiograph. What only makes findings less sure is a warning.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from shared.dicom.attributes import Attributes
from shared.dicom.views import ViewDoubt
from shared.domain.findings import ViewPosition, ViewSource
from shared.errors import UnusableImageError
from shared.gates import Gate
from shared.imaging import Exposure
from shared.reporting.warnings import ImageWarning
from worker_cnn.gate import Verdict
from worker_cnn.places import is_mirrored
from worker_cnn.predict import sigmoid

ADULT_YEARS: Final = 18.0
TURNS: Final = (
    None,
    ImageWarning.SEEMS_TURNED_CLOCKWISE,
    ImageWarning.SEEMS_UPSIDE_DOWN,
    ImageWarning.SEEMS_TURNED_ANTICLOCKWISE,
    ImageWarning.SEEMS_INVERTED,
)
"""What `Verdict.turned` tells apart, in its order; the first is upright."""
INVERTED: Final = TURNS.index(ImageWarning.SEEMS_INVERTED)

_LEAST_DEVIATION: Final = 0.02  # a chest film has about 0.25; a blank one with noise less than 0.02
_FEWEST_LEVELS: Final = 8  # of 256 gray levels
_MOST_CLIPPED: Final = 0.9  # share of pure black and pure white; collimated films reach about 0.5
_SURE_DESPITE_TAG: Final = 0.95  # 99 % of chests reach it; a hip came to 0.89
_CHEST_PARTS: Final = ("CHEST", "THORAX", "LUNG", "TORAX", "RIB", "HEART")
_DOUBTS: Final = {
    ViewDoubt.CONTRADICTION: ImageWarning.VIEW_CONTRADICTED,
    ViewDoubt.OBLIQUE: ImageWarning.OBLIQUE,
    ViewDoubt.DECUBITUS: ImageWarning.DECUBITUS,
    ViewDoubt.STUDY_SAYS_LATERAL: ImageWarning.STUDY_SAYS_LATERAL,
}


@dataclass(frozen=True, slots=True)
class Quality:
    """What the gate says.

    Attributes:
        view: as the file says, else as read from the pixels when that is sure.
        view_source: which of the two; None where the view is unknown.
        rejection: why the picture is not classified.
        warnings: what the reader should know about a picture that is, as codes.
    """

    view: ViewPosition
    view_source: ViewSource | None
    rejection: UnusableImageError | None
    warnings: tuple[ImageWarning, ...]


def check(exposure: Exposure, verdict: Verdict, attributes: Attributes, gate: Gate) -> Quality:
    """Look at one picture's exposure, what the gate's heads say, and its tags."""
    reason = _reason(exposure, verdict, attributes, gate)
    if reason is not None:
        # What is no frontal chest radiograph has no projection that the pixels could tell.
        source = None if attributes.view is ViewPosition.UNKNOWN else ViewSource.FILE
        return Quality(attributes.view, source, UnusableImageError(reason), ())
    view, source = _view(verdict, attributes, gate)
    return Quality(view, source, None, _warnings(verdict, attributes, gate))


def is_chest(verdict: Verdict, gate: Gate) -> bool:
    """Return whether both the distance to real chests and the chest head take it for a chest radiograph."""
    chest = sigmoid(verdict.chest)
    farthest = gate.max_distance_if_sure if chest >= gate.sure_chest else gate.max_distance
    return chest >= gate.min_chest and verdict.distance <= farthest


def _reason(exposure: Exposure, verdict: Verdict, attributes: Attributes, gate: Gate) -> str | None:
    if exposure.deviation < _LEAST_DEVIATION or exposure.levels < _FEWEST_LEVELS:
        return "the picture is empty: it shows nearly one gray level; send the original image"
    if exposure.black + exposure.white > _MOST_CLIPPED:
        return (
            "the picture is clipped: nearly all of it is pure black or white; export it with its own window"
        )
    if attributes.view is ViewPosition.LATERAL:
        place = f" ({attributes.view_place} says so)" if attributes.view_place else ""
        return (
            f"the picture is a lateral view{place}: the classifier knows frontal (PA and AP) chest "
            "radiographs only"
        )
    if not is_chest(verdict, gate):
        return "the picture does not look like a frontal chest radiograph; nothing else can be classified"
    # The tag alone refuses nothing: devices are left on the body part of the patient before.
    if _names_another_part(attributes) and sigmoid(verdict.chest) < _SURE_DESPITE_TAG:
        return "the file names another body part than the chest, and the picture does not speak against it"
    return None


def _view(verdict: Verdict, attributes: Attributes, gate: Gate) -> tuple[ViewPosition, ViewSource | None]:
    if attributes.view is not ViewPosition.UNKNOWN:
        return attributes.view, ViewSource.FILE
    ap = sigmoid(verdict.view)
    if max(ap, 1.0 - ap) < gate.min_view:
        return ViewPosition.UNKNOWN, None
    return ViewPosition.AP if ap > 0.5 else ViewPosition.PA, ViewSource.IMAGE


def _warnings(verdict: Verdict, attributes: Attributes, gate: Gate) -> tuple[ImageWarning, ...]:
    warnings = []
    turn, probability = turn_of(verdict)
    seems = TURNS[turn]
    if seems is not None and probability >= gate.min_turned:
        warnings.append(seems)
    elif gate.mirrored_from is not None and _heart_on_the_right(verdict, attributes) >= gate.mirrored_from:
        warnings.append(ImageWarning.SEEMS_MIRRORED)
    if attributes.age_years is not None and attributes.age_years < ADULT_YEARS:
        warnings.append(ImageWarning.UNDER_18)
    if _names_another_part(attributes):
        warnings.append(ImageWarning.OTHER_BODY_PART)
    warnings += [_DOUBTS[doubt] for doubt in attributes.view_doubts]
    return tuple(warnings)


def _heart_on_the_right(verdict: Verdict, attributes: Attributes) -> float:
    """Return the logit of a heart on what is the patient's right by the file, or as usually displayed."""
    return -verdict.mirrored if is_mirrored(attributes) else verdict.mirrored


def _names_another_part(attributes: Attributes) -> bool:
    part = attributes.body_part
    return part is not None and not any(known in part for known in _CHEST_PARTS)


def turn_of(verdict: Verdict) -> tuple[int, float]:
    """Return the most probable index into `TURNS` and its probability."""
    shifted = np.exp(verdict.turned - verdict.turned.max())
    turn = int(np.argmax(shifted))
    return turn, float(shifted[turn] / shifted.sum())
