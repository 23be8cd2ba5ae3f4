"""A picture that is read, turned into display pixels and measured band of rows by band of rows.

stored values --`Bands.map`--> display pixels --`summary`--> model input, preview, exposure

Only a band is float32 at any time: a picture of 100 megapixels would take 400 MB as floats, and several times
that on its way. It imports cv2: not for the API.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.float32]

_BAND_PIXELS: Final = 1 << 18
"""About what a core's cache holds as floats."""


@dataclass(frozen=True, slots=True)
class Bands:
    """A picture by its rows.

    Attributes:
        read: returns the rows from one number up to another: (h, W) or (h, W, 3).
    """

    rows: int
    columns: int
    read: Callable[[int, int], NDArray[Any]]

    @classmethod
    def of(cls, array: NDArray[Any]) -> "Bands":
        """Read from an array, without copying it."""
        return cls(array.shape[0], array.shape[1], lambda top, bottom: array[top:bottom])

    def map(self, change: Callable[[NDArray[Any]], NDArray[Any]]) -> "Bands":
        """Change every band when it is read; `change` may look at one pixel at a time only."""
        return Bands(self.rows, self.columns, lambda top, bottom: change(self.read(top, bottom)))

    def __iter__(self) -> Iterator[NDArray[Any]]:
        """Read the bands from top to bottom."""
        step = max(1, _BAND_PIXELS // max(1, self.columns))
        for top in range(0, self.rows, step):
            yield self.read(top, min(top + step, self.rows))

    def lines(self, count: int, *, apart: int | None = None) -> NDArray[Any]:
        """Take about `count` pixels of rows at even distances: (h, w) or (h, w, 3).

        Args:
            apart: columns from one pixel to the next; by default as rows are.
        """
        apart = apart or max(1, round((self.rows * self.columns / count) ** 0.5))
        rows = min(self.rows, max(1, count * apart // max(1, self.columns)))
        tops = np.linspace(0, self.rows - 1, rows).astype(int)
        return np.concatenate([self.read(top, top + 1)[:, ::apart] for top in tops])

    def whole(self) -> NDArray[Any]:
        """Read all rows at once."""
        return self.read(0, self.rows)

    def sample(
        self, count: int, *, where: Callable[[NDArray[Any]], NDArray[np.bool_]] | None = None
    ) -> NDArray[Any]:
        """Take about `count` pixels at even distances, out of those where `where` is true."""
        total = self.rows * self.columns
        if where is not None:
            total = sum(int(np.count_nonzero(where(band))) for band in self)
        step, skip = max(1, total // count), 0
        taken = []
        for band in self:
            flat = band.ravel() if where is None else band[where(band)]
            taken.append(flat[skip::step].copy())  # a view would keep the whole band
            skip = (skip - flat.size) % step
        return np.concatenate(taken)


class Fit:
    """Shrinks or enlarges a picture to the size at which its longer side has `side` pixels."""

    def __init__(self, rows: int, columns: int, side: int) -> None:
        """Begin with no band."""
        scale = side / max(rows, columns)
        self._target = (max(1, round(columns * scale)), max(1, round(rows * scale)))
        self._shrinks, self._filled = scale < 1.0, 0
        self._narrow = np.empty((rows, self._target[0] if self._shrinks else columns), np.float32)

    def add(self, band: Pixels) -> None:
        """Take the next band. Area averaging works on each axis alone: a band can be narrowed alone."""
        size = (self._narrow.shape[1], band.shape[0])
        rows = self._narrow[self._filled : self._filled + band.shape[0]]
        rows[:] = cv2.resize(band, size, interpolation=cv2.INTER_AREA) if self._shrinks else band
        self._filled += band.shape[0]

    def result(self) -> Pixels:
        """Return (h, w) float32 in [0, 1], after the last band."""
        # Area averaging does not alias thin lines (tubes, fractures) when shrinking; it cannot enlarge.
        how = cv2.INTER_AREA if self._shrinks else cv2.INTER_LINEAR
        resized = np.asarray(cv2.resize(self._narrow, self._target, interpolation=how), np.float32)
        return np.clip(resized, 0.0, 1.0, out=resized.reshape(self._target[::-1]))
