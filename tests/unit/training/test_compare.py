"""Two classifiers on images whose truth is known: one that sees the label, one that guesses."""

import csv
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from training.compare import CompareError, compare, main, read_scores
from training.scoring.label_table import Labelled


def write(path: Path, header: list[str], rows: Sequence[Sequence[object]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def run(folder: Path, monkeypatch, capsys, *, same: bool) -> str:
    random = np.random.default_rng(0)
    shown = [k % 2 == 0 for k in range(60)]
    labels = [[f"{k}.png", f"p{k // 2}", "Effusion" if s else "No Finding"] for k, s in enumerate(shown)]
    truth = write(folder / "labels.csv", ["Image Index", "patient_id", "Finding Labels"], labels)
    good = [[f"{k}.png", 0.5 * s + 0.5 * random.random()] for k, s in enumerate(shown)]
    bad = [[f"{k}.png", random.random()] for k in range(60)]
    a = write(folder / "a.csv", ["file", "Effusion"], good)
    b = write(folder / "b.csv", ["file", "Effusion"], good if same else bad)
    monkeypatch.setattr(sys, "argv", ["compare", str(a), str(b), "--labels", str(truth)])
    main()
    return capsys.readouterr().out


def test_a_better_classifier_is_better_beyond_chance(tmp_path, monkeypatch, capsys):
    printed = run(tmp_path, monkeypatch, capsys, same=False)
    assert "60 images\nover all pairs, 1 labels: Effusion" in printed
    assert "A 1.000" in printed
    assert float(printed.rsplit("p = ", 1)[1]) < 0.05


def test_a_classifier_does_not_differ_from_itself(tmp_path, monkeypatch, capsys):
    assert "+0.000 (+0.000 to +0.000), p = 1.000" in run(tmp_path, monkeypatch, capsys, same=True)


def test_a_difference_does_not_hang_on_the_names_of_the_patients():
    random = np.random.default_rng(0)
    files, shown = [f"{k}.png" for k in range(60)], random.random(60) < 0.5
    a, b = (
        {file: {"Effusion": float(score)} for file, score in zip(files, random.random(60), strict=True)}
        for _ in "ab"
    )

    def less(names: np.ndarray) -> object:
        rows = {
            Path(file): Labelled(
                file=file, patient=names[k // 2], view="PA", labels={"Effusion": bool(shown[k])}
            )
            for k, file in enumerate(files)
        }
        return compare(a, b, rows)

    assert less(random.permutation(30).astype(str)) == less(np.arange(30).astype(str))


def test_what_knows_the_source_alone_is_better_over_all_pairs_and_not_within_a_source():
    random = np.random.default_rng(0)
    files, clinic = [f"{k}.png" for k in range(200)], np.arange(200) < 100
    shown = random.random(200) < np.where(clinic, 0.8, 0.2)
    rows = {
        Path(file): Labelled(
            file=file, patient=file, view="PA", labels={"Mass": bool(s)}, source="cw"[int(c)]
        )
        for file, s, c in zip(files, shown, clinic, strict=True)
    }
    known, constant = (
        {file: {"Mass": float(x)} for file, x in zip(files, xs, strict=True)} for xs in (clinic, 0 * clinic)
    )
    found = compare(known, constant, rows)
    assert found.over_all.less.low > 0.2
    assert found.within_source is not None
    assert (found.within_source.first, found.within_source.less.value) == (0.5, 0.0)
    assert (
        compare(known, constant, {one: replace(row, source="c") for one, row in rows.items()}).within_source
        is None
    )


def test_a_file_that_evaluate_did_not_write_is_named(tmp_path):
    path = write(tmp_path / "other.csv", ["name"], [["1.png"]])
    with pytest.raises(CompareError, match=r"other\.csv"):
        read_scores(path)


def test_files_of_different_images_cannot_be_compared():
    with pytest.raises(CompareError, match="0 images that both scored"):
        compare({"a.png": {"Effusion": 0.5}}, {"b.png": {"Effusion": 0.5}}, {})
