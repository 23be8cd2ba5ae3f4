"""Two drawn sources in folds: each patient tested once, by a run that never saw him."""

import re
from collections.abc import Sequence
from contextlib import redirect_stdout
from io import StringIO
from itertools import product
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import torch

from tests.support.devices import DEVICE
from tests.support.trained import LABELS, draw_dataset, write_recipe
from training.fitting.job import Fitting
from training.folds import FOLDS, dealt, fold_of, main
from training.recipe import RecipeError
from training.table import Split, read

FOLDS_HERE = (1, 2)
BOTH = ("--fold", "1", "--fold", "2")


class Made(NamedTuple):
    folder: Path
    words: list[str]
    printed: str

    def said(self, recipe: str) -> pd.DataFrame:
        """Return what the runs say of their folds, with the fold."""
        parts = []
        for fold in FOLDS_HERE:
            path = self.folder / "out" / recipe / f"fold-{fold}" / "predictions.parquet"
            parts.append(pq.read_table(path).to_pandas().query("split == 'test'").assign(fold=fold))
        return pd.concat(parts)


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Made:
    """Two folds of two recipes by one command; `words` are without the folds."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("folds")
    tables = [draw_dataset(folder / name, 96, name=name) for name in ("one", "two")]
    recipes = [
        write_recipe(folder / f"{name}.toml", "simple_cnn", run={"epochs": 1}, seed=seed)
        for seed, name in enumerate(("plain", "other"))
    ]
    words = [str(recipes[0]), "--against", str(recipes[1]), "--device", DEVICE, "--workers", "0"]
    words += ["--out", str(folder / "out"), "--cache", str(folder / "cache")]
    for name, table in zip(("one", "two"), tables, strict=True):
        words += ["--table", str(table), "--images", f"{name}={folder / name}"]
    with redirect_stdout(StringIO()) as printed:
        main([*words, *BOTH])
    return Made(folder, words, printed.getvalue())


def concordance(said: pd.DataFrame, within: Sequence[str]) -> float:
    """Return the mean over labels of the share of pairs that are in order, pair by pair."""
    figures = []
    for label in LABELS:
        right = []
        for _, rows in said.groupby(list(within)):
            shown, lacking = (rows.loc[rows[label] == state, f"{label}_logit"] for state in (1, 0))
            right += [float(a > b) + 0.5 * float(a == b) for a, b in product(shown, lacking)]
        figures.append(np.mean(right))
    return float(np.mean(figures))


@pytest.mark.parametrize(
    ("kind", "within"),
    [("within one source", ("fold", "dataset")), ("over all pairs of a fold", ("fold",))],
)
def test_only_pairs_of_one_fold_count_and_the_first_is_set_against_the_second(made, kind, within):
    plain, other = (concordance(made.said(name), within) for name in ("plain", "other"))
    assert f"{kind}, plain: {plain:.3f} (" in made.printed
    assert f"{kind}, other: {other:.3f} (" in made.printed
    after = made.printed.split(f"{kind}, other", 1)[1]
    less = re.search(r"plain less other: ([+-]\d\.\d+) \(.* to .*\), p = \d", after)
    assert less is not None
    assert float(less.group(1)) == pytest.approx(plain - other, abs=6e-4)


def test_each_patient_is_tested_in_his_fold_and_no_test_patient_of_the_tables_is_used(made):
    tables = [one for name in ("one", "two") for one in read(made.folder / name / "table.parquet")]
    apart = {one.patient for one in tables if one.split is Split.TEST}
    for fold in FOLDS_HERE:
        records = read(made.folder / "out" / f"fold-{fold}.parquet")
        test = {one.patient for one in records if one.split is Split.TEST}
        assert test == {one.patient for one in tables if fold_of(one.patient) == fold} - apart
        assert not apart & {one.patient for one in records}
        assert test == set(made.said("plain").query("fold == @fold")["patient"])
    assert not (made.folder / "out" / "fold-3.parquet").exists()


def test_what_is_trained_is_not_trained_again_and_the_figures_are_the_same(made, monkeypatch, capsys):
    monkeypatch.setattr(Fitting, "run", None)
    main([*made.words, *BOTH])
    assert capsys.readouterr().out == made.printed


def test_recipes_that_learn_other_labels_are_not_compared(made, capsys):
    narrow = write_recipe(
        made.folder / "narrow.toml", "simple_cnn", run={"epochs": 1}, data={"labels": LABELS[:2]}
    )
    with pytest.raises(SystemExit):
        main([*made.words, "--against", str(narrow), "--fold", "1"])
    assert "plain and narrow are not measured on the same images and labels" in capsys.readouterr().err


def test_folds_share_nobody_and_leave_nobody_out(tmp_path):
    records = read(draw_dataset(tmp_path, 96))
    folds = [dealt(records, fold) for fold in range(1, FOLDS + 1)]
    tested = [one.patient for fold in folds for one in fold if one.split is Split.TEST]
    assert sorted(tested) == sorted(one.patient for one in records if one.split is not Split.TEST)
    validation = {one.patient for one in records if one.split is Split.VALIDATION}
    for fold in folds:
        assert {one.patient for one in fold if one.split is Split.VALIDATION} < validation


def test_a_data_set_without_enough_patients_for_folds_is_refused(tmp_path):
    records = read(draw_dataset(tmp_path, 4))
    with pytest.raises(RecipeError, match="drawn is too small for folds: in fold 1 nobody is left for test"):
        dealt(records, 1)
