from dataclasses import replace
from typing import Any

import numpy as np
import onnx
import onnx.parser
import onnxruntime as ort
import pytest

from shared.bundles import BundleError, load_bundle
from tests.support.bundles import SIZE, write_tiny_bundle
from tests.support.devices import DEVICE
from worker_cnn.runtime import DeviceError, Graph, Model, load_model, open_graph


@pytest.fixture
def bundle(tmp_path):
    return load_bundle(write_tiny_bundle(tmp_path / "tiny"))


def test_a_batch_gives_one_output_an_image_in_its_order(bundle):
    model = load_model(bundle, device=DEVICE, threads=1)
    images = np.stack([np.full((SIZE, SIZE), gray, np.float32) for gray in (0.0, 0.5, 1.0)])
    outputs = model.run(images)
    assert [output.logits[0] for output in outputs] == pytest.approx([-2.0, 0.0, 2.0])
    assert outputs[2].logits == pytest.approx([2.0, -2.0])
    assert outputs[0].feature_map is not None
    assert outputs[0].feature_map.shape == (2, 4, 4)
    assert outputs[2].embedding == pytest.approx([1.0, 0.0])


def test_an_image_gets_the_same_output_in_any_batch(bundle):
    model = load_model(bundle, device=DEVICE, threads=1)
    images = np.random.default_rng(0).random((5, SIZE, SIZE), np.float32)
    together = model.run(images)
    alone = [model.run(image[np.newaxis])[0] for image in images]
    for one, other in zip(together, alone, strict=True):
        np.testing.assert_allclose(one.logits, other.logits, atol=1e-5)


def test_all_batches_of_a_gpu_have_one_size_and_give_an_output_for_each_of_their_images(bundle):
    sizes = []

    class Counting:
        def __init__(self, graph: bytes) -> None:
            self.session = ort.InferenceSession(graph)

        def run(self, names, feeds):
            sizes.append(len(feeds["images"]))
            return self.session.run(names, feeds)

        def __getattr__(self, name: str) -> Any:
            return getattr(self.session, name)

    plain = Model(Graph(ort.InferenceSession(bundle.graph)))
    filled = Model(Graph(Counting(bundle.graph), fill_to=4))
    for count in (1, 3, 4):
        images = np.random.default_rng(0).random((count, SIZE, SIZE), np.float32)
        ours, theirs = filled.run(images), plain.run(images)
        assert len(ours) == count
        for one, other in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(one.logits, other.logits, atol=1e-5)
    assert sizes == [4, 4, 4]


@pytest.mark.parametrize("device", ["gpu", "cuda:x", "cpu:1", ""])
def test_a_device_that_does_not_exist_is_named(bundle, device):
    with pytest.raises(DeviceError, match="cpu, cuda or cuda:N"):
        load_model(bundle, device=device, threads=1)


def test_a_gpu_that_onnx_runtime_cannot_use_is_said_with_the_way_out(bundle, monkeypatch):
    # Also on a machine that has one.
    monkeypatch.setattr("onnxruntime.get_available_providers", lambda: ["CPUExecutionProvider"])
    with pytest.raises(DeviceError, match="CXR_MODEL_DEVICE=cpu"):
        load_model(bundle, device="cuda:0", threads=1)


def test_a_gpu_that_onnx_runtime_silently_does_without_is_refused(bundle, monkeypatch):
    # A CPU build that is asked for CUDA goes on with the CPU, as a CUDA build without its libraries does.
    monkeypatch.setattr("onnxruntime.get_available_providers", lambda: ["CUDAExecutionProvider"])
    monkeypatch.setattr("onnxruntime.preload_dlls", lambda: None)
    with (
        pytest.warns(UserWarning, match="CUDAExecutionProvider"),
        pytest.raises(DeviceError, match="cannot be used"),
    ):
        load_model(bundle, device="cuda", threads=1)


def test_a_file_that_is_no_graph_is_named(tmp_path):
    path = tmp_path / "model.onnx"
    path.write_bytes(b"not a graph")
    with pytest.raises(BundleError, match=r"model\.onnx .* cannot be loaded"):
        open_graph(path, device=DEVICE, threads=1)


def test_weights_for_a_feature_map_that_the_graph_does_not_give_are_refused(tmp_path):
    bundle = load_bundle(write_tiny_bundle(tmp_path / "tiny"))
    head = '<ir_version: 10, opset_import: ["" : 18]> g (float[N, 1, 32, 32] images) => (float[N, 2] logits)'
    body = "<int64[2] plane = {2, 3}> { one = ReduceMean <keepdims = 0> (images, plane)"
    text = f"{head} {body} logits = Concat <axis = 1> (one, one) }}"
    onnx.save(onnx.parser.parse_model(text), bundle.graph)
    without_embedding = replace(bundle, card=bundle.card.model_copy(update={"embedding": None}))
    with pytest.raises(BundleError, match=r"lacks the output feature_map, which cam\.npy"):
        load_model(without_embedding, device=DEVICE, threads=1)
    with pytest.raises(BundleError, match="lacks the output embedding"):
        load_model(bundle, device=DEVICE, threads=1)
