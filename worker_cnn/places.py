"""Where in the chest a label's map points, and whether that may be said.

    map --`pointed_at`--> side and zone, each with how concentrated the map is there
        --`place_of`----> `Place`, as far as card, file and warnings let it be said

The middle of the picture stands for the middle of the chest: of the lungs of 433 radiographs 0.5 % lies
beyond it. Zones are thirds of where lungs usually lie; 83 % of these lungs lies in the zone that is meant
(`python -m training.lung_places` gives both figures).

A map says nothing of both sides: an even one is as often undecided as right.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

import numpy as np

from shared.bundles import Label
from shared.dicom.attributes import Attributes
from shared.domain.findings import Place, Side, Zone
from shared.reporting.warnings import ImageWarning
from worker_cnn.heatmaps import Map

PLACED: Final = frozenset(
    {
        *("Atelectasis", "Consolidation", "Effusion", "Fibrosis", "Fracture", "Infiltration", "Lung_Lesion"),
        *(
            "Lung_Opacity",
            "Mass",
            "Nodule",
            "Pleural_Other",
            "Pleural_Thickening",
            "Pneumonia",
            "Pneumothorax",
        ),
        "Tuberculosis",
    }
)
"""The labels that have a place. The others are of the heart and the middle of the chest, are of both lungs as
a rule (Edema, Emphysema, COVID-19), or may lie anywhere in the picture (Support_Devices, Foreign_Object)."""
ZONES: Final = ((Zone.UPPER, 0.35), (Zone.MIDDLE, 0.6), (Zone.LOWER, 1.0))
"""Each down to which share of the picture's height: thirds between the medians of where lungs begin (0.10)
and end (0.85). Apical, basal and perihilar are finer than maps of 9 x 9 cells."""

_NO_SIDE: Final = frozenset(
    {
        # What lay on its side may have been looked at from behind as well.
        ImageWarning.WAS_TURNED_CLOCKWISE,
        ImageWarning.WAS_TURNED_UPSIDE_DOWN,
        ImageWarning.WAS_TURNED_ANTICLOCKWISE,
        ImageWarning.SEEMS_MIRRORED,
        ImageWarning.OBLIQUE,
    }
)
_NO_PLACE: Final = frozenset(
    {
        ImageWarning.SEEMS_TURNED_CLOCKWISE,
        ImageWarning.SEEMS_UPSIDE_DOWN,
        ImageWarning.SEEMS_TURNED_ANTICLOCKWISE,
        ImageWarning.SEEMS_INVERTED,
        ImageWarning.VIEW_CONTRADICTED,
        ImageWarning.STUDY_SAYS_LATERAL,
        ImageWarning.DECUBITUS,
        # All maps that were measured are of adults.
        ImageWarning.UNDER_18,
    }
)
_OPPOSITE: Final = {Side.RIGHT: Side.LEFT, Side.LEFT: Side.RIGHT}


@dataclass(frozen=True, slots=True)
class PointedAt:
    """Where a map points on the picture.

    Attributes:
        side: the patient's, as a radiograph is usually displayed: right is on the picture's left.
        side_share: of the map's sum, on that side; from 0.5.
        zone: that holds most of it.
        zone_share: of the map's sum, in that zone; from a third.
    """

    side: Side
    side_share: float
    zone: Zone
    zone_share: float


@dataclass(frozen=True, slots=True)
class Bearings:
    """What is known of how a picture lies that is not turned.

    Attributes:
        left: the patient's side on the picture's left; None where that is not sure enough to say a side.
        as_displayed: whether the file says nothing of it.
    """

    left: Side | None
    as_displayed: bool


def pointed_at(heat: Map) -> PointedAt | None:
    """Return where a (y, x) map in [0, 1] points; None where nothing in it speaks for its label."""
    total = float(heat.sum())
    if total <= 0.0:
        return None
    rows, columns = heat.shape
    right = float(heat.sum(0) @ ((np.arange(columns) + 0.5) / columns < 0.5)) / total
    heights = (np.arange(rows) + 0.5) / rows
    zones = np.digitize(heights, [end for _, end in ZONES[:-1]])
    shares = np.bincount(zones, heat.sum(1), minlength=len(ZONES)) / total
    most = int(shares.argmax())
    return PointedAt(
        side=Side.RIGHT if right >= 0.5 else Side.LEFT,
        side_share=max(right, 1.0 - right),
        zone=ZONES[most][0],
        zone_share=float(shares[most]),
    )


def is_mirrored(attributes: Attributes) -> bool:
    """Return whether the file says that the patient's left is on the picture's left."""
    return attributes.orientation is not None and attributes.orientation[0].startswith("R")


def bearings_of(attributes: Attributes, warnings: Collection[ImageWarning]) -> Bearings | None:
    """Return how a picture lies; None where it may be turned, or of another kind than what was measured."""
    orientation = attributes.orientation
    if _NO_PLACE & set(warnings):
        return None
    if orientation is not None and (orientation[0][0] not in "LR" or not orientation[1].startswith("F")):
        return None
    # Of one side alone, such a picture has its middle elsewhere.
    unsure = bool(_NO_SIDE & set(warnings)) or attributes.laterality in {"R", "L"}
    left = Side.LEFT if is_mirrored(attributes) else Side.RIGHT
    return Bearings(left=None if unsure else left, as_displayed=orientation is None)


def place_of(heat: Map, label: Label, bearings: Bearings) -> Place | None:
    """Return the place that a label's map shows, as far as the card lets it be said."""
    seen = pointed_at(heat) if label.id in PLACED else None
    if seen is None:
        return None
    side = zone = None
    if bearings.left is not None and label.side_from is not None and seen.side_share >= label.side_from:
        side = seen.side if bearings.left is Side.RIGHT else _OPPOSITE[seen.side]
    if label.zone_from is not None and seen.zone_share >= label.zone_from:
        zone = seen.zone
    return None if side is None and zone is None else Place(side, zone, as_displayed=bearings.as_displayed)
