"""Measure what fixed places of a picture tell of its lungs: `python -m training.lung_places [MASKS …]`.

MASKS are folders or zips of lung masks (white on black, of the form of their radiographs); without any, those
that torchxrayvision ships. It prints where lungs begin and end, where the middle between them lies, and how
much of them lies on the side and in the zone that `worker_cnn/places.py` takes it for. A zone of the lungs is
a third of their own height. Masks in which not two lungs lie side by side are counted and left out.
"""

import argparse
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from training.command import stop
from training.lung_masks import masks_in, shipped_masks
from worker_cnn.places import ZONES

_LEAST: Final = 0.02  # of the picture: what is smaller is no lung
_APART: Final = 0.25  # of the width, between the lungs' centres: less, and one mask is in pieces


@dataclass(frozen=True, slots=True)
class Lungs:
    """One mask, in shares of the picture's height and width and of the lungs' area.

    Attributes:
        middle: between the lungs.
        right_side: on the side where it is taken to be.
        right_zone: in the zone where it is taken to be.
    """

    top: float
    bottom: float
    middle: float
    right_side: float
    right_zone: float


def lungs_of(mask: NDArray[np.bool_]) -> Lungs | None:
    """Measure a (rows, columns) mask; None where it does not show two lungs side by side."""
    _, regions, boxes, centres = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    rows, columns = mask.shape
    large = [k for k in range(1, len(boxes)) if boxes[k, cv2.CC_STAT_AREA] > _LEAST * mask.size]
    large.sort(key=lambda k: float(centres[k][0]))
    if len(large) != 2 or centres[large[1]][0] - centres[large[0]][0] < _APART * columns:
        return None
    left, right = (regions == k for k in large)
    both = left | right
    inner = boxes[large[0], cv2.CC_STAT_LEFT] + boxes[large[0], cv2.CC_STAT_WIDTH]
    half = columns // 2
    beyond = left[:, half:].sum() + right[:, :half].sum()
    heights = (np.flatnonzero(both.any(1))[[0, -1]] + (0, 1)) / rows
    y = (np.arange(rows) + 0.5) / rows
    taken = np.digitize(y, [end for _, end in ZONES[:-1]])
    third = np.digitize((y - heights[0]) / (heights[1] - heights[0]), [1 / 3, 2 / 3])
    return Lungs(
        top=float(heights[0]),
        bottom=float(heights[1]),
        middle=float((inner + boxes[large[1], cv2.CC_STAT_LEFT]) / 2 / columns),
        right_side=float(1.0 - beyond / both.sum()),
        right_zone=float(both.sum(1)[taken == third].sum() / both.sum()),
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line, measure every mask, print the figures."""
    parser = argparse.ArgumentParser(
        prog="python -m training.lung_places",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "masks", type=Path, nargs="*", metavar="MASKS", help="folder or zip; default: shipped"
    )
    sources: list[Path] = parser.parse_args(arguments).masks or [shipped_masks()]
    try:
        found = [lungs_of(_pixels(mask)) for source in sources for _, mask in masks_in(source)]
    except (OSError, ValueError) as error:
        stop(str(error))
    print(said(one for one in found if one is not None), f"{found.count(None)} others left out.", sep="\n")


def said(lungs: Iterable[Lungs]) -> str:
    """Return the figures of all lungs together, as text; at least one is needed."""
    table = np.array([[x.top, x.bottom, x.middle, x.right_side, x.right_zone] for x in lungs])
    if not len(table):
        stop("no mask shows two lungs side by side", status=1)
    top, bottom, middle = (np.quantile(column, [0.05, 0.5, 0.95]) for column in table.T[:3])
    return "\n".join(
        [
            f"{len(table)} masks; of the picture, in half of them and in nine of ten:",
            *(
                f"{name:<36}{of[1]:.3f}  ({of[0]:.3f} to {of[2]:.3f})"
                for name, of in (
                    ("lungs begin at", top),
                    ("and end at", bottom),
                    ("middle between them", middle),
                )
            ),
            f"{'lungs on the side that is meant':<36}{table[:, 3].mean():.4f}",
            f"{'lungs in the zone that is meant':<36}{table[:, 4].mean():.4f}",
        ]
    )


def _pixels(content: bytes) -> NDArray[np.bool_]:
    with Image.open(BytesIO(content)) as mask:
        return np.asarray(mask.convert("L")) > 127


if __name__ == "__main__":
    main()
