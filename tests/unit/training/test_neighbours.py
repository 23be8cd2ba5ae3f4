"""How alike the labels of near images are: counted by hand, and over files through the worker's own code."""

import numpy as np
import pytest
from PIL import Image

from tests.support.bundles import write_tiny_bundle, write_tiny_gate
from training.neighbours import agreement, jaccard, main

LABELS = np.array([[1, 1], [1, 0], [0, 0], [0, 0]], bool)


def test_two_sets_of_labels_share_a_part_of_what_either_has():
    alike = jaccard(LABELS)
    assert alike.tolist() == [[1, 0.5, 0, 0], [0.5, 1, 0, 0], [0, 0, 1, 1], [0, 0, 1, 1]]


def test_only_other_patients_of_the_same_source_are_neighbours():
    vectors = np.array([[1, 0], [1, 0], [0.8, 0.6], [0, 1], [1, 0]], np.float32)
    labels = np.array([[1, 0], [1, 0], [1, 0], [0, 1], [0, 1]], bool)
    patients, sources = np.array(["a", "a", "b", "c", "d"]), np.array(["one"] * 4 + ["two"])
    found, enough = agreement(vectors, labels, patients, sources, nearest=1)
    # The first two are one patient's; the last is of another source, where there is nobody else.
    assert enough.tolist() == [True, True, True, True, False]
    assert found.near.tolist() == [1, 1, 1, 0]
    assert found.random.tolist() == [0.5, 0.5, pytest.approx(2 / 3), 0]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Return a folder of pictures, bright ones with an effusion and paler ones without, and of one broken."""
    lines = ["file,patient_id,labels"]
    for index in range(12):
        brightness, label = (225, "Effusion") if index < 6 else (185, "No Finding")
        noise = np.random.default_rng(index).integers(-20, 20, (48, 48))
        Image.fromarray((noise + brightness).astype(np.uint8)).save(tmp_path / f"{index:02}.png")
        lines.append(f"{index:02}.png,p{index},{label}")
    (tmp_path / "12.png").write_text("no image")
    (tmp_path / "labels.csv").write_text("\n".join([*lines, "12.png,p12,Effusion"]))
    monkeypatch.setenv("CXR_MODEL_BUNDLE", str(write_tiny_bundle(tmp_path / "bundle")))
    monkeypatch.setenv("CXR_MODEL_GATE", str(write_tiny_gate(tmp_path / "gate")))
    return tmp_path


def test_the_command_says_how_alike_neighbours_labels_are_and_random_ones(folder, capsys):
    main(["--images", str(folder), "--labels", str(folder / "labels.csv"), "--nearest", "4"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "12 images of 12 patients have a vector of 2 numbers"
    assert lines[1].startswith("12 of them have 4 others")
    assert "4 nearest of other patients: 1.000 (1.000 to 1.000)" in lines[2]
    # Five of the eleven others have the same label.
    assert "random ones of other patients:   0.455 (0.455 to 0.455)" in lines[3]


def test_an_encoder_that_is_off_is_refused(folder, monkeypatch):
    monkeypatch.setenv("CXR_MODEL_ENCODER", "off")
    with pytest.raises(SystemExit) as stopped:
        main(["--images", str(folder), "--labels", str(folder / "labels.csv")])
    assert stopped.value.code == 2
