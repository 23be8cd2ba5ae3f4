"""Rendered instances (PS3.18 8.3.5, 10.4.1.1.4): of the worker's previews and of what a report is made into.

A preview's longer side has at most 1,536 pixels, and 256 levels of gray of what its file says is shown: a
window that a client asks for is a window on these.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Final

from PIL import Image, ImageOps

from api.problem_kinds import Code
from api.problems import ProblemError

JPEG: Final = "image/jpeg"
PNG: Final = "image/png"
THUMBNAIL: Final = 256
"""Pixels of a thumbnail's longer side."""
_LARGEST_VIEWPORT: Final = 4096
_NUMBER: Final = r"-?\d{1,9}(?:\.\d{1,6})?"
_WINDOW: Final = re.compile(rf"({_NUMBER}),({_NUMBER}),(linear|linear-exact|sigmoid)")
_VIEWPORT: Final = re.compile(r"(\d{1,5}),(\d{1,5})(?:,(\d{0,6}),(\d{0,6}),(\d{0,6}),(\d{0,6}))?")
_WHOLE: Final = (0, 0, 0, 0)
_KNOWN: Final = frozenset({"accept", "window", "viewport", "quality"})


@dataclass(frozen=True, slots=True)
class Shown:
    """How a picture is to be shown.

    Attributes:
        window: center and width, in stored values.
        size: the viewport's width and height.
        region: of the picture, in pixels of the instance: left, top, width, height; 0 means up to its edge.
        quality: of a JPEG, of 100.
    """

    window: tuple[float, float] | None = None
    size: tuple[int, int] | None = None
    region: tuple[int, int, int, int] = _WHOLE
    quality: int = 90


@dataclass(frozen=True, slots=True)
class Preview:
    """A picture, and what is known of it.

    Attributes:
        width: of the instance that it shows, in pixels.
        shown_range: the stored values that are shown black and white; None where that is not known.
        is_inverted: whether the lowest stored value is white.
    """

    content: bytes
    width: int
    shown_range: tuple[float, float] | None = None
    is_inverted: bool = False


def shown_by(parameters: Mapping[str, str]) -> Shown:
    """Read how a picture is to be shown.

    Raises:
        ProblemError: 400.
    """
    if unknown := parameters.keys() - _KNOWN:
        message = f"rendering takes {', '.join(sorted(_KNOWN))}, and not {len(unknown)} other parameters"
        raise ProblemError(Code.BAD_REQUEST, message)
    size, region = _viewport(parameters["viewport"]) if "viewport" in parameters else (None, _WHOLE)
    return Shown(
        window=_window(parameters["window"]) if "window" in parameters else None,
        size=size,
        region=region,
        quality=_quality(parameters.get("quality", "90")),
    )


def rendered(preview: Preview, shown: Shown, media_type: str) -> bytes:
    """Render a picture as PNG or JPEG.

    Raises:
        ProblemError: 400, there is no window on it, or the region lies outside.
    """
    with Image.open(BytesIO(preview.content)) as opened:
        picture = opened.convert("L" if opened.mode in {"L", "I;16", "1"} else "RGB")
    if shown.window is not None:
        picture = _windowed(picture, preview, shown.window)
    picture = _region(picture, preview, shown.region)
    if shown.size is not None:
        picture = ImageOps.contain(picture, shown.size)
    content = BytesIO()
    options = {"quality": shown.quality} if media_type == JPEG else {}
    picture.save(content, "JPEG" if media_type == JPEG else "PNG", **options)
    return content.getvalue()


def _windowed(picture: Image.Image, preview: Preview, window: tuple[float, float]) -> Image.Image:
    """Apply a linear window (PS3.3 C.11.2.1.2.1) to the stored values that the levels stand for."""
    if preview.shown_range is None or picture.mode != "L":
        message = "there is no window on this instance: which stored values its picture shows is not known"
        raise ProblemError(Code.BAD_REQUEST, message)
    (low, high), (center, width) = preview.shown_range, window
    levels = []
    for level in range(256):
        fraction = (255 - level if preview.is_inverted else level) / 255
        value = low + fraction * (high - low)
        shown = ((value - (center - 0.5)) / max(width - 1, 1e-6) + 0.5) * 255
        gray = round(min(max(shown, 0), 255))
        levels.append(255 - gray if preview.is_inverted else gray)
    return picture.point(levels)


def _region(picture: Image.Image, preview: Preview, region: tuple[int, int, int, int]) -> Image.Image:
    scale = picture.width / preview.width if preview.width else 1.0
    left, top, width, height = (round(length * scale) for length in region)
    right = left + width if width else picture.width
    bottom = top + height if height else picture.height
    right, bottom = min(right, picture.width), min(bottom, picture.height)
    if left >= right or top >= bottom:
        message = "the viewport's region lies outside of the picture"
        raise ProblemError(Code.BAD_REQUEST, message)
    return picture.crop((left, top, right, bottom))


def _window(text: str) -> tuple[float, float]:
    found = _WINDOW.fullmatch(text)
    if found is None or float(found[2]) < 1 or found[3] != "linear":
        message = "window takes a center, a width of at least 1, and `linear`: 2048,4096,linear"
        raise ProblemError(Code.BAD_REQUEST, message)
    return float(found[1]), float(found[2])


def _quality(text: str) -> int:
    if re.fullmatch(r"\d{1,3}", text) is None or not 1 <= int(text) <= 100:
        message = "quality takes a whole number from 1 to 100"
        raise ProblemError(Code.BAD_REQUEST, message)
    return int(text)


def _viewport(text: str) -> tuple[tuple[int, int], tuple[int, int, int, int]]:
    found = _VIEWPORT.fullmatch(text)
    numbers = [int(number or 0) for number in found.groups()] if found else [0] * 6
    width, height, left, top, across, down = numbers
    if not 0 < width <= _LARGEST_VIEWPORT or not 0 < height <= _LARGEST_VIEWPORT:
        message = (
            f"viewport takes a width and a height of 1 to {_LARGEST_VIEWPORT} pixels, and after them, where "
            "wanted, the left, top, width and height of the region that is shown"
        )
        raise ProblemError(Code.BAD_REQUEST, message)
    return (width, height), (left, top, across, down)
