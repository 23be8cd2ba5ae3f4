"""The command, on a tiny bundle and pictures made here: bright ones pass its gate, dark ones do not."""

import csv
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.support.bundles import write_tiny_bundle, write_tiny_gate
from training.evaluate import main


def picture(path: Path, brightness: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(brightness).integers(-20, 20, (48, 40))
    Image.fromarray(np.clip(noise + brightness, 0, 255).astype(np.uint8)).save(path)


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    for index in range(12):  # "Effusion" is brightness in this bundle: it knows the six that have it
        picture(tmp_path / "images" / f"part{index % 2}" / f"{index:02}.png", 200 if index < 6 else 90)
    write_tiny_bundle(tmp_path / "bundle")
    monkeypatch.setenv("CXR_MODEL_GATE", str(write_tiny_gate(tmp_path / "gate")))
    return tmp_path


def run(folder: Path, labels: str, monkeypatch, *more: str) -> list[dict[str, str]]:
    (folder / "labels.csv").write_text(labels)
    out = folder / "rows.csv"
    arguments = [
        "--images",
        folder / "images",
        "--labels",
        folder / "labels.csv",
        "--out",
        out,
        "--threads",
        1,
    ]
    monkeypatch.setattr(
        sys, "argv", ["evaluate", *map(str, ["--bundle", folder / "bundle", *arguments]), *more]
    )
    main()
    with out.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def listed(labels: str = "Pleural Effusion | Aortic enlargement") -> str:
    rows = [f"{index:02}.png,{labels if index < 6 else 'No Finding'}" for index in range(12)]
    return "\n".join(["Image Index,Finding Labels", *rows]) + "\n"


def test_it_writes_a_row_an_image_with_a_column_a_label_and_prints_the_figures(folder, monkeypatch, capsys):
    rows = run(folder, listed(), monkeypatch)
    printed = capsys.readouterr()
    assert [row["file"] for row in rows] == [f"{index:02}.png" for index in range(12)]
    assert rows[0].keys() == {"file", "patient", "view", "labels", "refused", "Effusion", "Mass"}
    assert float(rows[0]["Effusion"]) > 0.5 > float(rows[6]["Effusion"])
    assert (rows[0]["labels"], rows[6]["labels"]) == ("Effusion", "No Finding")
    assert "12 images of 12 patients" in printed.out
    assert "Effusion                    1.000 (1.000 to 1.000)       6        6" in printed.out
    assert "Scoring" in printed.err


def test_names_without_an_answer_are_said_and_labels_without_a_word_are_left_out(folder, monkeypatch, capsys):
    run(folder, listed(), monkeypatch)
    printed = capsys.readouterr().out
    assert "no label of the bundle answers to: Aortic enlargement" in printed
    assert "left out, since the CSV never speaks of them: Mass" in printed
    assert not any(line.startswith("Mass") for line in printed.splitlines())


def test_what_is_uncertain_or_not_labelled_counts_in_no_figure(folder, monkeypatch, capsys):
    cells = ["-1,1", ",1", *["1,0"] * 4, *["0,"] * 6]
    rows = [f"{index:02},{cell}" for index, cell in enumerate(cells)]
    assert len(run(folder, "\n".join(["image_id,Effusion,Edema", *rows]), monkeypatch)) == 12
    printed = capsys.readouterr().out
    assert "Effusion                    fewer than 5 of a kind       4        6" in printed
    assert "2 have no label that the bundle knows" in printed


def test_every_missing_file_is_named_up_to_twenty(folder, monkeypatch, capsys):
    run(folder, listed() + "".join(f"gone-{index}.png,No Finding\n" for index in range(23)), monkeypatch)
    said = capsys.readouterr().err
    assert said.count("missing: gone-") == 20
    assert "and 3 more" in said
    assert "23 files are not under" in said


def test_with_no_image_left_the_exit_status_is_1(folder, monkeypatch, capsys):
    with pytest.raises(SystemExit) as stopped:
        run(folder, "file,labels\ngone.png,Mass\n", monkeypatch)
    assert stopped.value.code == 1
    assert "no image is left to score" in capsys.readouterr().err


def test_a_file_that_cannot_be_decoded_is_a_row_with_the_reason(folder, monkeypatch, capsys):
    (folder / "images" / "text.png").write_text("no picture")
    rows = run(folder, listed() + "text.png,No Finding\n", monkeypatch)
    assert "not an image" in rows[-1]["refused"] or "neither" in rows[-1]["refused"]
    assert rows[-1]["Effusion"] == ""
    assert "1 cannot be decoded" in capsys.readouterr().out


def test_what_the_gate_refuses_is_scored_all_the_same(folder, monkeypatch, capsys):
    picture(folder / "images" / "dark.png", 30)
    rows = run(folder, listed() + "dark.png,No Finding\n", monkeypatch)
    assert "does not look like a frontal chest radiograph" in rows[-1]["refused"]
    assert float(rows[-1]["Effusion"]) < 0.5
    assert rows[0]["refused"] == ""
    assert "1 are refused by the gate" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("labels", "more", "advice"),
    [
        ("name,labels\na,Mass\n", (), "call it `file`"),
        (listed(), ("--split", "test"), "leave out --split"),
        (listed(), ("--images", "/nowhere"), "is no folder"),
        (listed(), ("--bundle", "/nowhere"), "cannot be read"),
        (listed(), ("--out", "/nowhere/rows.csv"), "make it first"),
    ],
)
def test_a_mistake_ends_it_with_one_line_that_says_what_to_do(
    folder, monkeypatch, capsys, labels, more, advice
):
    with pytest.raises(SystemExit) as stopped:
        run(folder, labels, monkeypatch, *more)
    assert stopped.value.code == 2
    said = capsys.readouterr().err.strip().splitlines()
    assert len(said) == 1
    assert advice in said[0]
