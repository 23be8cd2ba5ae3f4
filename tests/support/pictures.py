"""Radiographs as writers that see are shown them: plain, of any size."""

from io import BytesIO

from PIL import Image

from shared.domain.findings import ViewPosition
from shared.reporting.request import Picture, View


def a_picture(
    index: int = 0,
    position: ViewPosition = ViewPosition.PA,
    *,
    size: tuple[int, int] = (40, 40),
    grays: tuple[int, int] = (10, 200),
) -> Picture:
    """Return a picture of one gray, with another in its first pixel."""
    image = Image.new("L", size, grays[0])
    image.putpixel((0, 0), grays[1])
    held = BytesIO()
    image.save(held, "PNG")
    return Picture(index, View(position), held.getvalue())
