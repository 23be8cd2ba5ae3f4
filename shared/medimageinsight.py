"""MedImageInsight behind an endpoint of Azure AI Foundry: vectors of radiographs, findings by sentences.

Map: `MedImageInsight` (`vectors`, `look`) -> `_rows` · `AnswerError`.
"""

import math
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from shared.azure import table
from shared.errors import ServerError
from shared.outgoing import bare, base64_of, png_of
from shared.remote import Remote

Vector = NDArray[np.float32]

DIMENSIONS: Final = 1024
_SIDE: Final = 480
"""Pixels of the square, in three channels, that the model takes; any radiograph is stretched to fill it."""
_AT_ONCE: Final = 8
"""Rows of one request."""
_LARGEST_SCALE: Final = 20
"""The model's own is under 5, and a power of e."""
_SAME: Final = 0.999
"""Cosine of two vectors of one sentence, at least: half floats differ a little from batch to batch."""


class AnswerError(ServerError):
    """The endpoint answers something else than MedImageInsight does; is another model deployed there?"""


@dataclass(frozen=True, slots=True)
class Look:
    """What the model makes of one picture.

    Attributes:
        vector: the picture's, of length 1.
        logits: one a sentence: of it against the one that says that nothing is there.
    """

    vector: Vector
    logits: Vector


class MedImageInsight:
    """The model, from many threads."""

    def __init__(self, remote: Remote) -> None:
        self._remote = remote
        self._nothing: Vector | None = None
        self._said: dict[str, Vector] = {}
        self._lock = threading.Lock()

    def vectors(self, images: Sequence[Image.Image]) -> Vector:
        """Return one vector of length 1 for each image, as (images, DIMENSIONS).

        Raises:
            TryAgainError: the endpoint is away, busy or slow.
            RefusedError: it does not take the request.
            AnswerError: it answers something else.
        """
        rows = self._rows([(_prepared(image), None) for image in images])
        return np.array([_vector(row, "image_features") for row in rows]).reshape(-1, DIMENSIONS)

    def look(self, image: Image.Image, sentences: Sequence[str], *, nothing: str) -> Look:
        """Hold each sentence about an image against `nothing`, by itself; it raises as `vectors` does.

        A radiograph may show several findings, and the model's own softmax is over labels of which one is
        true. So each has a softmax of two: probability = 1 / (1 + exp(-logit)).

        Args:
            sentences: as the model knows them: x-ray chest anteroposterior Pneumonia.
            nothing: likewise, with No Finding.
        """
        (row,) = self._rows([(_prepared(image), nothing)])
        vector, against, scale = _vector(row, "image_features"), _vector(row, "text_features"), _scale(row)
        said = self._vectors_of(sentences, against)
        logits = math.exp(scale) * ((said - against) @ vector)
        return Look(vector, np.asarray(logits, dtype=np.float32))

    def _vectors_of(self, sentences: Sequence[str], nothing: Vector) -> Vector:
        """Return the sentences' vectors, (sentences, DIMENSIONS), which are asked for once.

        Args:
            nothing: of the sentence that came with the picture. Where it is not the one that came with the
                others, another version of the model answers by now, and all of them are asked for anew.
        """
        with self._lock:
            if self._nothing is None or float(self._nothing @ nothing) < _SAME:
                self._said.clear()
            missing = [sentence for sentence in dict.fromkeys(sentences) if sentence not in self._said]
            rows = self._rows([(None, sentence) for sentence in missing])
            for sentence, row in zip(missing, rows, strict=True):
                self._said[sentence] = _vector(row, "text_features")
            self._nothing = nothing
            return np.array([self._said[sentence] for sentence in sentences])

    def _rows(self, rows: Sequence[tuple[str | None, str | None]]) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for start in range(0, len(rows), _AT_ONCE):
            sent = rows[start : start + _AT_ONCE]
            answer = self._remote.post_json("", table(("image", "text"), sent))
            if (
                not isinstance(answer, list)
                or len(answer) != len(sent)
                or not all(isinstance(row, dict) for row in answer)
            ):
                message = f"MedImageInsight's answer to {len(sent)} rows is no list of as many"
                raise AnswerError(message)
            found += answer
        return found


def _prepared(image: Image.Image) -> str:
    square = bare(image).resize((_SIDE, _SIDE), Image.Resampling.BICUBIC).convert("RGB")
    return base64_of(png_of(square))


def _scale(row: dict[str, Any]) -> float:
    scale = row.get("scaling_factor")
    if not isinstance(scale, int | float) or not abs(scale) <= _LARGEST_SCALE:
        message = "MedImageInsight's answer has no scaling_factor"
        raise AnswerError(message)
    return float(scale)


def _vector(row: dict[str, Any], key: str) -> Vector:
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
