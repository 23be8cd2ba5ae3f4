"""How many objects a detector finds at so many false alarms: FROC, as the Object-CXR challenge has it.

    mark       points and scores on an image, its objects -> `Marked`
    Marks      those of all images, the surest first
    figures    Marks, and whose image each is -> `Froc`: sensitivity at each of `RATES`, and their mean

A point is a hit when it lies in any object of its image, and finds each that it lies in; it is a false
positive when it lies in none. A second point in an object is neither. Sensitivity at a rate: the objects that
are found when the false positives, from the surest point on, come to that many an image, over all objects.
Source: froc.py and README of the challenge, read in hlk-1135/object-CXR. What differs: where a detector's
points end before a rate is reached, the sensitivity is that of all its points; there it is that of the last
rate that was reached, and an error where none was. An ellipse is a polygon of 72 corners.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from shared.bundles import Interval
from training.metrics import Counts, Drawn, interval
from training.table import Region

RATES: Final = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
"""False positives an image."""
_FINE: Final = 10_000.0
"""OpenCV tells the inside of a polygon in float32, best in numbers of about this size."""


@dataclass(frozen=True, slots=True)
class Marked:
    """What a detector says of one label on one image.

    Attributes:
        scores: (M,) of its points, falling.
        found: (M,) how many objects a point is the first to find.
        false: (M,) whether it lies in none.
        objects: how many there are.
    """

    scores: NDArray[np.float64]
    found: NDArray[np.int64]
    false: NDArray[np.bool_]
    objects: int


@dataclass(frozen=True, slots=True)
class Froc:
    """The figures of one label.

    Attributes:
        images: that say where the label is, or that it is absent.
        objects: on them.
        sensitivities: at each of `RATES`.
        mean: of these: what the challenge calls FROC.
    """

    images: int
    objects: int
    sensitivities: tuple[Interval, ...]
    mean: Interval


def holds(region: Region, x: float, y: float) -> bool:
    """Return whether a point, in fractions of the image, lies in a region or on its edge."""
    if region.outline:
        corners = (np.array(region.outline) * _FINE).astype(np.float32)
        return cv2.pointPolygonTest(corners, (x * _FINE, y * _FINE), measureDist=False) >= 0.0
    return region.left <= x <= region.right and region.top <= y <= region.bottom


def mark(points: NDArray[np.float64], scores: NDArray[np.float64], objects: Sequence[Region]) -> Marked:
    """Judge the points of one image.

    Args:
        points: (M, 2) x and y, in fractions of the image.
        scores: (M,) how sure each is.
    """
    order = np.argsort(-scores, kind="stable")
    left = set(range(len(objects)))
    found, false = np.zeros(len(points), np.int64), np.zeros(len(points), np.bool_)
    for place, (x, y) in enumerate(points[order].tolist()):
        inside = {number for number, one in enumerate(objects) if holds(one, x, y)}
        found[place], false[place] = len(inside & left), not inside
        left -= inside
    return Marked(scores[order], found, false, len(objects))


class Marks:
    """The points of N images together."""

    def __init__(self, images: Sequence[Marked]) -> None:
        """Put all points in one order."""
        scores = np.concatenate([one.scores for one in images])
        order = np.argsort(-scores, kind="stable")
        self._image = np.repeat(np.arange(len(images)), [len(one.scores) for one in images])[order]
        self._found = np.concatenate([one.found for one in images])[order]
        self._false = np.concatenate([one.false for one in images])[order]
        self.objects = np.array([one.objects for one in images])

    def sensitivities(self, drawn: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the sensitivity at each of `RATES`; NaN without an object.

        Args:
            drawn: (N,) how often each image counts.
        """
        objects, times = float(drawn @ self.objects), drawn[self._image]
        if not objects:
            return np.full(len(RATES), np.nan)
        found = np.concatenate([[0.0], np.cumsum(times * self._found)])
        false = np.cumsum(times * self._false)
        # The point that reaches a rate counts; past the last point it is all of them.
        reached = np.searchsorted(false, np.array(RATES) * drawn.sum() - 1e-9)
        sensitivities: NDArray[np.float64] = found[np.minimum(reached + 1, len(false))] / objects
        return sensitivities


def figures(images: Sequence[Marked], patients: NDArray[np.str_]) -> Froc:
    """Return the figures of one label, with intervals by a bootstrap over patients.

    Args:
        images: one at least.
        patients: (N,) whose image each is.
    """
    marks = Marks(images)

    def of(pick: Callable[[NDArray[np.float64]], float]) -> Interval:
        def figure(counts: Counts) -> Drawn:
            return np.array([pick(marks.sensitivities(drawn)) for drawn in counts])

        return interval(figure, patients)

    each = tuple(of(itemgetter(k)) for k in range(len(RATES)))
    return Froc(len(images), int(marks.objects.sum()), each, of(np.mean))
