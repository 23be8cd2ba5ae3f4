"""How many burned-in letters are found and blanked, and how much else: texts drawn over real radiographs.

python -m bench.burned_in FOLDER [--images 100] [--scale 4]

Each image gets two lines (names, ids, dates; five faces of DejaVu, 1.2 to 3.5 % of the picture's height,
white, black or light gray, most along an edge), half of the images are packed as JPEG of quality 90
after that. A line is found where half of its ink is blanked, whole where nine tenths are; one with less
than 40 gray levels of contrast is not counted. What is blanked of the images as they come is not all
wrong: there are markers on them.
"""

import argparse
import random
from io import BytesIO
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from shared import burned_in

_TEXTS: Final = (
    "DOE^JANE", "Smith, John A.", "MRN 00412345", "1957-03-14", "12/04/2019 13:45", "ACC 20194412",
    "ST. MARY HOSPITAL", "ID: 7734-21", "Müller Käthe *01.02.1944", "PORTABLE 0630 HRS",
)  # fmt: skip
_FACES: Final = ("Sans", "Sans-Bold", "SansMono-Bold", "Serif", "SansCondensed")
_LEAST_CONTRAST: Final = 40


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--images", type=int, default=100)
    parser.add_argument(
        "--scale", type=int, default=1, help="Enlarge the images before the letters are drawn."
    )
    asked = parser.parse_args()
    draw = random.Random(1)
    paths = sorted(asked.folder.glob("*"))
    draw.shuffle(paths)
    covered: list[float] = []
    untouched: list[float] = []
    for path in paths[: asked.images]:
        image = Image.open(path).convert("L")
        image = image.resize(
            (image.width * asked.scale, image.height * asked.scale), Image.Resampling.LANCZOS
        )
        untouched.append(float(_blanked(np.asarray(image)).mean()))
        drawn, inks = _with_lines(image, draw)
        blanked = _blanked(drawn)
        covered += [float(blanked[ink].mean()) for ink in inks]
    lines, areas = np.array(covered), np.array(untouched)
    print(f"{len(lines)} lines: found {np.mean(lines > 0.5):.3f}, whole {np.mean(lines > 0.9):.3f}")
    some = np.mean(areas > 0)
    print(f"{len(areas)} images as they come: {some:.3f} have something blanked, of all {areas.mean():.4f}")


def _blanked(picture: NDArray[np.uint8]) -> NDArray[np.bool_]:
    mask = np.zeros(picture.shape, bool)
    burned_in.blank(mask, burned_in.find(picture), black=True)
    return mask


def _with_lines(image: Image.Image, draw: random.Random) -> tuple[NDArray[np.uint8], list[NDArray[np.bool_]]]:
    before, drawn = np.asarray(image), image.copy()
    inks: list[NDArray[np.bool_]] = []
    for _ in range(2):
        text, size = draw.choice(_TEXTS), max(9, int(draw.uniform(0.012, 0.035) * image.height))
        font = ImageFont.truetype(f"DejaVu{draw.choice(_FACES)}.ttf", size)
        width = int(ImageDraw.Draw(drawn).textlength(text, font=font))
        edges = (image.height // 100, image.height * 19 // 20 - size)
        top = draw.choice(edges) if draw.random() < 0.7 else draw.randrange(image.height - 2 * size)
        place = (draw.randrange(2, max(3, image.width - width - 2)), top)
        level = draw.choice((255, 255, 255, 0, 200))
        mask = Image.new("L", image.size, 0)
        ImageDraw.Draw(mask).text(place, text, font=font, fill=255)
        ink = np.asarray(mask) > 127
        if any((ink & other).any() for other in inks) or width > image.width - 4:
            continue
        ImageDraw.Draw(drawn).text(place, text, font=font, fill=level)
        if abs(level - float(np.median(before[ink]))) >= _LEAST_CONTRAST:
            inks.append(ink)
    if draw.random() < 0.5:
        packed = BytesIO()
        drawn.save(packed, "JPEG", quality=90)
        drawn = Image.open(packed).convert("L")
    return np.asarray(drawn), inks


if __name__ == "__main__":
    main()
