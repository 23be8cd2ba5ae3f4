"""An archive's items and their keys."""

import os
import zipfile
from pathlib import Path

import pytest

from cxr.archive import item_key, items_of
from cxr.errors import ArchiveError


def _write(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())


def _zip(folder: Path, target: Path) -> None:
    with zipfile.ZipFile(target, "w") as archive:
        for path in sorted(folder.rglob("*")):
            archive.write(path, path.relative_to(folder))


def test_every_file_of_a_folder_is_one_item_in_order_of_its_path(tmp_path):
    _write(tmp_path, "b/2.dcm", "a.png", "b/1.txt")

    items = items_of(tmp_path, study_per_folder=False)

    assert [item.path for item in items] == ["a.png", "b/1.txt", "b/2.dcm"]
    assert [file.name for item in items for file in item.files] == ["a.png", "1.txt", "2.dcm"]


def test_what_systems_leave_behind_is_no_item(tmp_path):
    _write(tmp_path, ".DS_Store", "DICOMDIR", ".git/config", "a/Thumbs.db", "a/chest.dcm")

    assert [item.path for item in items_of(tmp_path, study_per_folder=False)] == ["a/chest.dcm"]


def test_the_files_of_one_folder_can_be_one_study(tmp_path):
    _write(tmp_path, "one/pa.dcm", "one/lateral.dcm", "two/pa.dcm", "one/deep/pa.dcm")

    items = items_of(tmp_path, study_per_folder=True)

    assert {item.path: len(item.files) for item in items} == {"one": 2, "one/deep": 1, "two": 1}


def test_a_folder_and_a_zip_of_it_have_the_same_keys(tmp_path):
    folder = tmp_path / "folder"
    _write(folder, "a.png", "b/ü 1.dcm")
    _zip(folder, tmp_path / "archive.zip")

    from_folder = [item.key() for item in items_of(folder, study_per_folder=False)]
    from_zip = [item.key() for item in items_of(tmp_path / "archive.zip", study_per_folder=False)]

    assert from_folder == from_zip


def test_a_key_changes_with_the_content(tmp_path):
    _write(tmp_path, "a.png")
    (item,) = items_of(tmp_path, study_per_folder=False)
    before = item.key()
    (tmp_path / "a.png").write_bytes(b"another picture")

    assert item.key() != before


def test_two_files_with_one_content_are_two_items(tmp_path):
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_bytes(b"the same")

    assert len({item.key() for item in items_of(tmp_path, study_per_folder=False)}) == 2


@pytest.mark.parametrize(
    "path", ["a.png", "x" * 500, "Müller/thorax 1.dcm", "日本/胸.dcm" * 30, os.fsdecode(b"M\xfcller.dcm")]
)
def test_a_key_fits_into_a_header(path):
    key = item_key(path, "0" * 64)

    assert len(key) <= 255
    assert key.isascii()
    assert key.isprintable()
    assert " " not in key


def test_a_zip_whose_names_are_broken_is_named(tmp_path):
    path = tmp_path / "broken.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("ü.png", b"pixels")
    path.write_bytes(path.read_bytes().replace("ü".encode(), b"\xff\xff"))

    with pytest.raises(ArchiveError, match=r"broken\.zip"):
        items_of(path, study_per_folder=False)


def test_long_paths_that_end_alike_have_different_keys():
    assert item_key("a" + "x" * 400, "0" * 64) != item_key("b" + "x" * 400, "0" * 64)


def test_a_zip_member_is_read_whole(tmp_path):
    folder = tmp_path / "folder"
    _write(folder, "a.png")
    _zip(folder, tmp_path / "archive.zip")
    (item,) = items_of(tmp_path / "archive.zip", study_per_folder=False)

    with item.files[0].open() as content:
        assert content.read() == b"a.png"
        content.seek(0)
        assert content.read() == b"a.png"


def test_an_empty_folder_is_said_to_be_empty(tmp_path):
    with pytest.raises(ArchiveError, match="no files"):
        items_of(tmp_path, study_per_folder=False)


def test_a_file_that_is_no_zip_is_named(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("no archive")

    with pytest.raises(ArchiveError, match=r"notes\.txt"):
        items_of(path, study_per_folder=False)
