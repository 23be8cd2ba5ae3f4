"""The vector of an image: of the classifier's map, or of an encoder that sees the picture's middle square."""

import json
from pathlib import Path

import numpy as np
import onnx
import onnx.parser
import pytest

from shared.bundles import CARD, GRAPH, BundleError, digest_of, load_bundle
from shared.dicom.attributes import Attributes
from shared.domain.findings import ModelVersion
from shared.imaging import Exposure
from shared.settings import ModelSettings
from tests.support.bundles import SIZE, write_tiny_bundle
from worker_cnn.decoding import PreparedImage
from worker_cnn.encoders import load_encode
from worker_cnn.encoding import middle_square, pooled, unit
from worker_cnn.runtime import ImageOutput

VERSION = ModelVersion("tiny", "1", "a" * 64)
LOGITS = np.zeros(2, np.float32)
_GRAPH = """
<ir_version: 10, opset_import: ["" : 18]>
encoder (float[N, 3, 32, 32] images) => (float[N, WIDTH] NAME)
<int64[2] middle = {16, 16}, int64[2] shape = {-1, WIDTH}, int64[3] plane = {1, 2, 3}>
{
  upper, lower = Split <axis = 2> (images, middle)
  bright = ReduceMean <keepdims = 1> (upper, plane)
  dark = ReduceMean <keepdims = 1> (lower, plane)
  both = Concat <axis = 1> (bright, dark)
  NAME = Reshape (both, shape)
}
"""
"""How bright the upper half is, and how bright the lower."""


def write_encoder(folder: Path, *, name: str = "embedding", width: int = 2, **changes: object) -> Path:
    folder.mkdir(parents=True)
    graph = _GRAPH.replace("NAME", name).replace("WIDTH", str(width))
    onnx.save(onnx.parser.parse_model(graph), folder / GRAPH)
    card = {
        "id": "halves",
        "version": "1",
        "kind": "encoder",
        "input_size": SIZE,
        "channels": 3,
        "mean": [0.5] * 3,
        "deviation": [0.25] * 3,
        "dimensions": 2,
        "files": {GRAPH: digest_of((folder / GRAPH).read_bytes())},
    }
    (folder / CARD).write_text(json.dumps(card | changes))
    return folder


def shown(preview: np.ndarray) -> PreparedImage:
    square = np.zeros((SIZE, SIZE), np.float32)
    return PreparedImage(square, preview, Attributes(), Exposure(0.5, 0.2, 0, 0, 200), *preview.shape)


PICTURE = shown(np.zeros((64, 64), np.uint8))


def test_a_map_is_pooled_to_one_vector_of_length_one():
    values = np.stack([np.full((4, 4), 3.0), np.full((4, 4), 4.0)]).astype(np.float32)
    values[0, 0, 0] += 16
    made = pooled(VERSION)(PICTURE, ImageOutput(LOGITS, values))
    assert made is not None
    assert made.encoder == VERSION
    assert made.vector == pytest.approx((2**-0.5, 2**-0.5))


def test_a_classifier_without_a_map_has_no_vector():
    assert pooled(VERSION)(PICTURE, ImageOutput(LOGITS)) is None


@pytest.mark.parametrize("values", [[0.0, 0.0], [float("nan"), 1.0], [float("inf"), 1.0]])
def test_what_has_no_direction_is_no_vector(values):
    assert unit(values, VERSION) is None


def test_an_encoder_sees_the_largest_square_in_the_middle():
    wide = np.zeros((40, 100), np.uint8)
    wide[:, 30:70] = 255
    assert middle_square(wide, SIZE).min() == 1.0
    assert middle_square(wide.T, SIZE).min() == 1.0
    assert middle_square(wide, SIZE).shape == (SIZE, SIZE)


@pytest.fixture
def bundle(tmp_path):
    return load_bundle(write_tiny_bundle(tmp_path / "classifier"))


def test_an_encoder_s_vector_is_of_normalised_pixels(tmp_path, bundle):
    folder = write_encoder(tmp_path / "encoder")
    encode = load_encode(ModelSettings(encoder=str(folder)), bundle)
    assert encode is not None
    halves = np.zeros((64, 64), np.uint8)
    halves[:32] = 255
    made = encode(shown(halves), ImageOutput(LOGITS))
    assert made is not None
    # Black is two deviations below the mean, white two above.
    assert made.vector == pytest.approx((2**-0.5, -(2**-0.5)))
    assert made.encoder.id == "halves"


def test_it_may_be_off_and_is_else_of_the_classifier(bundle):
    assert load_encode(ModelSettings(encoder="off"), bundle) is None
    encode = load_encode(ModelSettings(), bundle)
    assert encode is not None
    made = encode(PICTURE, ImageOutput(LOGITS, np.ones((2, 4, 4), np.float32)))
    assert made is not None
    assert made.encoder == bundle.version


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"name": "vector"}, "lacks the output embedding; it has vector"),
        ({"width": 1}, r"gives vectors of shape \(1,\), its card says 2"),
        ({"input_size": 64}, "cannot be run on 64 x 64 pixels"),
    ],
    ids=["another output", "another length", "another size"],
)
def test_an_encoder_that_is_not_what_its_card_says_is_refused(tmp_path, bundle, wrong, said):
    folder = write_encoder(tmp_path / "encoder", **wrong)
    with pytest.raises(BundleError, match=said):
        load_encode(ModelSettings(encoder=str(folder)), bundle)
