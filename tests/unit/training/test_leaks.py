import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.support.radiographs import SAMPLES, nih_records, record
from training.leak_figures import CHANGES, copy_of
from training.leaks import Leak, LeakError, LeakKind, find_leaks, main, refuse_leaks, without_leaks
from training.near_duplicates import SIDE, candidates, film, fingerprints, likeness, nearest_scale
from training.squares import square_of
from training.store import open_store
from training.table import Record, Split, read, write

FOUND: tuple[str, ...] = tuple(name for name in CHANGES if "6 %" not in name)
"""Changes of which nearly every copy is found; of a crop of 6 % few are, which the module says."""


def in_split(image: str, split: Split | None, *, patient: str, dataset: str = "nih") -> Record:
    return record(image, patient=patient, dataset=dataset, split=split)


@pytest.fixture(scope="module")
def originals() -> list[Path]:
    """Return films of different patients: samples, and real ones where there are any."""
    files = [SAMPLES / "chest-1.png", SAMPLES / "chest-3.jpg"]
    data = os.environ.get("CXR_TEST_DATA")
    if data:
        by_patient = {one.patient: Path(data) / one.image for one in nih_records(Path(data))}
        files += list(by_patient.values())[:40]
    return files


@pytest.fixture(scope="module")
def films(originals):
    return [film_of(path) for path in originals]


def film_of(path: Path) -> NDArray[np.uint8]:
    found = film(square_of(path, SIDE))
    assert found is not None
    return found


@pytest.mark.real_data
@pytest.mark.parametrize("name", FOUND)
def test_a_changed_copy_is_the_same_film(name, originals, films, tmp_path):
    for path, picture in zip(originals[:6], films, strict=False):
        (tmp_path / "copy.jpg").write_bytes(copy_of(path, CHANGES[name]))
        copied = film_of(tmp_path / "copy.jpg")
        bits, others = fingerprints(picture), fingerprints(copied)
        assert [len(block) for block in candidates(bits[None], others[None])] == [1]
        assert likeness(picture, copied, scale=nearest_scale(bits, others)) >= 0.9


@pytest.mark.real_data
def test_films_of_two_patients_are_not(films):
    for i, one in enumerate(films):
        for other in films[:i][:4]:
            assert likeness(one, other) < 0.88


def test_every_pair_is_compared_and_only_the_near_ones_come_back():
    generator = np.random.default_rng(0)
    first = generator.integers(0, 2**64, (600, 3, 4), np.uint64)
    second = generator.integers(0, 2**64, (300, 3, 4), np.uint64)
    second[7, 0] = first[599, 0] ^ np.uint64(0b111)  # 12 bits apart
    second[8, 2] = first[3, 0]
    second[9, 0] = first[300, 1]
    second[10, 2] = first[300, 2]  # two crops are never compared
    found = np.concatenate(list(candidates(first, second)))
    assert found.tolist() == [[3, 8], [300, 9], [599, 7]]
    assert not np.concatenate(list(candidates(first, second[7:8], far=11))).size


def test_a_picture_with_next_to_nothing_in_it_is_no_film():
    assert film(np.zeros((64, 64), np.uint8)) is None
    assert film(np.full((64, 64), 200, np.uint8)) is None
    sliver = np.zeros((64, 64), np.uint8)
    sliver[:, 30:34] = np.arange(64)[:, None] * 3
    assert film(sliver) is None


@pytest.fixture
def tree(tmp_path) -> tuple[Path, list[Record]]:
    """Return images and records: one leak of each kind, and what is none."""
    folder = tmp_path / "images"
    folder.mkdir()
    generator = np.random.default_rng(1)
    for name in ("train", "test", "a1", "a2", "s1", "s2", "twin1", "twin2", "none"):
        noise = Image.fromarray(generator.integers(0, 256, (24, 24), np.uint8))
        noise.resize((200, 200), Image.Resampling.BICUBIC).save(folder / f"{name}.png")
    copies = [("copy.jpg", SAMPLES / "chest-1.png"), ("same-patient.jpg", folder / "a1.png")]
    for name, original in [
        *copies,
        ("same-split.jpg", folder / "train.png"),
        ("outside.jpg", folder / "test.png"),
    ]:
        (folder / name).write_bytes(copy_of(original, CHANGES["2 % cropped at each edge"]))
    (folder / "film.png").write_bytes((SAMPLES / "chest-1.png").read_bytes())
    (folder / "black.png").write_bytes(b"no picture")
    (folder / "black2.png").write_bytes(b"no picture")
    records = [
        in_split("train.png", Split.TRAIN, patient="nih:1"),
        in_split("same-split.jpg", Split.TRAIN, patient="nih:2"),
        in_split("test.png", Split.TEST, patient="nih:3"),
        in_split("outside.jpg", None, patient="nih:4"),
        in_split("a1.png", Split.TRAIN, patient="nih:5"),
        in_split("a2.png", Split.VALIDATION, patient="nih:5"),
        in_split("same-patient.jpg", Split.TEST, patient="nih:5"),
        replace(in_split("s1.png", Split.TRAIN, patient="nih:6"), study="nih:s"),
        replace(in_split("s2.png", Split.TEST, patient="nih:7"), study="nih:s"),
        in_split("film.png", Split.VALIDATION, patient="nih:8"),
        in_split("copy.jpg", Split.TEST, patient="object_cxr:1", dataset="object_cxr"),
        in_split("black.png", Split.TRAIN, patient="nih:9"),
        in_split("black2.png", Split.TEST, patient="nih:10"),
        in_split("gone.png", Split.TEST, patient="nih:11"),
    ]
    return folder, records


def test_patients_studies_and_films_in_two_parts_are_found_and_nothing_else(tree, tmp_path):
    folder, records = tree
    found = find_leaks(records, folder, cache=tmp_path / "cache", processes=1)
    assert [(leak.kind, [one.image for one in leak.records]) for leak in found] == [
        (LeakKind.PATIENT, ["a1.png", "a2.png", "same-patient.jpg"]),
        (LeakKind.STUDY, ["s1.png", "s2.png"]),
        (LeakKind.IMAGE, ["film.png", "copy.jpg"]),
    ]
    assert (
        str(found[0]) == "patient nih:5: train nih/a1.png, validation nih/a2.png, test nih/same-patient.jpg"
    )
    assert str(found[2]).endswith("validation nih/film.png, test object_cxr/copy.jpg")


def test_a_store_that_is_there_already_is_used_if_its_squares_are_large_enough(tree, tmp_path):
    folder, records = tree
    large = open_store(records, folder, size=SIDE + 32, cache=tmp_path / "large", processes=1)
    for path in folder.iterdir():
        path.unlink()
    found = find_leaks(records, folder, cache=tmp_path / "unused", processes=2, store=large)
    assert [leak.kind for leak in found] == list(LeakKind)
    assert not (tmp_path / "unused").exists()


def leaking(number: int) -> Leak:
    parts = (Split.TRAIN, Split.TEST)
    images = tuple(in_split(f"{number}-{part}.png", part, patient=f"nih:{number}") for part in parts)
    return Leak(LeakKind.PATIENT, f"nih:{number}", images)


def test_leaks_are_refused_by_name_and_with_the_way_out():
    with pytest.raises(
        LeakError, match=r"(?s)12 leaks.*--out FILE.*nih:0: train nih/0-train.png.*and 2 more"
    ):
        refuse_leaks([leaking(number) for number in range(12)])
    with pytest.raises(LeakError) as refused:
        refuse_leaks([leaking(3)])
    assert "more" not in str(refused.value)


def test_no_leaks_are_not_refused():
    refuse_leaks([])


def test_what_leaks_is_taken_out_of_the_earlier_part(tree):
    _, records = tree
    leaks = [
        Leak(LeakKind.PATIENT, "nih:5", tuple(records[4:7])),
        Leak(LeakKind.IMAGE, "alike", (records[9], records[10])),
    ]
    gone = {one.image for one in records} - {one.image for one in without_leaks(records, leaks)}
    assert gone == {"a1.png", "a2.png", "film.png"}


def test_the_command_prints_leaks_and_leaves_with_1_or_writes_a_table_without_them(tree, tmp_path, capsys):
    folder, records = tree
    table, out = tmp_path / "table.parquet", tmp_path / "out.parquet"
    write(table, records)
    images = [
        "--images",
        f"nih={folder}",
        "--images",
        f"object_cxr={folder}",
        "--cache",
        str(tmp_path / "cache"),
    ]
    with pytest.raises(SystemExit) as stopped:
        main([str(table), *images])
    assert stopped.value.code == 1
    printed = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in printed] == ["patient", "study", "image"]
    main([str(table), *images, "--out", str(out)])
    assert len(read(out)) == len(records) - 4
    capsys.readouterr()
    main([str(out), *images])
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("images", "says"),
    [(["nih=/data"], "no folder is given for the images of object_cxr"), (["a", "b"], "DATASET=FOLDER")],
)
def test_the_command_says_what_is_wrong_with_its_folders(tree, tmp_path, capsys, images, says):
    write(tmp_path / "table.parquet", tree[1])
    given = [word for folder in images for word in ("--images", folder)]
    with pytest.raises(SystemExit) as stopped:
        main([str(tmp_path / "table.parquet"), *given])
    assert stopped.value.code == 2
    assert says in capsys.readouterr().err
