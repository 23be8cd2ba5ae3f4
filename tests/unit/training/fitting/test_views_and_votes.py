"""Films without a view, and labels that readers voted on: whether a recipe takes them."""

from dataclasses import replace
from pathlib import Path

import pytest

from shared.domain.findings import ViewPosition
from tests.support.dataset_trees.padchest_gr import padchest_gr
from tests.support.dataset_trees.vindr_cxr import vindr_cxr
from training.datasets import READERS
from training.fitting.inputs import Inputs, read_inputs
from training.recipe import Data, RecipeError
from training.table import Split, write


def inputs_of(root: Path, data: Data, out: Path) -> Inputs:
    write(out / "table.parquet", READERS[data.datasets[0]].read(root).records)
    return read_inputs(
        data, [out / "table.parquet"], root, cache=out, processes=1, limit=None, look_for_leaks=False
    )


def of_views(*views: str) -> Data:
    return Data.model_validate(
        {"datasets": ["padchest_gr"], "labels": ["Effusion"], "size": 32}
        | ({"views": views} if views else {})
    )


def test_films_without_a_view_are_trained_on_where_the_recipe_takes_them(tmp_path, pictures):
    root = padchest_gr(tmp_path / "set", pictures)
    inputs = inputs_of(root, of_views("PA", "AP", "UNKNOWN"), tmp_path)
    assert [one.view for one in inputs.records] == [ViewPosition.UNKNOWN] * 3
    assert inputs.taught(Split.TRAIN, of_views()).targets.tolist() == [[1.0]]
    assert inputs.taught(Split.VALIDATION, of_views()).targets.tolist() == [[0.0]]


def test_without_that_it_is_said_how_many_there_are_and_how_to_take_them(tmp_path, pictures):
    root = padchest_gr(tmp_path / "set", pictures)
    with pytest.raises(
        RecipeError, match=r"3 images do not say their view: data\.views with \"UNKNOWN\" takes"
    ):
        inputs_of(root, of_views(), tmp_path)


def test_votes_are_taught_where_the_recipe_wants_them_and_measured_by_the_majority(tmp_path, pictures):
    root = vindr_cxr(tmp_path / "set", pictures)
    records = READERS["vindr_cxr"].read(root).records
    parts = (Split.TRAIN, Split.VALIDATION, Split.TEST, Split.TEST, Split.TEST)
    placed = [replace(one, split=part) for one, part in zip(records, parts, strict=True)]
    write(tmp_path / "table.parquet", placed)
    wanted = {"datasets": ["vindr_cxr"], "labels": ["Cardiomegaly"], "size": 32}
    shares = []
    for votes in (False, True):
        data = Data.model_validate({**wanted, "votes": votes})
        inputs = read_inputs(
            data,
            [tmp_path / "table.parquet"],
            root,
            cache=tmp_path,
            processes=1,
            limit=None,
            look_for_leaks=False,
        )
        shares.append(inputs.taught(Split.TRAIN, data).targets.item())
        assert inputs.truth(Split.TRAIN).targets.item() == 1
    assert shares == pytest.approx([1, 2 / 3])
