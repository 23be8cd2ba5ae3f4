"""The command, on a tiny bundle whose logits are brightness, and pictures of a known share of findings."""

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from shared.bundles import Bundle, load_bundle
from tests.support.bundles import write_tiny_bundle, write_tiny_gate
from training.calibrate import main, write_bundle

IMAGES = 60


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """Bright pictures show an effusion more often than dark ones; two pictures a patient."""
    random = np.random.default_rng(0)
    (tmp_path / "images").mkdir()
    rows = ["file,patient_id,Effusion,Mass,split"]
    for index in range(IMAGES):
        brightness = int(random.integers(120, 236))
        noise = random.integers(-20, 20, (48, 40))
        pixels = np.clip(noise + brightness, 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(tmp_path / "images" / f"{index:02}.png")
        effusion = int(random.random() < (brightness - 100) / 160)
        rows.append(f"{index:02}.png,p{index // 2},{effusion},{int(index < 3)},validation")
    (tmp_path / "labels.csv").write_text("\n".join(rows) + "\n")
    write_tiny_bundle(tmp_path / "bundle")
    monkeypatch.setenv("CXR_MODEL_GATE", str(write_tiny_gate(tmp_path / "gate")))
    return tmp_path


def run(folder: Path, monkeypatch, *more: str) -> Bundle:
    paths = [("--bundle", "bundle"), ("--images", "images"), ("--labels", "labels.csv"), ("--out", "new")]
    arguments = [word for option, name in paths for word in (option, str(folder / name))]
    monkeypatch.setattr(sys, "argv", ["calibrate", *arguments, "--threads", "1", *more])
    main()
    return load_bundle(folder / "new")


def refused(folder: Path, monkeypatch, capsys, *more: str) -> str:
    with pytest.raises(SystemExit) as stopped:
        run(folder, monkeypatch, *more)
    assert stopped.value.code == 2
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "━" not in line]
    assert [path.name for path in folder.iterdir() if "new" in path.name] == []
    return line


def edit(folder: Path, old: str, new: str, count: int = -1) -> None:
    table = folder / "labels.csv"
    table.write_text(table.read_text().replace(old, new, count))


@pytest.mark.parametrize("method", ["platt", "temperature"])
def test_it_writes_a_bundle_with_the_same_weights_and_a_new_calibration(folder, monkeypatch, capsys, method):
    old = load_bundle(folder / "bundle").card
    new = run(folder, monkeypatch, "--method", method).card
    effusion, mass = new.labels
    assert new.files == old.files
    assert effusion.slope != old.labels[0].slope
    assert (effusion.offset == 0.0) == (method == "temperature")
    assert mass == old.labels[1]  # three positives say nothing
    assert effusion.auroc == old.labels[0].auroc
    assert new.version.startswith(f"1+{method}.")
    said = new.calibration
    assert said is not None
    assert (said.of, said.images, said.patients, said.kept) == ("1", IMAGES, IMAGES // 2, ("Mass",))
    assert said.ece_less.low <= said.ece_less.value <= said.ece_less.high
    printed = capsys.readouterr().out
    assert "60 validation images of 30 patients" in printed
    assert f"{said.ece_before:.3f}" in printed
    assert "kept as it was" in printed
    assert "fitted anew" in (folder / "new" / "README.md").read_text()


def test_images_of_other_splits_change_nothing(folder, monkeypatch):
    alone = run(folder, monkeypatch).card
    (folder / "new").rename(folder / "alone")
    for index in range(20):  # all wrong, so that they would show
        Image.new("L", (40, 48), 230).save(folder / "images" / f"test{index}.png")
    more = "".join(f"test{index}.png,t{index},0,0,test\n" for index in range(20))
    (folder / "labels.csv").write_text((folder / "labels.csv").read_text() + more)
    assert run(folder, monkeypatch).card.labels == alone.labels


@pytest.mark.parametrize(
    ("old", "new", "advice"),
    [
        (",validation", ",test", "add a column `split`"),
        ("split\n", "part\n", "add a column `split`"),
    ],
    ids=["test images alone", "no split"],
)
def test_a_table_without_validation_images_is_refused(folder, monkeypatch, capsys, old, new, advice):
    edit(folder, old, new)
    assert advice in refused(folder, monkeypatch, capsys)


def test_a_patient_in_two_splits_is_refused(folder, monkeypatch, capsys):
    edit(folder, "validation", "train", 1)
    said = refused(folder, monkeypatch, capsys)
    assert "1 patients are in the validation split and out of it, as p0" in said


def test_too_few_patients_are_refused(folder, monkeypatch, capsys):
    lines = (folder / "labels.csv").read_text().splitlines()
    (folder / "labels.csv").write_text("\n".join(lines[:9]) + "\n")
    assert "at least 5" in refused(folder, monkeypatch, capsys)


def test_what_is_there_is_not_overwritten(folder, monkeypatch, capsys):
    run(folder, monkeypatch)
    before = (folder / "new" / "card.json").read_bytes()
    with pytest.raises(SystemExit):
        run(folder, monkeypatch)
    assert "is there already" in capsys.readouterr().err
    assert (folder / "new" / "card.json").read_bytes() == before


def test_a_bundle_that_breaks_off_half_way_leaves_nothing(folder):
    bundle = load_bundle(folder / "bundle")
    (folder / "bundle" / "cam.npy").unlink()
    before = set(folder.iterdir())
    with pytest.raises(FileNotFoundError):
        write_bundle(bundle, bundle.card, folder / "new")
    assert set(folder.iterdir()) == before
