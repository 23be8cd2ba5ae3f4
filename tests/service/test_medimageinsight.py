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
from tests.support.medimageinsight import SCALE, seeing, sentence
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
    picture = Reply([{"image_features": [towards(1)], "text_features": towards(0), "scaling_factor": 2.0}])
    texts = Reply([{"text_features": towards(1)}, {"text_features": towards(2)}])
    running.answers(picture, texts)
    look = model.look(an_image(), ["Pneumonia", "Pleural Effusion"], nothing="No Finding")
    assert look.logits == pytest.approx([np.exp(2), 0])
    assert np.flatnonzero(look.vector).tolist() == [1]
    asked = [[text for _, text in request.body["input_data"]["data"]] for request in running.asked]
    assert asked == [["No Finding"], ["Pneumonia", "Pleural Effusion"]]
    running.answers(picture)
    model.look(an_image(), ["Pneumonia"], nothing="No Finding")
    assert len(running.asked) == 1, "what a sentence means is asked for once"


def test_another_version_behind_the_address_is_asked_for_its_own_sentences(
    running: RemoteServer, model: MedImageInsight
):
    for version in range(2):
        running.answers(seeing({"Mass": 1.0}, version=version))
        look = model.look(an_image(), [sentence("Mass"), sentence("Nodule")], nothing=sentence("No Finding"))
        assert look.logits == pytest.approx([SCALE, 0], abs=2)
        assert len(running.asked) == 2


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
def test_an_answer_without_a_scale_is_none(running: RemoteServer, model: MedImageInsight, scale: object):
    row = {"image_features": [towards(1)], "text_features": towards(0), "scaling_factor": scale}
    running.answers(Reply([row]))
    with pytest.raises(AnswerError, match="scaling_factor"):
        model.look(an_image(), ["Mass"], nothing="No Finding")


def test_an_endpoint_that_is_starting_lets_the_study_wait(running: RemoteServer, model: MedImageInsight):
    running.answers(Reply({}, 503, {"Retry-After": "0"}))
    with pytest.raises(TryAgainError, match="503"):
        model.vectors([an_image()])
