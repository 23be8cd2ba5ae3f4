"""The gate's thresholds and figures, on a tiny bundle: the darker a picture, the farther from a chest."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from shared.bundles import GRAPH, load_bundle
from shared.domain.findings import ViewPosition
from shared.gates import HEADS, Gate, load_gate
from tests.support.bundles import GATE, SIZE, write_tiny_bundle, write_tiny_gate
from training.architectures.pooled import Linear
from training.architectures.registry import create
from training.bundled.gate import FARTHER_IF_SURE, SURE_CHEST, count_refused, thresholds
from training.bundled.gate_bundle import GATE_VERSION, measured_gate
from training.bundled.gate_graph import write_gate_graphs
from training.bundled.heads import fit_heads, to_batch
from training.recipe import Model, load_recipe
from training.squares import square_of
from training.table import Record, Split
from worker_cnn.gate import GateHeads, Models, load_models
from worker_cnn.runtime import EMBEDDING, open_graph


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Models:
    folder = tmp_path_factory.mktemp("bundles")
    gate = load_gate(write_tiny_gate(folder / "gate"))
    return load_models(load_bundle(write_tiny_bundle(folder / "tiny")), gate, device="cpu", threads=1)


@pytest.fixture
def gate() -> Gate:
    return GATE


def picture(path: Path, brightness: int, *, noise: int = 20) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    grain = np.random.default_rng(0).integers(-noise, noise + 1, (40, 40))
    Image.fromarray(np.clip(grain + brightness, 0, 255).astype(np.uint8)).save(path)
    return path


@pytest.fixture
def data(tmp_path) -> Path:
    names = ["ct_mr/dark.png", "ct_mr/bright.png", "photo_doc/blank.png", "photo_doc/broken.png"]
    picture(tmp_path / "more" / names[0], 20)
    picture(tmp_path / "more" / names[1], 180)
    picture(tmp_path / "more" / names[2], 180, noise=0)
    (tmp_path / "more" / names[3]).write_bytes(b"no picture")
    rows = [f"{name},{name.split('/')[0]},no" for name in names]
    (tmp_path / "more" / "labels.csv").write_text("\n".join(["file,group,redistributable", *rows]))
    (tmp_path / "labels.csv").write_text("file\ncohen/a.png\n")
    picture(tmp_path / "images" / "cohen" / "a.png", 180)
    return tmp_path


def test_refusals_are_counted_by_the_worker_s_whole_gate(model, gate, data, tmp_path):
    test = [picture(tmp_path / "test.png", 180)]
    shares, counted = count_refused(model, gate, test, data, size=SIZE)
    assert shares == {"nih_test": 0.0, "cohen": 0.0, "ct_mr": 0.5, "photo_doc": 1.0}  # blank, and broken
    assert counted == {"nih_test": 1, "cohen": 1, "ct_mr": 2, "photo_doc": 2}


def test_the_figures_of_the_gate_are_measured_not_copied(model, gate, data):
    paths = [picture(data / "ap.png", 220), picture(data / "pa.png", 120)]
    rows = [
        Record("images", path.name, "nih-00000001", path.stem, view, {}, Split.TEST)
        for path, view in zip(paths, (ViewPosition.AP, ViewPosition.PA), strict=True)
    ]
    squares = np.stack([square_of(path, SIZE) for path in paths])
    false = gate.model_copy(update={"turned_accuracy": 0.123, "view_auroc": 0.123, "refused": {"x": 0.5}})
    found = measured_gate(false, model, rows, squares, data)
    assert found.view_auroc == 1.0  # brightness is AP in this bundle
    assert found.turned_accuracy != 0.123
    assert found.refused.keys() == found.counted.keys() == {"nih_test", "cohen", "ct_mr", "photo_doc"}
    assert found.max_distance == false.max_distance


def test_the_distance_hardly_depends_on_the_seed(model):
    random = np.random.default_rng(0)
    squares = np.clip(random.normal(random.uniform(60, 200, (16, 1, 1)), 30, (16, SIZE, SIZE)), 0, 255)
    found = [thresholds(model, squares.astype(np.uint8), seed=seed)[0] for seed in range(2)]
    assert np.ptp(found) < 0.03 * np.mean(found)


def test_the_card_that_ships_is_of_this_code():
    recipe = load_recipe("bundled").card
    classifier = load_bundle("bundled").card
    assert (classifier.version, classifier.id) == (recipe.version, recipe.id)
    assert classifier.embedding is not None
    assert classifier.embedding.startswith(f"{recipe.embedding} ")
    card = load_gate("bundled").card
    assert card.embedding == classifier.embedding
    assert card.version == GATE_VERSION
    assert card.gate.sure_chest == SURE_CHEST
    assert card.gate.max_distance_if_sure == round(card.gate.max_distance * FARTHER_IF_SURE, 4)


def test_the_graphs_of_a_gate_say_what_network_and_heads_say(tmp_path):
    torch.set_num_threads(1)
    random = np.random.default_rng(0)
    chests = random.integers(0, 128, (24, 64, 64), np.uint8)
    photographs = random.integers(0, 256, (4, 64, 64), np.uint8)
    model = Model(architecture="encoder:test_efficientnet", start="scratch", options={"view_weight": 1.0})
    network = create(model, ("Mass",), size=64).eval().requires_grad_(requires_grad=False)
    assert isinstance(network, Linear)
    assert network.view is not None
    heads = fit_heads(network, chests, photographs, seed=0)
    write_gate_graphs(network, network.view, heads, tmp_path, size=64)
    images = to_batch(chests[:5])
    embedding, judges = (open_graph(tmp_path / name, device="cpu", threads=1) for name in (GRAPH, HEADS))
    (embeddings,) = embedding.run(images.numpy(), [EMBEDDING])
    verdicts = GateHeads(judges).run(embeddings)
    with torch.no_grad():
        _, description = network.see_and_describe(images)
        np.testing.assert_allclose(embeddings, description.numpy(), atol=1e-4)
        mean = description[:, -network.head.in_features :]
        expected = [network.view(mean)[:, 0], heads.chest(description)[:, 0], heads.distance(description)]
    for name, values in zip(("view", "chest", "distance"), expected, strict=True):
        found = [getattr(one, name) for one in verdicts]
        np.testing.assert_allclose(found, values.numpy(), atol=2e-3, rtol=2e-3)
    assert all(one.turned.shape == (5,) for one in verdicts)
    assert min(one.chest for one in verdicts) > 0  # what it learnt from are chests to it
