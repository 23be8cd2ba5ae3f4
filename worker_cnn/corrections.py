"""A picture that lies on its side, stands on its head or is inverted is put right before it is classified.

    gate --quality.turn_of--> how it seems to be turned --`undone`--> gate again --> upright now?

Only a picture that the gate then finds upright is taken; any other stays as it came, and is warned about.
"""

from dataclasses import replace
from typing import Final

import numpy as np

from shared.imaging import model_input
from shared.reporting.warnings import ImageWarning
from worker_cnn.decoding import PreparedImage
from worker_cnn.quality import INVERTED

DONE: Final = (
    None,
    ImageWarning.WAS_TURNED_ANTICLOCKWISE,
    ImageWarning.WAS_TURNED_UPSIDE_DOWN,
    ImageWarning.WAS_TURNED_CLOCKWISE,
    ImageWarning.WAS_INVERTED,
)
"""What was done to a picture that seemed to be turned so, in the order of `quality.TURNS`."""


def undone(prepared: PreparedImage, turn: int) -> PreparedImage:
    """Return a picture with the turn of that index into `quality.TURNS` taken back."""
    exposure, rows, columns = prepared.exposure, prepared.rows, prepared.columns
    attributes = prepared.attributes
    if turn == INVERTED:
        preview = 255 - prepared.preview
        exposure = replace(exposure, mean=1.0 - exposure.mean, black=exposure.white, white=exposure.black)
    else:
        preview = np.ascontiguousarray(np.rot90(prepared.preview, turn))
        # Whether the file's letters hold for the picture as it came or as it is now, nobody knows.
        attributes = replace(attributes, orientation=None)
        if turn % 2:
            rows, columns = columns, rows
            spacing = attributes.pixel_spacing_mm
            attributes = replace(attributes, pixel_spacing_mm=spacing and spacing[::-1])
    # Made of the preview, which is finer than the input and as gray; the border of the square stays black.
    square = model_input(preview.astype(np.float32) / np.float32(255.0), prepared.model_input.shape[0])
    return replace(
        prepared,
        model_input=square,
        preview=preview,
        attributes=attributes,
        exposure=exposure,
        rows=rows,
        columns=columns,
    )
