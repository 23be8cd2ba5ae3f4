"""MedImageInsight behind an endpoint of Azure AI Foundry: vectors of radiographs, findings by their names.

Map: `MedImageInsight` (`vectors`, `probabilities`) -> `_rows` · `AnswerError`.
"""

import math
import threading
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from shared.azure import table
from shared.outgoing import bare, base64_of, png_of
from shared.remote import Remote

Vectors = NDArray[np.float32]

DIMENSIONS: Final = 1024
_SIDE: Final = 480
"""Pixels of the square, in three channels, that the model takes; any radiograph is stretched to fill it."""
_AT_ONCE: Final = 8
"""Images of one request."""
_LARGEST_SCALE: Final = 20
"""The model's own is under 5, and a power of e."""


class AnswerError(RuntimeError):
    """The endpoint answers something else than MedImageInsight does; is another model deployed there?"""


class MedImageInsight:
    """The model, from many threads."""

    def __init__(self, remote: Remote) -> None:
        self._remote = remote
        self._said: dict[str, tuple[Vectors, float]] = {}
        self._lock = threading.Lock()

    def vectors(self, images: Sequence[Image.Image]) -> Vectors:
        """Return one vector of length 1 for each image, as (images, DIMENSIONS).

        Raises:
            TryAgainError: the endpoint is away, busy or slow.
            RefusedError: it does not take the request.
            AnswerError: it answers something else.
        """
        found = np.empty((len(images), DIMENSIONS), dtype=np.float32)
        for start in range(0, len(images), _AT_ONCE):
            sent = images[start : start + _AT_ONCE]
            rows = self._rows([(_prepared(image), None) for image in sent])
            found[start : start + len(sent)] = [_vector(row, "image_features") for row in rows]
        return found

    def probabilities(
        self, images: Sequence[Image.Image], names: Sequence[str], *, view: str = "anteroposterior"
    ) -> Vectors:
        """Return how probable each finding is in each image, as (images, names); it raises as `vectors` does.

        Each finding is asked for by itself, against "No Finding": a radiograph may show several, and the
        model's own softmax is over labels of which one is true.

        Args:
            names: of the findings, as the model knows them: Pneumonia, Pleural Effusion.
            view: as the model knows it.
        """
        none, *others = (self._text(f"x-ray chest {view} {name}") for name in ("No Finding", *names))
        seen = self.vectors(images)
        against = np.stack([vector - none[0] for vector, _ in others], axis=1)
        return np.asarray(1 / (1 + np.exp(-math.exp(none[1]) * (seen @ against))), dtype=np.float32)

    def _text(self, text: str) -> tuple[Vectors, float]:
        """Return a text's vector and the model's scale; both are asked for once."""
        with self._lock:
            if text not in self._said:
                (row,) = self._rows([(None, text)])
                scale = row.get("scaling_factor")
                if not isinstance(scale, int | float) or not abs(scale) <= _LARGEST_SCALE:
                    message = "MedImageInsight's answer has no scaling_factor"
                    raise AnswerError(message)
                self._said[text] = _vector(row, "text_features"), float(scale)
            return self._said[text]

    def _rows(self, rows: Sequence[tuple[str | None, str | None]]) -> list[dict[str, Any]]:
        answer = self._remote.post_json("", table(("image", "text"), rows))
        if (
            not isinstance(answer, list)
            or len(answer) != len(rows)
            or not all(isinstance(row, dict) for row in answer)
        ):
            message = f"MedImageInsight's answer to {len(rows)} rows is no list of as many"
            raise AnswerError(message)
        return answer


def _prepared(image: Image.Image) -> str:
    square = bare(image).resize((_SIDE, _SIDE), Image.Resampling.BICUBIC).convert("RGB")
    return base64_of(png_of(square))


def _vector(row: dict[str, Any], key: str) -> Vectors:
    try:
        vector = np.asarray(row.get(key), dtype=np.float32).reshape(DIMENSIONS)
    except (TypeError, ValueError) as error:
        message = f"MedImageInsight's {key} are not {DIMENSIONS} numbers"
        raise AnswerError(message) from error
    length = float(np.linalg.norm(vector))
    if not (math.isfinite(length) and length > 0):
        message = f"MedImageInsight's {key} have a number that is none, or are all zero"
        raise AnswerError(message)
    return vector / np.float32(length)
