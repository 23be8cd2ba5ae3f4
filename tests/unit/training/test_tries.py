"""What was tried for the bundled classifier, made again on drawn pictures of other labels."""

import csv
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from training import tries
from training.bundled.fit import Examples, Recipe
from training.bundled.network import BACKBONES, from_imagenet
from training.bundled.networks import average, taught, trained
from training.bundled.self_supervised import simsiam
from training.train_bundled import RUNS

SMALL: dict[str, Any] = {"size": 64, "epochs": 1, "frozen": 6}
LABELS = ("Cardiomegaly", "Effusion", "Mass")


def pictures(count: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, 64, 64), np.uint8)


def examples(count: int = 8) -> Examples:
    shown = (np.arange(count * 14).reshape(count, 14) % 3 == 0).astype(np.float32)
    return Examples(pictures(count), shown, np.zeros(count, np.float32), np.ones(count, np.float32))


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)


@pytest.fixture
def data(tmp_path, monkeypatch) -> Path:
    """240 patients, each with one picture, on which a label is a brighter quarter."""
    rows = []
    for patient in range(240):
        labels = [name for k, name in enumerate(LABELS) if patient >> k & 1]
        picture = np.random.default_rng(patient).normal(90, 20, (80, 80))
        for k, name in enumerate(LABELS):
            picture[40 * (k // 2) :, 40 * (k % 2) :][:40, :40] += 80 * (name in labels)
        file = f"nih/{patient:08}_000.png"
        for folder in ("images", "more"):
            (tmp_path / folder / "nih").mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(tmp_path / "images" / file), picture.clip(0, 255).astype(np.uint8))
        view = "AP" if patient // 8 % 2 else "PA"
        rows.append((file, f"nih-{patient:08}", view, ";".join(labels) or "No Finding"))
    for table, kept in (("labels.csv", rows), ("more/labels.csv", []), ("lowres64.csv", [])):
        with (tmp_path / table).open("w", newline="") as out:
            csv.writer(out).writerows([("file", "patient_id", "view", "labels"), *kept])
    ships = tuple(replace(run, **SMALL) for run in RUNS)
    monkeypatch.setattr(tries, "RUNS", ships)
    for name, recipe in tries.TRIES.items():
        small = replace(recipe, **SMALL, self_supervised=min(1, recipe.self_supervised))
        monkeypatch.setitem(tries.TRIES, name, small)
    return tmp_path


def table_of(data: Path, monkeypatch, capsys, *options: str) -> dict[str, list[str]]:
    """Run the command; return the cells of each row by its first."""
    told = ["tries", "--data", str(data), "--cache", str(data / "cache"), "--threads", "1", *options]
    monkeypatch.setattr("sys.argv", told)
    tries.main()
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]
    return {row[0]: row[1:] for row in cells}


def test_each_try_is_a_row_with_what_it_has_over_the_first(data, monkeypatch, capsys):
    names = ("focal", "simsiam", "distilled", "lite1", "ships")
    table = table_of(data, monkeypatch, capsys, "224-pixels", *names)
    assert list(table) == [*(f"{name}, seed 0" for name in ("224-pixels", *names[:-1])), "what ships"]
    first, *others = table.values()
    assert first[-1] == ""
    for figures in table.values():
        assert all(0.0 <= float(figure) <= 1.0 for figure in figures[:3])
    for other in others:
        gain, low, high = (float(word.strip("()")) for word in other[-1].replace(" to ", " ").split())
        assert low <= gain <= high
        assert gain == pytest.approx(float(other[0]) - float(first[0]), abs=0.0011)


def test_a_try_is_trained_once(data, monkeypatch, capsys):
    first = table_of(data, monkeypatch, capsys, "224-pixels")
    monkeypatch.setattr("training.bundled.networks.fit", None)
    assert table_of(data, monkeypatch, capsys, "224-pixels") == first


def test_several_seeds_are_told_with_their_means(data, monkeypatch, capsys):
    table = table_of(data, monkeypatch, capsys, "224-pixels", "--seeds", "3", "4")
    expected = ["seed 3", "seed 4", "mean of the weights", "mean of the logits"]
    assert list(table) == [f"224-pixels, {one}" for one in expected]


def test_a_name_that_is_no_try_is_refused_with_those_that_are(data, monkeypatch, capsys):
    with pytest.raises(SystemExit):
        table_of(data, monkeypatch, capsys, "lite9")
    assert "lite1" in capsys.readouterr().err


@pytest.mark.parametrize("backbone", sorted(BACKBONES))
def test_every_backbone_starts_from_its_own_imagenet_weights(backbone):
    network, again = (from_imagenet(14, backbone=backbone).eval() for _ in range(2))
    torch.testing.assert_close(network.trunk.state_dict(), again.trunk.state_dict())
    assert float(network.trunk.bn1.running_var.std()) > 0.0  # 0 in a network that never saw an image
    with torch.no_grad():
        assert network(torch.rand(1, 1, 64, 64))[0].shape == (1, 14)


def test_simsiam_changes_what_is_not_frozen_and_is_kept(tmp_path):
    recipe = Recipe(**SMALL, self_supervised=1, batch=4)
    lines: list[str] = []
    found = simsiam(pictures(8), recipe, kept=tmp_path / "start", say=lines.append)
    begun = from_imagenet(1).trunk.state_dict()
    torch.testing.assert_close(found.trunk.conv_stem.weight, begun["conv_stem.weight"])
    assert not torch.equal(found.trunk.conv_head.weight, begun["conv_head.weight"])
    assert lines[0].startswith("SimSiam epoch 1/1 loss ")
    again = simsiam(pictures(8), recipe, kept=tmp_path / "start", say=lines.append)
    torch.testing.assert_close(again.trunk.state_dict(), found.trunk.state_dict())
    assert len(lines) == 1


def test_a_run_starts_from_what_simsiam_came_to(tmp_path):
    plain = Recipe(**{**SMALL, "epochs": 0})
    cold = trained(examples(), plain, cache=tmp_path)
    warm = trained(examples(), replace(plain, self_supervised=1, batch=4), cache=tmp_path)
    assert torch.equal(cold.trunk.conv_head.weight, from_imagenet(1).trunk.conv_head.weight)
    assert not torch.equal(warm.trunk.conv_head.weight, cold.trunk.conv_head.weight)


def test_a_teacher_says_a_share_of_each_target():
    given = examples()
    sure = np.where(given.labels > 0, -50.0, 0.0).astype(np.float32)
    soft = taught(given, sure, share=0.25).labels
    np.testing.assert_allclose(soft[given.labels > 0], 0.75)
    np.testing.assert_allclose(soft[given.labels == 0], 0.125)


def test_the_mean_of_weights_is_a_network_of_the_same_backbone():
    networks = [from_imagenet(14, backbone="lite1") for _ in range(2)]
    mean = average(networks, backbone="lite1")
    expected = (networks[0].labels.weight + networks[1].labels.weight) / 2
    torch.testing.assert_close(mean.labels.weight, expected)
