"""A detector, trained by the train command, stopped and gone on with, and measured by `training.detect`."""

import csv
from dataclasses import replace
from itertools import count

import pytest
import torch
from safetensors.torch import load_file

from tests.support.devices import DEVICE
from tests.support.trained import draw_dataset, write_recipe
from training import detect
from training.fitting import job
from training.fitting.movement import set_rates
from training.recipe import RecipeError, load_recipe
from training.table import read, write
from training.train import main

RUN = {"epochs": 2, "batch": 8}


@pytest.fixture(scope="module")
def boxed(tmp_path_factory):
    """Return a folder of 40 pictures with boxes, their table in it."""
    folder = tmp_path_factory.mktemp("boxed")
    draw_dataset(folder, 40)
    return folder


@pytest.fixture
def run(boxed, tmp_path_factory):
    """Return what trains a tiny detector on them."""
    folder = tmp_path_factory.mktemp("runs")
    recipe = write_recipe(
        folder / "boxes.toml",
        "object_cxr",
        data={"labels": ["Effusion"], "size": 32},
        run=RUN,
        augmentation={"degrees": 5.0},
    )
    given = ["--table", boxed / "table.parquet", "--images", boxed, "--cache", boxed / "cache"]

    def train(name: str):
        words = [*map(str, given), "--device", DEVICE, "--workers", "0", "--checkpoint-steps", "2"]
        main([str(recipe), *words, "--out", str(folder / name)])
        return folder / name

    return train


def measure(folder, boxed, *more: str) -> None:
    words = ["--table", str(boxed / "table.parquet"), "--images", str(boxed), "--cache", str(boxed / "cache")]
    detect.main([str(folder), *words, "--device", DEVICE, "--workers", "1", *more])


def test_a_run_that_was_stopped_comes_to_the_same_detector_and_is_measured(
    run, boxed, monkeypatch, tmp_path, capsys
):
    whole = run("whole")
    steps = count(1)

    def ending(*given):
        if next(steps) == 6:  # in the second epoch, behind its last checkpoint
            raise KeyboardInterrupt
        set_rates(*given)

    with monkeypatch.context() as patch:
        patch.setattr(job, "set_rates", ending)
        with pytest.raises(KeyboardInterrupt):
            run("stopped")
    ours, theirs = (load_file(one / "member-1" / "best.safetensors") for one in (whole, run("stopped")))
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)

    capsys.readouterr()
    measure(whole, boxed, "--split", "test", "--out", str(tmp_path / "boxes.csv"))
    said = capsys.readouterr().out
    assert "sensitivity at 0.125" in said
    assert "FROC" in said
    with (tmp_path / "boxes.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {row["image"] for row in rows} <= {
        one.image for one in read(boxed / "table.parquet") if one.split == "test"
    }
    assert all(0.0 <= float(row["left"]) < float(row["right"]) <= 1.0 for row in rows)


def test_a_table_that_tells_nowhere_teaches_nothing_and_cannot_be_measured(run, boxed, capsys):
    table = boxed / "table.parquet"
    records = read(table)
    try:
        write(table, [replace(one, boxes=()) for one in records])
        with pytest.raises(SystemExit):
            run("nowhere")
        assert "no training image that tells where each label is has a box of" in capsys.readouterr().err
    finally:
        write(table, records)


def test_a_run_of_a_classifier_has_no_boxes(boxed, tmp_path, capsys):
    recipe = write_recipe(tmp_path / "plain.toml", "simple_cnn", run={"epochs": 1})
    words = ["--table", str(boxed / "table.parquet"), "--images", str(boxed), "--cache", str(boxed / "cache")]
    main([str(recipe), *words, "--device", DEVICE, "--workers", "0", "--out", str(tmp_path / "run")])
    with pytest.raises(SystemExit):
        measure(tmp_path / "run", boxed)
    assert "is no run of one detector" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("base", "changes", "says"),
    [
        ("simple_cnn", {"data": {"boxes": True}}, "need each other"),
        ("object_cxr", {"data": {"boxes": False}}, "need each other"),
        ("object_cxr", {"augmentation": {"mixup": 0.2}}, "boxes do not follow these"),
    ],
)
def test_what_boxes_cannot_be_learnt_with_is_refused(tmp_path, base, changes, says):
    with pytest.raises(RecipeError, match=says):
        load_recipe(write_recipe(tmp_path / "wrong.toml", base, **changes))


def test_a_detector_needs_squares_that_its_maps_halve(boxed, tmp_path, capsys):
    recipe = write_recipe(tmp_path / "odd.toml", "object_cxr", data={"size": 72, "labels": ["Effusion"]})
    words = ["--table", str(boxed / "table.parquet"), "--images", str(boxed), "--cache", str(boxed / "cache")]
    with pytest.raises(SystemExit):
        main([str(recipe), *words, "--device", DEVICE, "--workers", "0", "--out", str(tmp_path / "run")])
    assert "72 pixels; a detector needs a multiple of 32" in capsys.readouterr().err
