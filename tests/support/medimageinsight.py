"""MedImageInsight's wire form, as Microsoft documents it: a row of vectors for each row that is asked."""

import base64
import math
from collections.abc import Callable, Mapping
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image

from shared.medimageinsight import DIMENSIONS
from tests.support.remote_servers import Asked, Reply

SCALE = 10.0
"""A picture that shows one finding alone has it with a logit of so much, and the others with about 0."""


def sentence(finding: str) -> str:
    return f"x-ray chest anteroposterior {finding}"


def seeing(shows: Mapping[str, float], *, version: int = 0) -> Callable[[Asked], Reply]:
    """Return what answers as the model does where every picture shows these findings so strongly.

    Args:
        shows: by the names that the model is asked for.
        version: another one has other vectors for the same sentences.
    """

    def answer(asked: Asked) -> Reply:
        told = asked.body["input_data"]
        assert told["columns"] == ["image", "text"]
        assert told["index"] == list(range(len(told["data"])))
        return Reply([_row(image, text) for image, text in told["data"]])

    def _row(image: str | None, text: str | None) -> dict[str, Any]:
        row: dict[str, Any] = {"scaling_factor": math.log(SCALE)}
        if image is not None:
            with Image.open(BytesIO(base64.b64decode(image))) as picture:
                assert (picture.size, picture.mode, picture.info) == ((480, 480), "RGB", {})
            seen = sum(_axis(sentence(name), version) * weight for name, weight in shows.items())
            row["image_features"] = [np.asarray(seen).tolist()]
        if text is not None:
            row["text_features"] = _axis(text, version).tolist()
        return row

    return answer


def _axis(text: str, version: int) -> np.ndarray[Any, Any]:
    """Return a direction of a sentence's own: at right angles to the others', nearly."""
    seed = int.from_bytes(f"{version} {text}".encode()[-64:], "little")
    vector = np.random.default_rng(seed).normal(size=DIMENSIONS)
    return np.asarray(vector / np.linalg.norm(vector))
