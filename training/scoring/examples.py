"""Hits and misses of each label, with the worker's heatmap of what the bundle looked at."""

from collections.abc import Iterable
from dataclasses import dataclass
from io import BytesIO
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from rich.console import Console
from rich.progress import track

from shared.bundles import Bundle
from shared.domain.findings import Box
from training.scoring.judge import Decode
from training.scoring.measured import Measured
from training.scoring.scored import Scored
from worker_cnn import heatmaps
from worker_cnn.runtime import Model, label_weights, load_model

HIT: Final = "hit"
MISS: Final = "miss"
FALSE_ALARM: Final = "false alarm"

_SIDE: Final = 320  # pixels of the longer side: enough to see what the map points at
_QUALITY: Final = 80
_BOX: Final = (0, 200, 255)


@dataclass(frozen=True, slots=True)
class Example:
    """One image of a label.

    Attributes:
        kind: `HIT` (there, and called), `MISS` (there, not called) or `FALSE_ALARM` (called, not there).
        jpeg: the radiograph, and beside it the same under the label's heatmap.
    """

    label: str
    kind: str
    file: str
    probability: float
    threshold: float
    jpeg: bytes


def examples(bundle: Bundle, scored: Scored, *, threads: int, decode: Decode) -> list[Example]:
    """Return of each label the surest hit, the worst miss and the surest false alarm, as far as there are.

    A classifier without a feature map points nowhere, and has no examples.
    """
    model = load_model(bundle, device="cpu", threads=threads)
    chosen = list(_chosen(bundle, scored))
    drawn = [
        (k, kind, row, _drawn(scored.measured[row], k, bundle, model, decode))
        for k, kind, row in track(chosen, "Drawing heatmaps", console=Console(stderr=True))
    ]
    return [
        Example(
            label=scored.labels[k],
            kind=kind,
            file=scored.measured[row].row.file,
            probability=float(scored.scores[row, k]),
            threshold=bundle.card.labels[k].threshold,
            jpeg=jpeg,
        )
        for k, kind, row, jpeg in drawn
        if jpeg is not None
    ]


def _chosen(bundle: Bundle, scored: Scored) -> Iterable[tuple[int, str, int]]:
    """Yield label, kind and row."""
    for k, label in enumerate(bundle.card.labels):
        scores, known = scored.scores[:, k], scored.known[:, k]
        there, called = scored.truth[:, k], scores >= label.threshold
        for kind, rows, sign in (
            (HIT, known & there & called, 1.0),
            (MISS, known & there & ~called, -1.0),
            (FALSE_ALARM, known & ~there & called, 1.0),
        ):
            if rows.any():
                yield k, kind, int(np.argmax(np.where(rows, sign * scores, -np.inf)))


def _drawn(one: Measured, k: int, bundle: Bundle, model: Model, decode: Decode) -> bytes | None:
    prepared = decode(one.path.read_bytes(), name=one.path.name, size=bundle.card.input_size)
    output = model.run(prepared.model_input[np.newaxis])[0]
    if output.feature_map is None:
        return None
    rows, columns = prepared.preview.shape
    weights = label_weights(bundle)[k]
    heat = heatmaps.activation(output.feature_map, weights, rows=rows, columns=columns)
    scale = _SIDE / max(rows, columns)
    size = (max(1, round(columns * scale)), max(1, round(rows * scale)))
    gray = np.asarray(cv2.resize(prepared.preview, size, interpolation=cv2.INTER_AREA), np.uint8)
    return _side_by_side(gray, np.asarray(cv2.resize(heat, size), np.float32), heatmaps.box_of(heat))


def _side_by_side(gray: NDArray[np.uint8], heat: NDArray[np.float32], box: Box | None) -> bytes:
    """Return a JPEG: the radiograph, and the same with heat (h, w) in [0, 1] as colour and opacity."""
    plain = np.repeat(gray[:, :, None], 3, axis=2)
    levels = np.rint(np.clip(heat, 0.0, 1.0) * 255.0).astype(np.uint8)
    colour = np.asarray(cv2.applyColorMap(levels, cv2.COLORMAP_INFERNO))[:, :, ::-1]
    opacity = 0.6 * np.clip(heat, 0.0, 1.0)[:, :, None]
    mixed = np.rint(plain * (1.0 - opacity) + colour * opacity).astype(np.uint8)
    height, width = gray.shape
    picture = Image.fromarray(np.hstack([plain, mixed]))
    if box is not None:
        corners = (
            width + box.left * width,
            box.top * height,
            width + box.right * width - 1,
            box.bottom * height - 1,
        )
        ImageDraw.Draw(picture).rectangle(corners, outline=_BOX, width=2)
    packed = BytesIO()
    picture.save(packed, "JPEG", quality=_QUALITY)
    return packed.getvalue()
