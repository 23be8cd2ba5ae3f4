"""Pictures as PNG bytes: most of what a study costs outside its decoder and its model."""

from io import BytesIO
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

_FAST: Final = (
    *(cv2.IMWRITE_PNG_COMPRESSION, 1),
    # A radiograph repeats nothing, so only the differences of its rows are worth coding: smaller than what
    # zlib's first level finds, in half the time.
    *(cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_HUFFMAN_ONLY),
    *(cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_UP),
)
_GRAYS: Final = np.arange(256, dtype=np.uint8)
_INFERNO: Final = np.asarray(cv2.applyColorMap(_GRAYS[:, None], cv2.COLORMAP_INFERNO))[:, 0, ::-1].tobytes()


def radiograph_png(picture: NDArray[np.uint8]) -> bytes:
    """Encode an (h, w) gray picture, without loss.

    Raises:
        ValueError: the picture cannot be encoded (empty, or of another shape).
    """
    if picture.ndim != 2 or picture.size == 0:  # OpenCV raises an error of its own for it
        message = f"a picture of shape {picture.shape} cannot be encoded as PNG"
        raise ValueError(message)
    good, encoded = cv2.imencode(".png", np.ascontiguousarray(picture), _FAST)
    if not good:
        message = f"a picture of shape {picture.shape} cannot be encoded as PNG"
        raise ValueError(message)
    return encoded.tobytes()


def heatmap_png(heat: NDArray[np.uint8]) -> bytes:
    """Encode an (h, w) map as an overlay: its heat is its colour, and its opacity."""
    image = Image.fromarray(heat)
    # Colour and opacity follow from one number, so a palette says both: a quarter of the bytes of RGBA.
    image.putpalette(_INFERNO)
    packed = BytesIO()
    image.save(packed, "PNG", transparency=bytes(_GRAYS), compress_level=1)
    return packed.getvalue()
