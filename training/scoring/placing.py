"""How often the maps of a bundle are right of the side and of the zone, and from where on either may be said.

    seen        a map, what was outlined -> `Seen`: how concentrated the map is, and whether it is right
    placing     many of them -> `Placing`: the more concentrated, the rarer and the surer
    said_from   many of them -> the concentration from which it may be said, or None
    with_places a card -> the same with all that was seen

Truth: an outline has a side if 80 % of its area lies on one half of the picture, and a zone if 80 % lies in
one (`worker_cnn/places.py`); what lies on both has none, and a side that is said of it is wrong.

May be said: what was right so often that 95 times in 100 is the lower end of the exact one-sided 95 %
interval (59 of 59, 92 of 93), of all that is at least so concentrated; and right 95 times in 100 again of the
patients who were left out in turn when that was chosen. A label has its own concentration where its own maps
are enough for that. Else it has that of all labels together, where its own maps above it are ten at least and
95 in 100 of them are right. Else its side, or zone, is never said.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta, binomtest

from shared.bundles import Card
from shared.domain.findings import Side, Zone
from shared.placings import Placing, Placings, Rightness
from worker_cnn.heatmaps import Map
from worker_cnn.places import PLACED, ZONES, pointed_at

RIGHT: Final = 0.95
"""Share of what is said that has to be right."""
STEPS: Final = (0.0, 0.5, 0.6, 0.7, 0.8, 0.9)
_SURE: Final = 0.95
_FEWEST: Final = 10
_ON_ONE: Final = 0.8  # share of an outline's area


@dataclass(frozen=True, slots=True)
class Seen:
    """What one map says of one thing, the side or the zone.

    Attributes:
        concentration: 0 of a map that says nothing.
        right: whether the outline is there.
    """

    label: str
    patient: str
    concentration: float
    right: bool


def seen(heat: Map, shown: NDArray[np.bool_], *, label: str, patient: str) -> tuple[Seen, Seen] | None:
    """Return what a map says of side and zone; None of a label that has no place.

    Args:
        heat: (y, x) in [0, 1], of any size.
        shown: (rows, columns) of the same image, true where the label was outlined.
    """
    if label not in PLACED:
        return None
    found = pointed_at(heat)
    if found is None:
        return Seen(label, patient, 0.0, right=False), Seen(label, patient, 0.0, right=False)
    return (
        Seen(label, patient, round(found.side_share, 4), right=found.side is side_of(shown)),
        Seen(label, patient, round(found.zone_share, 4), right=found.zone is zone_of(shown)),
    )


def with_places(
    card: Card, found: Sequence[tuple[Seen, Seen]], *, table: str, not_of: int, command: str
) -> Card:
    """Return a card with how often maps were right, and from where on each label's side and zone may be said.

    Args:
        found: side and zone of each map that was measured.
        table: the outlines', in words.
        not_of: patients who were outlined and are not in `found`.
    """
    sides, zones = ([pair[k] for pair in found] for k in range(2))
    (side_from, sides_left_out), (zone_from, zones_left_out) = decided(sides), decided(zones)
    labels = []
    for label in card.labels:
        own: dict[str, float | Placing | None] = dict.fromkeys(("side_from", "zone_from", "side", "zone"))
        if any(one.label == label.id for one in sides):
            own["side_from"], own["side"] = _of_label([x for x in sides if x.label == label.id], side_from)
            own["zone_from"], own["zone"] = _of_label([x for x in zones if x.label == label.id], zone_from)
        labels.append(label.model_copy(update=own))
    together = Placings(
        side=placing(sides, sides_left_out),
        zone=placing(zones, zones_left_out),
        table=table,
        not_of=not_of,
        command=command,
    )
    return card.model_copy(update={"labels": tuple(labels), "placings": together})


def side_of(shown: NDArray[np.bool_]) -> Side | None:
    """Return the side, as usually displayed, that an outline is on; None where it is on both."""
    columns = (np.arange(shown.shape[1]) + 0.5) / shown.shape[1]
    most = _most(shown.sum(0), columns >= 0.5, count=2)
    return None if most is None else (Side.RIGHT, Side.LEFT)[most]


def zone_of(shown: NDArray[np.bool_]) -> Zone | None:
    """Return the zone that an outline is in; None where it is in several."""
    rows = (np.arange(shown.shape[0]) + 0.5) / shown.shape[0]
    most = _most(shown.sum(1), np.digitize(rows, [end for _, end in ZONES[:-1]]), count=len(ZONES))
    return None if most is None else ZONES[most][0]


def placing(found: Sequence[Seen], left_out: Rightness | None = None) -> Placing:
    """Return the figures of some maps: of all, and of those that are more and more concentrated."""
    return Placing(
        patients=len({one.patient for one in found}),
        steps=tuple(_rightness(found, step) for step in STEPS),
        left_out=left_out,
    )


def said_from(found: Sequence[Seen]) -> float | None:
    """Return the least concentration from which on enough is right; None where there is none.

    Args:
        found: of one label, or of all together.
    """
    if not found:
        return None
    surest = sorted(found, key=lambda one: one.concentration, reverse=True)
    right, said = np.cumsum([one.right for one in surest]), np.arange(1, len(surest) + 1)
    # Clopper and Pearson's lower end; with none right there is none.
    low = np.nan_to_num(beta.ppf(1.0 - _SURE, right, said - right + 1))
    # Maps that are equally concentrated are said together: the last of them counts.
    concentrations = np.array([one.concentration for one in surest])
    last = np.append(concentrations[1:] < concentrations[:-1], True)
    enough = concentrations[last & (low >= RIGHT)]
    return float(enough[-1]) if len(enough) else None


def decided(found: Sequence[Seen]) -> tuple[float | None, Rightness | None]:
    """Return from where on it may be said, and how often that was right of patients who were left out of it.

    Both are None where it may never be said.
    """
    chosen = said_from(found)
    if chosen is None:
        return None, None
    said: list[Seen] = []
    for patient in sorted({one.patient for one in found}):
        least = said_from([one for one in found if one.patient != patient])
        if least is not None:
            said += [one for one in found if one.patient == patient and one.concentration >= least]
    tested = _rightness(said, 0.0).model_copy(update={"concentration": chosen})
    if tested.right < RIGHT * tested.maps or not tested.maps:
        return None, None
    return chosen, tested


def _of_label(found: Sequence[Seen], pooled: float | None) -> tuple[float | None, Placing]:
    """Return from where on a label's side, or zone, may be said, and its figures.

    Args:
        found: of the label.
        pooled: what `decided` says of all labels together.
    """
    own, tested = decided(found)
    if own is not None:
        return own, placing(found, tested)
    if pooled is not None:
        above = _rightness(found, pooled)
        if above.maps >= _FEWEST and above.right >= RIGHT * above.maps:
            return pooled, placing(found)
    return None, placing(found)


def _most(pixels: NDArray[np.int_], place: NDArray[Any], *, count: int) -> int | None:
    """Return the place that holds most of the pixels; None where that is not enough."""
    shares = np.bincount(place, pixels, minlength=count) / pixels.sum()
    most = int(shares.argmax())
    return most if shares[most] >= _ON_ONE else None


def _rightness(found: Sequence[Seen], concentration: float) -> Rightness:
    so = [one.right for one in found if one.concentration >= concentration]
    low, high = (0.0, 1.0) if not so else binomtest(sum(so), len(so)).proportion_ci(method="exact")
    return Rightness(
        concentration=concentration,
        maps=len(so),
        right=sum(so),
        low=round(float(low), 4),
        high=round(float(high), 4),
    )
