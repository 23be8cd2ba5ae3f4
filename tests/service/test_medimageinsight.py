"""MedImageInsight against a server that speaks its wire form, faults included."""

import base64
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from io import BytesIO

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from shared.errors import TryAgainError
from shared.medimageinsight import DIMENSIONS, AnswerError, MedImageInsight
from shared.remote import Remote
from tests.support.remote_servers import RemoteServer, Reply, remote_server


@pytest.fixture(scope="module")
def running() -> Iterator[RemoteServer]:
    with remote_server() as server:
        yield server


@pytest.fixture
def model(running: RemoteServer) -> Iterator[MedImageInsight]:
    remote = Remote(
        f"{running.url}/score",
        key=None,
        timeout=timedelta(seconds=5),
        at_once=1,
        settings="CXR_MODEL_ENCODER",
    )
    with closing(remote):
        yield MedImageInsight(remote)


def towards(*axes: int) -> list[float]:
    vector = [0.0] * DIMENSIONS
    for axis in axes:
        vector[axis] = 2.0
    return vector


def an_image() -> Image.Image:
    """Return one from a file that says who is on it."""
    said, packed = PngInfo(), BytesIO()
    said.add_text("PatientName", "Doe^Jane")
    Image.linear_gradient("L").resize((300, 200)).save(packed, "PNG", pnginfo=said, dpi=(72, 72))
    return Image.open(BytesIO(packed.getvalue()))


def test_a_radiograph_becomes_a_vector_of_length_one_and_only_its_pixels_leave(
    running: RemoteServer, model: MedImageInsight
):
    running.answers(Reply([{"image_features": [towards(0, 1)], "scaling_factor": 4.6}]))
    (vector,) = model.vectors([an_image()])
    assert vector[:3] == pytest.approx([0.5**0.5, 0.5**0.5, 0])
    (asked,) = running.asked
    assert asked.path == "/score"
    assert (asked.body["input_data"]["columns"], asked.body["input_data"]["index"]) == (
        ["image", "text"],
        [0],
    )
    ((sent, text),) = asked.body["input_data"]["data"]
    content = base64.b64decode(sent)
    with Image.open(BytesIO(content)) as image:
        assert (image.size, image.mode, image.info) == ((480, 480), "RGB", {})
    assert text is None
    assert b"Doe" not in content


def test_many_radiographs_go_in_requests_of_eight(running: RemoteServer, model: MedImageInsight):
    running.answers(*(Reply([{"image_features": [towards(n)]}] * n) for n in (8, 2)))
    vectors = model.vectors([an_image()] * 10)
    assert np.flatnonzero(vectors.sum(axis=0)).tolist() == [2, 8]


def test_each_finding_is_held_against_none_by_itself(running: RemoteServer, model: MedImageInsight):
    texts = [Reply([{"text_features": towards(n), "scaling_factor": 2.0}]) for n in range(3)]
    running.answers(*texts, Reply([{"image_features": [towards(1)]}]))
    ((pneumonia, effusion),) = model.probabilities([an_image()], ["Pneumonia", "Pleural Effusion"])
    assert pneumonia == pytest.approx(1 / (1 + np.exp(-np.exp(2))), rel=1e-4)
    assert effusion == pytest.approx(0.5)
    asked = [request.body["input_data"]["data"][0][1] for request in running.asked]
    assert asked == [
        "x-ray chest anteroposterior No Finding",
        "x-ray chest anteroposterior Pneumonia",
        "x-ray chest anteroposterior Pleural Effusion",
        None,
    ]
    running.answers(Reply([{"image_features": [towards(1)]}]))
    model.probabilities([an_image()], ["Pneumonia"])
    assert len(running.asked) == 1, "what a text means is asked for once"


@pytest.mark.parametrize(
    "answer",
    [
        [],
        {"error": "none"},
        [{"image_features": [towards(0)]}] * 2,
        ["text"],
        [{}],
        [{"image_features": None}],
        [{"image_features": [[1.0] * 10]}],
        [{"image_features": [["a"] * DIMENSIONS]}],
        [{"image_features": [[float("nan")] * DIMENSIONS]}],
        [{"image_features": [[0.0] * DIMENSIONS]}],
    ],
    ids=lambda answer: str(answer)[:30],
)
def test_an_answer_of_another_shape_is_told_apart(
    running: RemoteServer, model: MedImageInsight, answer: object
):
    running.answers(Reply(answer))
    with pytest.raises(AnswerError, match="MedImageInsight"):
        model.vectors([an_image()])


@pytest.mark.parametrize("scale", [None, "4", 1e9, float("nan")])
def test_a_text_without_a_scale_is_no_answer(running: RemoteServer, model: MedImageInsight, scale: object):
    running.answers(Reply([{"text_features": towards(0), "scaling_factor": scale}]))
    with pytest.raises(AnswerError, match="scaling_factor"):
        model.probabilities([an_image()], ["Mass"])


def test_an_endpoint_that_is_starting_lets_the_study_wait(running: RemoteServer, model: MedImageInsight):
    running.answers(Reply({}, 503, {"Retry-After": "0"}))
    with pytest.raises(TryAgainError, match="503"):
        model.vectors([an_image()])
