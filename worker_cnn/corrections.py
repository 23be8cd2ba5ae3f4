"""A picture that lies on its side, stands on its head or is inverted is put right before it is classified.

    predict --quality.turn_of--> how it seems to be turned --`undone`--> predict again --> upright now?

Only a picture that the gate then finds upright is taken; any other stays as it came, and is warned about.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from shared.bundles import Gate
from shared.imaging import model_input
from shared.reporting.warnings import ImageWarning
from worker_cnn.decoding import PreparedImage
from worker_cnn.quality import INVERTED, turn_of
from worker_cnn.runtime import ImageOutput

DONE: Final = (
    None,
    ImageWarning.WAS_TURNED_ANTICLOCKWISE,
    ImageWarning.WAS_TURNED_UPSIDE_DOWN,
    ImageWarning.WAS_TURNED_CLOCKWISE,
    ImageWarning.WAS_INVERTED,
)
"""What was done to a picture that seemed to be turned so, in the order of `quality.TURNS`."""

Pixels = NDArray[np.float32]
Predict = Callable[[Pixels], ImageOutput]


@dataclass(frozen=True, slots=True)
class Reading:
    """A picture as it is classified.

    Attributes:
        output: what the graph says of it.
        done: what was done to it first; None for nearly every one.
    """

    prepared: PreparedImage
    output: ImageOutput
    done: ImageWarning | None


def read(prepared: PreparedImage, predict: Predict, gate: Gate) -> Reading:
    """Classify a picture, and again when it had to be put right first."""
    output = predict(prepared.model_input)
    turn, _ = turn_of(output)
    if turn != 0:
        righted = undone(prepared, turn)
        again = predict(righted.model_input)
        now, probability = turn_of(again)
        # However unsure the first look was: what an upright picture is turned into never looks upright.
        if now == 0 and probability >= gate.min_turned:
            return Reading(righted, again, DONE[turn])
    return Reading(prepared, output, None)


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
