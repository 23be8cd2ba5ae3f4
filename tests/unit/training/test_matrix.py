"""Three drawn sources, one of them for tests alone: trained on one, the other and both, measured on all."""

import csv
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from sklearn.metrics import roc_auc_score

from shared.bundles import Interval
from shared.domain.findings import ViewPosition
from tests.support.devices import DEVICE
from tests.support.trained import LABELS, draw_dataset, write_recipe
from training.fitting.job import Fitting
from training.matrix import main, rows_of
from training.recipe import RecipeError, load_recipe
from training.scoring.matrix import Cell, page
from training.splits import assign
from training.table import Record, Split, State, read, write

SOURCES = {"one": LABELS[:2], "two": LABELS[1:], "three": LABELS}


class Made(NamedTuple):
    folder: Path
    words: list[str]

    @property
    def cells(self) -> dict[tuple[str, str], dict[str, str]]:
        with (self.folder / "matrix.csv").open(encoding="utf-8") as file:
            return {(row["trained_on"], row["tested_on"]): row for row in csv.DictReader(file)}


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Made:
    """The command, done for one source first, and then for all."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("matrix")
    recipe = write_recipe(folder / "plain.toml", "simple_cnn", run={"epochs": 1})
    words = [str(recipe), "--out", str(folder), "--cache", str(folder / "cache")]
    words += ["--device", DEVICE, "--workers", "0"]
    for name, labels in SOURCES.items():
        table = draw_dataset(folder / name, 72, name=name, labels=labels)
        if name == "three":
            write(table, [replace(one, split=Split.TEST) for one in read(table)])
        words += ["--table", str(table), "--images", f"{name}={folder / name}"]
    main([*words, "--train", "one"])
    assert (folder / "runs" / "one" / "summary.json").is_file()
    assert not (folder / "runs" / "two").exists()
    with pytest.MonkeyPatch.context() as patch:
        fit, fitted = Fitting.run, []

        def noted(self: Fitting) -> None:
            fitted.append(self.folder.parent.name)
            fit(self)

        patch.setattr(Fitting, "run", noted)
        main(words)
    assert fitted == ["two", "one+two"]
    return Made(folder, words)


def test_every_run_is_measured_on_the_test_patients_of_every_source(made):
    assert list(made.cells) == [(a, b) for a in ("one", "two", "all") for b in ("one", "three", "two")]
    assert [one["labels"] for one in made.cells.values()] == [
        *("Atelectasis;Effusion", "Atelectasis;Effusion", "Effusion"),
        *("Effusion", "Effusion;Mass", "Effusion;Mass"),
        *("Atelectasis;Effusion", "Atelectasis;Effusion;Mass", "Effusion;Mass"),
    ]
    assert [one["seen"] for one in made.cells.values()] == [
        *("yes", "no", "no"),
        *("no", "no", "yes"),
        *("yes", "no", "yes"),
    ]
    assert {b: one["images"] for (_, b), one in made.cells.items()} == {
        "one": "18",
        "two": "18",
        "three": "72",
    }


def test_a_figure_is_the_mean_of_the_labels_within_that_source(made):
    said = pq.read_table(made.folder / "runs" / "one+two" / "predictions.parquet").to_pandas()
    rows = said[(said["dataset"] == "two") & (said["split"] == "test")]
    expected = np.mean([roc_auc_score(rows[name], rows[f"{name}_logit"]) for name in LABELS[1:]])
    cell = made.cells["all", "two"]
    assert float(cell["auroc"]) == pytest.approx(expected, abs=1e-4)
    assert float(cell["low"]) <= float(cell["auroc"]) <= float(cell["high"])


def test_what_is_trained_is_not_trained_again_and_the_table_is_the_same(made, monkeypatch, capsys):
    before = (made.folder / "matrix.csv").read_bytes()
    monkeypatch.setattr(Fitting, "run", None)
    main(made.words)
    assert (made.folder / "matrix.csv").read_bytes() == before
    said = capsys.readouterr()
    assert "run 3 of 3: trained on all" in said.err
    assert "3 labels" in said.out


def test_a_run_that_cannot_be_trained_is_named_with_the_reason(made, capsys):
    with pytest.raises(SystemExit):
        main([*made.words, "--train", "two", "--seed", "5"])
    assert "trained on two: " in (said := capsys.readouterr().err)
    assert "holds a run that differs in seed" in said


def test_a_table_that_cannot_be_written_is_named(made, capsys):
    written = made.folder / "matrix.csv"
    before = written.read_bytes()
    written.unlink()
    written.mkdir()
    try:
        with pytest.raises(SystemExit):
            main(made.words)
        assert "the table cannot be written: " in (said := capsys.readouterr().err)
        assert "matrix.csv" in said
    finally:
        written.rmdir()
        written.write_bytes(before)


def test_nobody_tests_a_run_who_is_in_its_training_images(made):
    records = read(made.folder / "runs" / "one.parquet")
    parts = {split: {one.patient for one in records if one.split is split} for split in Split}
    assert {one.dataset for one in records if one.split is not Split.TEST} == {"one"}
    assert {one.dataset for one in records if one.split is Split.TEST} == set(SOURCES)
    assert not parts[Split.TRAIN] & parts[Split.TEST]


def test_the_page_is_a_picture_of_heat_without_scripts(made):
    written = (made.folder / "matrix.html").read_text(encoding="utf-8")
    assert "<script" not in written
    assert written.count("<td") == 9
    cell = made.cells["one", "two"]
    heat = round(90 * max(0.0, float(cell["auroc"]) - 0.5))
    assert f'<td class="new" style="--heat: {heat}%" title="Effusion">' in written


def test_names_are_text_and_a_cell_without_a_figure_says_so():
    figure = Interval(value=0.75, low=0.7, high=0.8)
    cells = [
        Cell("<b>", "x&y", seen=True, auroc=figure, labels=("Mass",), images=9, patients=3),
        Cell("<b>", "z", seen=False, auroc=None, labels=(), images=0, patients=0),
    ]
    written = page(cells, recipe="r", day=date(2026, 1, 2))
    assert "&lt;b&gt;" in written
    assert "x&amp;y" in written
    assert "0.750</strong>" in written
    assert "too few</strong>" in written


def drawn(*sources: str) -> list[Record]:
    """Return 40 images of each source, with all labels both ways."""
    base = Record("", "", "", "", ViewPosition.PA, {})
    return assign(
        [
            replace(
                base,
                dataset=name,
                image=f"{k}.png",
                patient=f"{name}:{k}",
                study=f"{name}:{k}",
                labels={label: State(k % 2) for label in LABELS},
            )
            for name in sources
            for k in range(40)
        ]
    )


RECIPE = load_recipe("simple_cnn")


@pytest.mark.parametrize(
    ("sources", "chosen", "names"),
    [
        ("ab", (), ["a", "b", "all"]),
        ("abc", (), ["a", "b", "c", "all but a", "all but b", "all but c", "all"]),
        ("abcd", (["d", "b"], ["a"]), ["b + d", "a"]),
    ],
)
def test_a_recipe_is_trained_on_each_source_on_all_but_one_and_on_all_or_as_is_said(sources, chosen, names):
    assert [row.name for row in rows_of(RECIPE, drawn(*sources), chosen)] == names


@pytest.mark.parametrize(
    ("sources", "chosen", "says"),
    [
        ("a", (), "the tables have a: name at least two"),
        ("ab", (["a", "nih"],), "nih cannot be trained on; these can: a, b"),
    ],
)
def test_what_makes_no_matrix_is_refused(sources, chosen, says):
    with pytest.raises(RecipeError, match=says):
        rows_of(RECIPE, drawn(*sources), chosen)


def test_a_source_that_teaches_no_label_is_named():
    silent = [
        replace(one, labels={"Mass": State.ABSENT}) if one.dataset == "b" else one for one in drawn("a", "b")
    ]
    with pytest.raises(RecipeError, match="b: no label of the recipe is shown by five"):
        rows_of(RECIPE, silent, ())
