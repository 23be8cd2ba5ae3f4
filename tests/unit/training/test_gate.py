"""The gate's thresholds and figures, on a tiny bundle: the darker a picture, the farther from a chest."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from shared.bundles import load_bundle
from shared.domain.findings import ViewPosition
from shared.gates import Gate, load_gate
from tests.support.bundles import GATE, SIZE, write_tiny_bundle, write_tiny_gate
from training.bundled.gate import FARTHER_IF_SURE, SURE_CHEST, count_refused, thresholds
from training.bundled.gate_bundle import GATE_VERSION, measured_gate
from training.recipe import load_recipe
from training.squares import square_of
from training.table import Record, Split
from worker_cnn.gate import Models, load_models


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
