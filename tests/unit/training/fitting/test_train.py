"""When training ends early, and what it and the export refuse, with what the message says."""

import csv
import shutil

import pytest

from tests.support.trained import draw_dataset, write_recipe
from training import export
from training.train import main as train_main


@pytest.fixture
def plain(tmp_path):
    return write_recipe(tmp_path / "plain.toml", "simple_cnn", run={"epochs": 1})


def test_it_stops_when_nothing_gets_better(train, tmp_path):
    recipe = write_recipe(
        tmp_path / "long.toml", "simple_cnn", optimizer={"rate": 1e-2}, run={"epochs": 40, "stop_after": 2}
    )
    run = train(recipe, tmp_path / "run")
    with (run / "member-1" / "metrics.csv").open(encoding="utf-8") as file:
        keys = [
            (float(row["validation_auroc"]), -float(row["validation_loss"])) for row in csv.DictReader(file)
        ]
    assert len(keys) < 40
    assert keys.index(max(keys)) == len(keys) - 3


def test_a_film_in_two_parts_is_refused(plain, words, tmp_path, capsys):
    folder = tmp_path / "leaking"
    table = draw_dataset(folder, 24, name="leaking")
    shutil.copyfile(folder / "0.png", folder / "2.png")  # of training, and of the test
    given = [*words(plain, tmp_path / "run"), "--table", str(table), "--images", f"leaking={folder}"]
    given[given.index("--images") + 1] = f"drawn={given[given.index('--images') + 1]}"
    with pytest.raises(SystemExit) as stopped:
        train_main(given)
    assert stopped.value.code == 2
    said = capsys.readouterr().err
    assert "python -m training.leaks" in said
    assert "leaking/0.png" in said
    assert not (tmp_path / "run" / "member-1").exists()


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"data": {"labels": ["Hernia"]}}, "label of the recipe: Hernia"),
        ({"data": {"labels": ["Mass", "Hernia"]}}, "no training image says anything of Hernia"),
        ({"data": {"masks": True}}, "data.masks"),
        ({"optimizer": {"name": "pesg"}}, "need each other"),
        ({"loss": {"name": "hinge"}}, "hinge"),
    ],
)
def test_what_cannot_be_trained_says_why(changes, says, words, tmp_path, capsys):
    recipe = write_recipe(tmp_path / "wrong.toml", "simple_cnn", **changes)
    with pytest.raises(SystemExit):
        train_main(words(recipe, tmp_path / "run"))
    assert says in capsys.readouterr().err


def test_only_a_run_that_has_ended_is_exported(tmp_path, capsys):
    with pytest.raises(SystemExit):
        export.main([str(tmp_path), "--out", str(tmp_path / "bundle")])
    assert "a training that has ended" in capsys.readouterr().err


def test_a_bundle_is_not_written_over(tmp_path, capsys):
    (tmp_path / "bundle").mkdir()
    (tmp_path / "bundle" / "mine").touch()
    with pytest.raises(SystemExit):
        export.main([str(tmp_path), "--out", str(tmp_path / "bundle")])
    assert "is there already" in capsys.readouterr().err
