"""Every recipe that ships: trained a few steps on two sources together, exported, served by the worker.

The recipes are those of the folder; `tests/support/trained.py` says what makes their networks small.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

from shared.bundles import Bundle, load_bundle
from shared.domain.findings import FindingStatus
from shared.gates import load_gate
from shared.settings import ModelSettings
from tests.support.devices import DEVICE
from tests.support.trained import LABELS, draw_dataset, write_recipe
from training import export, train
from training.fitting.run_folder import read_json
from training.recipe import load_recipe, names
from worker_cnn.decoding import prepare
from worker_cnn.gate import load_models
from worker_cnn.pipeline import analyse
from worker_cnn.reading import Sight, read, unbatched

SOURCES = {"one": LABELS[:2], "two": LABELS[1:]}
"""Data set -> the labels that it knows: each lacks one of the other's."""


class Sources(NamedTuple):
    folder: Path
    words: list[str]


@pytest.fixture(scope="module")
def sources(tmp_path_factory) -> Sources:
    """Two data sets, and how the train command is told of them."""
    folder = tmp_path_factory.mktemp("sources")
    words = ["--cache", str(folder / "cache"), "--device", DEVICE, "--workers", "0", "--epochs", "1"]
    for name, labels in SOURCES.items():
        table = draw_dataset(folder / name, 96, name=name, labels=labels, uncertain=True)
        words += ["--table", str(table), "--images", f"{name}={folder / name}"]
    return Sources(folder, words)


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)


def served(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Bundle:
    """Return what the worker serves when it is configured with a bundle."""
    monkeypatch.setenv("CXR_MODEL_BUNDLE", str(folder))
    return load_bundle(ModelSettings().bundle)


def behind_an_open_gate(bundle: Bundle) -> Sight:
    """Drawn pictures are no chest radiographs: let them through, as they lie."""
    gate = load_gate(ModelSettings().gate)
    open_gate = gate.card.gate.model_copy(
        update={"min_chest": 0.0, "max_distance": 1e9, "max_distance_if_sure": 1e9, "min_turned": 1.1}
    )
    models = load_models(bundle, gate, device=DEVICE, threads=1)
    return unbatched(models, open_gate, side=gate.card.input_size)


@pytest.mark.parametrize("name", names())
def test_it_trains_on_two_sources_and_the_worker_serves_it(name, sources, tmp_path, monkeypatch):
    shipped = load_recipe(name)
    # A detector learns from images that tell where each of its labels is: the sources have one in common.
    labels = [one for one in LABELS if all(one in known for known in SOURCES.values())]
    labels = labels if shipped.data.boxes else list(LABELS)
    members = min(2, shipped.ensemble.members)
    recipe = write_recipe(
        tmp_path / f"{name}.toml",
        name,
        data={"labels": labels},
        run={"batch": 16},
        ensemble={"members": members},
    )
    run, folder = tmp_path / "run", tmp_path / "bundle"
    train.main([str(recipe), *sources.words, "--out", str(run)])
    export.main([str(run), "--out", str(folder)])

    summary = read_json(run / "summary.json")
    assert len(summary["members"]) == (1 if shipped.ensemble.mean == "weights" else members)
    assert summary["datasets"] == list(SOURCES)
    bundle = served(folder, monkeypatch)
    sight = behind_an_open_gate(bundle)
    assert [label.id for label in bundle.card.labels] == labels
    assert bundle.card.metrics is not None
    assert bundle.card.metrics.by_source.keys() == set(SOURCES)
    row = pq.read_table(run / "predictions.parquet", filters=[("split", "=", "test")]).to_pylist()[0]
    picture = sources.folder / row["dataset"] / row["image"]
    prepared = prepare(picture.read_bytes(), name=picture.name, size=bundle.card.input_size)
    reading = read(prepared, sight)
    output = reading.output
    assert output is not None
    assert (output.embedding is None) == (not shipped.card.embedding)
    if shipped.card.embedding:
        digest = bundle.card.files["model.onnx"]
        assert bundle.card.embedding == f"{shipped.card.embedding} {digest[:8]}"
    said = [row[f"{label}_logit"] for label in labels]
    np.testing.assert_allclose(output.logits, said, atol=2e-3)
    analysis = analyse(reading, bundle, index=0)
    assert analysis.rejection is None
    assert [finding.label for finding in analysis.findings] == labels
    assert analysis.heatmap_pngs.keys() == {
        finding.label for finding in analysis.findings if finding.status is not FindingStatus.ABSENT
    }
