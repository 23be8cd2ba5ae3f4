"""An exported graph: its gate is the bundled classifier's, its logits are torch's."""

import numpy as np
import pytest
import torch

from shared.bundles import GRAPH, load_bundle
from shared.settings import BUNDLED
from training.architectures.registry import create
from training.exporting.graph import PROGRAM, write_graphs
from training.exporting.network import Members
from training.fitting.figures import mean_logits
from training.recipe import Model
from worker_cnn.decoding import prepare
from worker_cnn.runtime import load_model, open_graph

LABELS = ("Effusion", "Mass")
SIZE = load_bundle(BUNDLED).card.input_size


@pytest.fixture(scope="module")
def members():
    torch.set_num_threads(1)
    model = Model(architecture="simple_cnn", start="scratch", options={"widths": [4, 8]})
    made = []
    for seed in range(2):
        torch.manual_seed(seed)
        made.append(create(model, LABELS, size=SIZE).eval().requires_grad_(requires_grad=False))
    return made


@pytest.fixture(scope="module")
def folder(members, tmp_path_factory):
    folder = tmp_path_factory.mktemp("graphs")
    write_graphs(Members(members).eval(), len(LABELS), folder, size=SIZE, gate=load_bundle(BUNDLED))
    return folder


@pytest.fixture(scope="module")
def radiograph(samples):
    path = samples / "chest-1.png"
    return prepare(path.read_bytes(), name=path.name, size=SIZE).model_input


def test_the_gate_is_the_bundled_classifiers(folder, radiograph):
    images = np.stack([radiograph, radiograph[:, ::-1], np.zeros_like(radiograph)])
    ours = open_graph(folder / GRAPH, device="cpu", threads=1).run(images)
    bundled = load_model(load_bundle(BUNDLED), device="cpu", threads=1).run(images)
    for name in ("view", "turned", "chest", "distance"):
        mine, theirs = ([getattr(one, name) for one in outputs] for outputs in (ours, bundled))
        np.testing.assert_allclose(mine, theirs, atol=1e-4, rtol=1e-4)
    assert len({round(one.chest, 2) for one in ours}) == 3


def test_an_ensemble_says_the_mean_probability(folder, members, radiograph):
    squares = torch.from_numpy(np.rint(radiograph * 255.0) / 255.0).float()[None, None]
    each = [member(squares).logits.numpy() for member in members]
    served = open_graph(folder / GRAPH, device="cpu", threads=1).run(radiograph[np.newaxis])[0]
    np.testing.assert_allclose(served.logits, mean_logits(each)[0], atol=1e-4)
    assert not np.allclose(each[0], each[1], atol=1e-3)
    program = torch.export.load(folder / PROGRAM).module()
    logits, maps = program(torch.from_numpy(radiograph)[None, None])
    np.testing.assert_allclose(served.logits, logits[0].numpy(), atol=1e-4)
    np.testing.assert_allclose(served.feature_map, maps[0].numpy(), atol=1e-4)
