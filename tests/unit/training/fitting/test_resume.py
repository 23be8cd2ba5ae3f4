"""kill -9 in the middle of an epoch, the same command again, the same weights bit for bit; and torchrun."""

import os
import signal
import subprocess
import sys

import pyarrow.parquet as pq
import pytest
import torch
from safetensors.torch import load_file

from tests.support.services import ROOT
from tests.support.trained import write_recipe
from training.fitting.run_folder import read_checkpoint, read_json
from training.fitting.steps import share_of
from training.recipe import RecipeError

_DIES = """
import os, signal, sys
from training.fitting import job
from training.train import main
move = job.Fitting._move
def dying(self, progress):
    move(self, progress)
    if self.job.name == "member-1-second" and self.state.step == 8:
        os.kill(os.getpid(), signal.SIGKILL)
job.Fitting._move = dying
main(sys.argv[1:])
"""
"""The train command, killed in the second epoch of the second stage, behind its last checkpoint."""


def environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


def last_weights(folder):
    checkpoint = read_checkpoint(folder / "checkpoint.pt", torch.device("cpu"))
    assert checkpoint is not None
    best = load_file(folder / "best.safetensors")
    return checkpoint["learner"] | {f"best.{name}": value for name, value in best.items()}


@pytest.fixture
def recipe(tmp_path):
    """Return a recipe of two stages that draws in every way there is: order, changes, mixup, dropout."""
    run = {"epochs": 3, "batch": 8, "accumulate": 2, "balance": 0.5, "average": 0.9, "clip": 1.0}
    return write_recipe(
        tmp_path / "all.toml",
        "deep_auc",
        model={
            "options": {"encoder_options": {"growth_rate": 8, "block_config": [1, 1], "proj_drop_rate": 0.2}}
        },
        augmentation={"degrees": 10.0, "exposure": True, "blur": 0.5, "mixup": 0.2},
        run={"epochs": 1, "batch": 8},
        second={"schedule": {"name": "plateau", "patience": 0}, "run": run},
        ensemble={"members": 1},
    )


def test_a_killed_run_comes_to_the_weights_of_an_unbroken_one(recipe, train, words, tmp_path):
    unbroken, broken = tmp_path / "unbroken", tmp_path / "broken"
    more = ("--checkpoint-steps", "3")
    train(recipe, unbroken, *more)
    command = [sys.executable, "-c", _DIES, *words(recipe, broken, *more)]
    killed = subprocess.run(command, cwd=ROOT, env=environment(), check=False, capture_output=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    assert (broken / "member-1" / "done.json").exists()
    assert not (broken / "member-1-second" / "done.json").exists()
    train(recipe, broken, *more)
    ours, theirs = (last_weights(run / "member-1-second") for run in (broken, unbroken))
    assert ours.keys() == theirs.keys()
    assert all(ours[name].equal(theirs[name]) for name in ours)
    said = [pq.read_table(run / "predictions.parquet") for run in (broken, unbroken)]
    assert said[0].equals(said[1])
    ended = read_checkpoint(broken / "member-1-second" / "checkpoint.pt", torch.device("cpu"))
    assert ended is not None
    assert ended["optimizer"]["T"] == 0  # PESG's reference is of the epoch that ended
    for name in ("member-1-second/metrics.csv", "summary.json"):
        assert (broken / name).read_text() == (unbroken / name).read_text()


def test_a_run_that_is_over_is_not_trained_again(train, tmp_path):
    recipe = write_recipe(tmp_path / "plain.toml", "simple_cnn", run={"epochs": 1})
    train(recipe, tmp_path / "run")
    best = tmp_path / "run" / "member-1" / "best.safetensors"
    before = best.stat().st_mtime_ns
    train(recipe, tmp_path / "run")
    assert best.stat().st_mtime_ns == before


def test_a_folder_of_another_run_is_refused(train, tmp_path, capsys):
    recipe = write_recipe(tmp_path / "plain.toml", "simple_cnn", run={"epochs": 1})
    train(recipe, tmp_path / "run")
    with pytest.raises(SystemExit):
        train(recipe, tmp_path / "run", "--seed", "5")
    assert "differs in seed" in capsys.readouterr().err


def test_two_processes_of_torchrun_come_to_the_weights_of_one(train, words, tmp_path):
    recipe = write_recipe(
        tmp_path / "plain.toml",
        "lt_vit",  # without batch norm, whose figures hang on what one device sees
        data={"policy": "zeros"},
        augmentation={"flip": 0.0},
        optimizer={"name": "sgd", "rate": 0.05},
        run={"epochs": 2, "batch": 8},
    )
    out = tmp_path / "run"
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command = [*torchrun, "-m", "tests.support.agreeing", *words(recipe, out)]
    done = subprocess.run(command, cwd=ROOT, env=environment(), check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert read_json(out / "run.json")["processes"] == 2
    images = read_json(out / "summary.json")["images"]
    (row,) = (out / "member-1" / "metrics.csv").read_text().splitlines()[-1:]
    assert int(row.split(",")[1]) == 2 * (images["train"] // 8)
    said = pq.read_table(out / "predictions.parquet")
    assert said.num_rows == images["validation"] + images["test"]
    assert (out / "rank-0").read_text() == (out / "rank-1").read_text()
    alone = last_weights(train(recipe, tmp_path / "alone") / "member-1")
    torch.testing.assert_close(last_weights(out / "member-1"), alone, atol=1e-4, rtol=1e-3)


def test_a_batch_that_devices_cannot_share_is_refused():
    with pytest.raises(RecipeError, match="8 images a step cannot be shared evenly by 3"):
        share_of(8, 3)
