"""A run, its card and `evaluate` of the run's own table speak of the same images with the same truth."""

import sys
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from shared.blanks import Blank
from shared.bundles import load_bundle
from shared.domain.findings import ViewPosition
from tests.support.trained import LABELS, draw_dataset, write_recipe
from training import evaluate, export
from training.fitting.inputs import read_inputs
from training.recipe import load_recipe
from training.scoring.record_table import read_labels, rows_of
from training.squares import folders
from training.table import Split, State, read, write
from training.train import main as train


def as_mined(number: int, one):
    """Make a drawn record what CheXpert publishes: no negatives but by chance, laterals, no split."""
    said = {
        label: state for label, state in one.labels.items() if state is not State.ABSENT or number % 5 == 0
    }
    labels = said or {"No_Finding": State.PRESENT}
    view = ViewPosition.LATERAL if number % 7 == 0 else one.view
    return replace(one, labels=labels, view=view, split=None, labelled_by="text mining")


@pytest.fixture
def table(tmp_path) -> Path:
    path = draw_dataset(tmp_path / "pictures", 160, name="chexpert", uncertain=True)
    write(path, [as_mined(number, one) for number, one in enumerate(read(path))])
    return path


@pytest.mark.parametrize("blank", list(Blank))
def test_a_training_and_evaluate_take_the_same_images_with_the_same_truth(blank, table, tmp_path):
    data = load_recipe("chexpert_ones").data.model_copy(update={"blank": blank, "size": 32, "labels": LABELS})
    inputs = read_inputs(
        data,
        [table],
        folders([str(table.parent)]),
        cache=tmp_path / "cache",
        processes=1,
        limit=None,
        look_for_leaks=False,
    )
    rows = read_labels(table, blank=blank, views=data.views).rows
    for split in Split:
        truth = inputs.truth(split)
        trained = {
            one.image: {name: bool(told[k]) for k, name in enumerate(data.labels) if known[k]}
            for one, told, known in zip(inputs.chosen(split), truth.targets, truth.known, strict=True)
        }
        measured = {
            row.file: {name: row.labels[name] for name in data.labels if name in row.labels}
            for row in rows_of(rows, split)
        }
        assert {file: labels for file, labels in measured.items() if labels} == {
            file: labels for file, labels in trained.items() if labels
        }


def test_evaluate_says_of_a_table_what_the_run_s_card_says(table, tmp_path, monkeypatch, capsys):
    recipe = write_recipe(
        tmp_path / "plain.toml",
        "simple_cnn",
        data={"blank": "zeros", "labels": list(LABELS[:2])},
        run={"epochs": 1},
    )
    given = [
        "--table",
        table,
        "--images",
        table.parent,
        "--cache",
        tmp_path / "cache",
        "--out",
        tmp_path / "run",
    ]
    train([str(recipe), *map(str, given), "--device", "cpu", "--workers", "0"])
    export.main([str(tmp_path / "run"), "--out", str(tmp_path / "bundle")])
    card = load_bundle(tmp_path / "bundle").card
    assert card.blank is Blank.ZEROS
    said = pq.read_table(tmp_path / "run" / "predictions.parquet", filters=[("split", "=", "test")])

    capsys.readouterr()
    words = ["--bundle", tmp_path / "bundle", "--images", table.parent, "--labels", table, "--split", "test"]
    monkeypatch.setattr(sys, "argv", ["evaluate", *map(str, words)])
    evaluate.main()
    printed = capsys.readouterr().out
    assert f"{len(said)} images" in printed
    for label in card.labels:
        truth = said[label.id].to_pylist()
        line = next(line for line in printed.splitlines() if line.startswith(label.id))
        assert line.split()[-2:] == [str(truth.count(State.PRESENT)), str(truth.count(State.ABSENT))]
        assert label.auroc is not None
        assert float(line.split()[1]) == pytest.approx(label.auroc.value, abs=0.002)
    assert card.metrics is not None
    mean = next(line for line in printed.splitlines() if line.startswith("mean of the labels"))
    assert float(mean.split()[4]) == pytest.approx(card.metrics.macro_auroc.value, abs=0.002)
