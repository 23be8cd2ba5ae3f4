"""Measure how well films are found again: `python -m training.leak_figures --data DIR [--copies N]`.

DIR is the folder that `training.train_bundled --data` takes. Every pair of NIH films of two patients is
compared: what is called alike is a false alarm. And of N films copies are made, each changed in one way: how
many are found is printed by change. near_duplicates.py has the cut-offs that this is about.

2026-11-25, 1,608 films of 1,265 patients, 300 of them copied; the cut-offs were chosen on the same films:
1,291,366 pairs of two patients, 11 with near hashes, none called alike, the most alike of them 0.73. Found
were all copies that were re-encoded, reduced, brightened, or cropped by 1 or 2 % at each edge; 98 % of those
cropped unevenly by 0 to 4 %, 97 % of those with a border, 94 % of those cropped by 4 % at each edge, and 2 %
of those cropped by 6 % at two edges.
"""

import argparse
from collections.abc import Callable, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from rich.console import Console
from rich.progress import track
from rich.table import Table

from training.bundled.pool import LOW_RESOLUTION, read_pool
from training.near_duplicates import ALIKE, FAR, SIDE, candidates, film, fingerprints, likeness, nearest_scale
from training.squares import square_of
from training.table import Record
from worker_cnn.decoding import prepare

Change: TypeAlias = Callable[[Image.Image], Image.Image]


def crop(left: float, top: float, right: float, bottom: float) -> Change:
    """Return a change that cuts shares of the side off, and halves the size."""

    def cut(picture: Image.Image) -> Image.Image:
        width, height = picture.size
        box = (int(left * width), int(top * height), int((1 - right) * width), int((1 - bottom) * height))
        inside = picture.crop(box)
        return inside.resize((inside.width // 2, inside.height // 2))

    return cut


CHANGES: Final[Mapping[str, Change]] = {
    "JPEG of quality 60": lambda picture: picture,
    "two thirds of the size": lambda picture: picture.resize(
        (picture.width * 2 // 3, picture.height * 2 // 3)
    ),
    "gamma 0.8": lambda picture: picture.point([round(255 * (level / 255) ** 0.8) for level in range(256)]),
    "black border of 5 %": lambda picture: _bordered(picture, round(0.05 * picture.width)),
    "1 % cropped at each edge": crop(0.01, 0.01, 0.01, 0.01),
    "2 % cropped at each edge": crop(0.02, 0.02, 0.02, 0.02),
    "3, 0, 2 and 4 % cropped": crop(0.03, 0.0, 0.02, 0.04),
    "4 % cropped at each edge": crop(0.04, 0.04, 0.04, 0.04),
    "6 % cropped at two edges": crop(0.0, 0.06, 0.06, 0.0),
}
"""Each is done before the picture is written as a JPEG."""


def copy_of(path: Path, change: Change) -> bytes:
    """Return a changed copy of an image file, as a JPEG of quality 60."""
    target = BytesIO()
    with Image.open(path) as picture:
        change(picture.convert("L")).save(target, "JPEG", quality=60)
    return target.getvalue()


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        prog="python -m training.leak_figures",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of real data")
    parser.add_argument("--copies", type=int, default=300, help="films to copy")
    options = parser.parse_args(arguments)
    pool = [one for one in read_pool(options.data) if one.dataset != LOW_RESOLUTION]
    errors = Console(stderr=True)
    films, kept = [], []
    for one in track(pool, "Decoding", console=errors, transient=True):
        picture = film(square_of(options.data / one.image, SIDE))
        if picture is not None:
            films.append(picture)
            kept.append(one)
    bits = np.stack([fingerprints(one) for one in films])
    console = Console()
    console.print(_false_alarms(kept, films, bits))
    table = Table(f"change, of {options.copies} films", "hash near", "found", "least likeness")
    chosen = np.random.default_rng(0).permutation(len(films))[: options.copies].tolist()
    for name, change in track(CHANGES.items(), "Copying", console=errors, transient=True):
        table.add_row(
            name, *_found_again(change, [(options.data / kept[i].image, films[i], bits[i]) for i in chosen])
        )
    console.print(table)


def _false_alarms(
    pool: Sequence[Record], films: Sequence[NDArray[np.uint8]], bits: NDArray[np.uint64]
) -> str:
    pairs = np.concatenate(list(candidates(bits, bits)))
    near = [(i, j) for i, j in pairs.tolist() if i < j and pool[i].patient != pool[j].patient]
    values = [likeness(films[i], films[j], scale=nearest_scale(bits[i], bits[j])) for i, j in near]
    patients = np.unique([one.patient for one in pool], return_counts=True)[1]
    total = (len(pool) ** 2 - int((patients**2).sum())) // 2
    highest = f"; the most alike {max(values):.3f}" if values else ""
    alike = sum(value >= ALIKE for value in values)
    return (
        f"{len(pool):,} films of {len(patients):,} patients, {total:,} pairs of two patients: {len(near)} "
        f"with hashes that are near ({FAR} bits of 256), {alike} called alike ({ALIKE}){highest}"
    )


def _found_again(
    change: Change, chosen: Sequence[tuple[Path, NDArray[np.uint8], NDArray[np.uint64]]]
) -> tuple[str, str, str]:
    near, found, least = 0, 0, 1.0
    for path, picture, bits in chosen:
        made = prepare(copy_of(path, change), name=path.name, size=SIDE).model_input
        copied = film(np.rint(made * 255.0).astype(np.uint8))
        if copied is None:
            continue
        others = fingerprints(copied)
        is_near = any(len(block) for block in candidates(bits[None], others[None]))
        value = likeness(picture, copied, scale=nearest_scale(bits, others))
        near, found, least = near + is_near, found + (is_near and value >= ALIKE), min(least, value)
    count = len(chosen)
    return f"{near / count:.1%}", f"{found / count:.1%}", f"{least:.3f}"


def _bordered(picture: Image.Image, width: int) -> Image.Image:
    larger = Image.new("L", (picture.width + 2 * width, picture.height + 2 * width))
    larger.paste(picture, (width, width))
    return larger


if __name__ == "__main__":
    main()
