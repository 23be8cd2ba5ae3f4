"""Vectors from an endpoint of MedImageInsight, and studies that do not wait for it."""

import time
from collections.abc import Iterator
from contextlib import closing

import numpy as np
import pytest

from shared.bundles import load_bundle
from shared.dicom.attributes import Attributes
from shared.imaging import Exposure
from shared.medimageinsight import DIMENSIONS
from shared.settings import ModelSettings
from tests.support.bundles import write_tiny_bundle
from tests.support.remote_servers import RemoteServer, Reply, remote_server
from worker_cnn.decoding import PreparedImage
from worker_cnn.encoders import load_encode
from worker_cnn.endpoint import NoEndpointError
from worker_cnn.far_encoder import FarEncoder
from worker_cnn.runtime import ImageOutput

PICTURE = PreparedImage(
    np.zeros((32, 32), np.float32),
    np.full((40, 60), 128, np.uint8),
    Attributes(),
    Exposure(0.5, 0.2, 0, 0, 200),
    40,
    60,
)
OUTPUT = ImageOutput(np.zeros(2, np.float32))


@pytest.fixture
def server() -> Iterator[RemoteServer]:
    with remote_server() as running:
        yield running


@pytest.fixture
def encoder(server: RemoteServer) -> Iterator[FarEncoder]:
    with closing(
        FarEncoder(ModelSettings(encoder="medimageinsight", server_url=f"{server.url}/score"))
    ) as made:
        yield made


def test_a_picture_is_sent_and_its_vector_is_another_endpoint_s_another_encoder(
    server: RemoteServer, encoder: FarEncoder
):
    server.answers(Reply([{"image_features": [[3.0, 4.0, *[0.0] * (DIMENSIONS - 2)]]}]))
    made = encoder.encode(PICTURE, OUTPUT)
    assert made is not None
    assert made.vector[:3] == pytest.approx((0.6, 0.8, 0))
    assert made.encoder.id == "medimageinsight"
    elsewhere = ModelSettings(encoder="medimageinsight", server_url=f"{server.url}/other")
    with closing(FarEncoder(elsewhere)) as another:
        other = another.encode(PICTURE, OUTPUT)
    assert other is not None
    assert other.encoder.digest != made.encoder.digest


@pytest.mark.parametrize(
    "fault",
    [Reply(status=401), Reply([{"text_features": None}]), Reply(status=429, headers={"Retry-After": "60"})],
    ids=["a wrong key", "another model", "busy for long"],
)
def test_no_study_waits_for_an_endpoint_and_it_is_left_alone_for_a_while(
    server: RemoteServer, encoder: FarEncoder, fault: Reply, monkeypatch: pytest.MonkeyPatch
):
    server.answers(fault)
    assert encoder.encode(PICTURE, OUTPUT) is None
    asked = len(server.asked)
    assert encoder.encode(PICTURE, OUTPUT) is None
    assert len(server.asked) == asked
    server.answers(Reply([{"image_features": [[1.0, *[0.0] * (DIMENSIONS - 1)]]}]))
    later = time.monotonic() + 61
    monkeypatch.setattr(time, "monotonic", lambda: later)
    assert encoder.encode(PICTURE, OUTPUT) is not None


def test_without_an_address_the_worker_does_not_start(tmp_path):
    bundle = load_bundle(write_tiny_bundle(tmp_path / "bundle"))
    with pytest.raises(NoEndpointError, match="CXR_MODEL_SERVER_URL"):
        load_encode(ModelSettings(encoder="medimageinsight"), bundle)
