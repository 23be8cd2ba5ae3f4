"""Pictures as they leave for a server: pixels, and nothing else of what they were read from.

A picture that was opened from a file carries more than pixels (texts, profiles, times), and would take it
along into the next file. Letters that are burned into the pixels stay in them.

Map: `bare` -> `png_of`, `jpeg_of` -> `base64_of`, `data_url`.
"""

import base64
from io import BytesIO
from typing import Final

from PIL import Image

_QUALITY: Final = 92
_PNG: Final = b"\x89PNG"


def bare(image: Image.Image, *, longest: int | None = None) -> Image.Image:
    """Return an image's pixels alone, gray or RGB, no side longer than `longest`; it is not enlarged."""
    pixels = image.convert("RGB" if image.mode == "RGB" else "L")
    if longest is not None:
        pixels.thumbnail((longest, longest), Image.Resampling.LANCZOS)
    return Image.frombytes(pixels.mode, pixels.size, pixels.tobytes())


def png_of(image: Image.Image) -> bytes:
    """Write an image as PNG."""
    packed = BytesIO()
    bare(image).save(packed, "PNG")
    return packed.getvalue()


def jpeg_of(image: Image.Image) -> bytes:
    """Write an image as JPEG, a fifth of the bytes."""
    packed = BytesIO()
    bare(image).save(packed, "JPEG", quality=_QUALITY)
    return packed.getvalue()


def base64_of(content: bytes) -> str:
    """Write bytes as JSON can hold them."""
    return base64.b64encode(content).decode("ascii")


def data_url(content: bytes) -> str:
    """Write a PNG or JPEG as a URL that holds it."""
    kind = "png" if content.startswith(_PNG) else "jpeg"
    return f"data:image/{kind};base64,{base64_of(content)}"
