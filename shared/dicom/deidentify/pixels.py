"""The picture of a data set that is de-identified: decoded, its letters blanked, its unused bits cleared.

It leaves uncompressed: a codestream has room for comments, and bits above the stored ones for an overlay.
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.pixels.processing import apply_color_lut
from pydicom.pixels.utils import pixel_array
from pydicom.uid import ExplicitVRLittleEndian

from shared import burned_in
from shared.dicom.attributes import value_of
from shared.errors import UnsupportedImageError

_WEIGHTS: Final = np.array((0.299, 0.587, 0.114))
_PALETTE: Final = "PALETTE COLOR"


def clean(dataset: Dataset, *, name: str) -> int:
    """Blank the letters in a data set's picture, in place; return how many lines there were.

    Raises:
        UnsupportedImageError: the picture has one bit a pixel, or its file says that letters are in it and
            none can be found.
    """
    if dataset.BitsAllocated < 8:
        message = "a picture of one bit a pixel is not de-identified"
        raise UnsupportedImageError(message, file=name)
    values = _stored(dataset)
    seen = _seen(values, dataset)
    boxes = burned_in.find(seen)
    if not boxes and str(value_of(dataset, "BurnedInAnnotation") or "").strip() == "YES":
        message = (
            "the file says that letters are burned into its picture (Burned In Annotation), and none are "
            "found; blank them by hand and set it to NO"
        )
        raise UnsupportedImageError(message, file=name)
    darkest = np.unravel_index(int(np.argmin(seen)), seen.shape)
    burned_in.blank(values, boxes, black=values[darkest])
    dataset.PixelData = values.astype(values.dtype.newbyteorder("<")).tobytes() + b"\0" * (values.nbytes % 2)
    dataset["PixelData"].VR = "OW" if values.dtype.itemsize > 1 else "OB"
    dataset["PixelData"].is_undefined_length = False
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    if values.ndim == 3:
        dataset.PhotometricInterpretation, dataset.PlanarConfiguration = "RGB", 0
    return len(boxes)


def _stored(dataset: Dataset) -> NDArray[Any]:
    """Return the stored values, colours as RGB: (H, W) or (H, W, 3), with nothing in unused bits."""
    values = np.array(pixel_array(dataset))
    if values.ndim == 3 or not np.issubdtype(values.dtype, np.integer):
        return values
    above = values.dtype.itemsize * 8 - int(dataset.HighBit) - 1
    below = int(dataset.HighBit) + 1 - int(dataset.BitsStored)
    # To the top and back: a signed value's bits above the highest are its sign.
    values = (values << above) >> above
    return (values >> below) << below


def _seen(values: NDArray[Any], dataset: Dataset) -> NDArray[np.uint8]:
    """Return the picture as it is shown, from its darkest to its brightest value."""
    shown: NDArray[Any] = values
    if dataset.PhotometricInterpretation == _PALETTE:
        shown = apply_color_lut(values, dataset)
    gray = (shown @ _WEIGHTS if shown.ndim == 3 else shown).astype(np.float32)
    # A few wild values (a detector's dead pixels) must not press the rest together.
    low, high = np.percentile(gray[:: max(1, gray.shape[0] // 1024)], (0.05, 99.95))
    if dataset.PhotometricInterpretation == "MONOCHROME1":
        gray, low, high = -gray, -high, -low
    shades: NDArray[np.uint8] = np.clip((gray - low) * (255.0 / max(high - low, 1.0)), 0, 255).astype(
        np.uint8
    )
    return shades
