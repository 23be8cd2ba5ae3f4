"""An archive's items and their keys: whatever lies in it is an item, or is named with a reason."""

import os
import shutil
import socket
import stat
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cxr.archive import Archive, item_key, read_archive
from cxr.archive_names import each_once, shown
from cxr.errors import ArchiveError

NOBODY = 65534


def write(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode(errors="surrogateescape"))


def pack(target: Path, *members: str | zipfile.ZipInfo) -> Path:
    """Write a zip whose members hold their own names."""
    with zipfile.ZipFile(target, "w") as archive:
        for member in members:
            archive.writestr(member, str(getattr(member, "filename", member)))
    return target


def rename(archive: Path, old: bytes, new: bytes) -> Path:
    """Write another name of the same length into a zip, such as no library writes."""
    archive.write_bytes(archive.read_bytes().replace(old, new))
    return archive


def read(path: Path, *, study_per_folder: bool = False) -> Archive:
    return read_archive(path, study_per_folder=study_per_folder)


def paths(path: Path) -> list[str]:
    return [item.path for item in read(path).items]


def keys(path: Path) -> list[str]:
    return [item.seal().key for item in read(path).items]


@contextmanager
def without_root_s_rights() -> Iterator[None]:
    """Be somebody who may not read everything."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(user)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """Return a folder that everybody may enter; pytest's own are closed to others."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def test_every_file_of_a_folder_is_one_item_in_order_of_its_path(tmp_path):
    write(tmp_path, "b/2.dcm", "a.png", "b/1.txt", "b.png")

    items = read(tmp_path).items

    assert [item.path for item in items] == ["a.png", "b/1.txt", "b/2.dcm", "b.png"]
    assert [file.name for item in items for file in item.files] == ["a.png", "1.txt", "2.dcm", "b.png"]


def test_what_systems_leave_behind_is_passed_over_and_named(tmp_path):
    left_behind = [".DS_Store", "dicomdir", ".git", "a/THUMBS.DB", "a/._chest.dcm", "__MACOSX"]
    write(tmp_path, "a/chest.dcm", ".git/config", "__MACOSX/a/chest.dcm", *left_behind[:2], *left_behind[3:5])

    archive = read(tmp_path)

    assert [item.path for item in archive.items] == ["a/chest.dcm"]
    assert sorted(archive.passed_over) == sorted(left_behind)
    assert archive.left_out == {}


def test_a_hidden_file_is_sent_as_any_other(tmp_path):
    write(tmp_path, ".chest.dcm", ".ward/chest.dcm")

    assert paths(tmp_path) == [".chest.dcm", ".ward/chest.dcm"]


def test_what_is_no_file_is_left_out_with_its_reason(tmp_path):
    write(tmp_path, "chest.dcm")
    (tmp_path / "dangling.dcm").symlink_to("nowhere")
    (tmp_path / "self").symlink_to("self")
    os.mkfifo(tmp_path / "pipe.dcm")
    (tmp_path / "null").symlink_to("/dev/null")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket"))
        archive = read(tmp_path)

    assert [item.path for item in archive.items] == ["chest.dcm"]
    assert archive.left_out == {
        "dangling.dcm": "a link to what is not there",
        "self": "cannot be read: a link that leads to itself",
        "pipe.dcm": "neither a file nor a folder: a named pipe",
        "null": "neither a file nor a folder: a device",
        "socket": "neither a file nor a folder: a socket",
    }


def test_a_folder_that_may_not_be_read_is_left_out_and_the_others_are_not(open_folder):
    write(open_folder, "open/chest.dcm", "closed/chest.dcm")
    (open_folder / "closed").chmod(0)

    with without_root_s_rights():
        archive = read(open_folder)

    assert [item.path for item in archive.items] == ["open/chest.dcm"]
    assert archive.left_out == {"closed": "cannot be read: Permission denied"}


def test_a_folder_whose_path_is_too_long_for_the_system_is_left_out(tmp_path):
    write(tmp_path, "chest.dcm")
    here = os.open(tmp_path, os.O_RDONLY)
    for _ in range(20):  # 20 * 250 bytes are more than a path may have
        os.mkdir("x" * 250, dir_fd=here)
        below = os.open("x" * 250, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)

    archive = read(tmp_path)

    assert [item.path for item in archive.items] == ["chest.dcm"]
    assert list(archive.left_out.values()) == ["cannot be read: File name too long"]


def test_a_linked_folder_is_read_under_the_link_s_name(tmp_path):
    write(tmp_path, "archive/a.dcm", "elsewhere/b.dcm", "elsewhere/deep/c.dcm")
    (tmp_path / "archive" / "2019").symlink_to(tmp_path / "elsewhere")

    archive = read(tmp_path / "archive")

    assert [item.path for item in archive.items] == ["2019/b.dcm", "2019/deep/c.dcm", "a.dcm"]
    assert (archive.left_out, archive.passed_over) == ({}, {})


def test_a_folder_to_which_several_ways_lead_is_sent_once(tmp_path):
    write(tmp_path, "archive/2019/a.dcm", "elsewhere/b.dcm")
    (tmp_path / "archive" / "1-latest").symlink_to("2019")
    (tmp_path / "archive" / "2019" / "loop").symlink_to("..")
    (tmp_path / "archive" / "one").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "archive" / "two").symlink_to(tmp_path / "elsewhere")

    archive = read(tmp_path / "archive")

    assert [item.path for item in archive.items] == ["2019/a.dcm", "one/b.dcm"]
    assert archive.left_out == {}
    assert archive.passed_over == {
        "1-latest": "the same folder as 2019",
        "2019/loop": "the same folder as .",
        "two": "the same folder as one",
    }


def test_a_link_upwards_sends_nothing_that_nobody_named(tmp_path):
    write(tmp_path, "archive/a.dcm", "private/b.dcm")
    (tmp_path / "archive" / "up").symlink_to(tmp_path)
    (tmp_path / "archive" / "root").symlink_to("/")

    archive = read(tmp_path / "archive")

    assert [item.path for item in archive.items] == ["a.dcm"]
    assert sorted(archive.left_out) == ["root", "up"]


def test_the_files_of_one_folder_can_be_one_study(tmp_path):
    write(tmp_path, "one/pa.dcm", "one/lateral.dcm", "two/pa.dcm", "one/deep/pa.dcm", "top.dcm")

    items = read(tmp_path, study_per_folder=True).items

    assert {item.path: len(item.files) for item in items} == {"one": 2, "one/deep": 1, "two": 1, ".": 1}


def test_a_folder_and_a_zip_of_it_have_the_same_keys(tmp_path):
    write(tmp_path / "folder", "a.png", "b/ü 1.dcm", "a\\b.png")
    with zipfile.ZipFile(tmp_path / "archive.zip", "w") as archive:
        for path in (tmp_path / "folder").rglob("*"):
            archive.write(path, path.relative_to(tmp_path / "folder"))

    assert keys(tmp_path / "folder") == keys(tmp_path / "archive.zip")


def test_a_key_changes_with_the_content(tmp_path):
    write(tmp_path, "a.png")
    before = keys(tmp_path)
    (tmp_path / "a.png").write_bytes(b"another picture")

    assert keys(tmp_path) != before


def test_two_files_with_one_content_are_two_items(tmp_path):
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_bytes(b"the same")

    assert len(set(keys(tmp_path))) == 2


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_that_stands_twice_in_a_zip_is_two_items(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for name, content in (("a", b"1"), ("a", b"2"), ("a", b"1"), ("a (2)", b"3")):
            archive.writestr(name, content)

    items = read(tmp_path / "a.zip").items

    assert [item.path for item in items] == ["a", "a (3)", "a (4)", "a (2)"]
    assert [b"".join(opener().read() for _, opener in item.seal().uploads) for item in items] == [
        *(b"1", b"2", b"1", b"3")
    ]
    assert len({item.seal().key for item in items}) == 4


def test_no_path_stands_twice_whatever_the_names_are():
    assert each_once(["a", "a (2)", "a", "a"]) == ["a", "a (2)", "a (3)", "a (4)"]
    assert each_once(["a", "b"]) == ["a", "b"]


def test_backslashes_divide_the_parts_of_a_path(tmp_path):
    packed = pack(tmp_path / "a.zip", "PatA!IM1.dcm", "PatB!IM1.dcm", "PatC!")
    rename(packed, b"!", b"\\")
    with zipfile.ZipFile(packed, "a") as archive:
        archive.writestr("Pat.D\\", "")

    assert {item.path for item in read(packed, study_per_folder=True).items} == {"PatA", "PatB", "."}
    assert paths(packed) == ["PatA/IM1.dcm", "PatB/IM1.dcm", "PatC"]


def test_a_member_s_path_stays_within_the_archive(tmp_path):
    packed = pack(tmp_path / "a.zip", "/etc/a.dcm", "../../b.dcm", "./c.dcm", "d//e.dcm", "C:\\f.dcm", "..")

    assert paths(packed) == ["C:/f.dcm", "b.dcm", "c.dcm", "d/e.dcm", "etc/a.dcm", "unnamed"]


def test_names_in_the_letters_of_dos_and_in_utf_8_are_read_as_what_they_are(tmp_path):
    packed = pack(tmp_path / "a.zip", "M!ller.dcm", "J??rg.dcm")
    rename(packed, b"M!ller", b"M\x81ller")
    rename(packed, b"J??rg", "Jörg".encode())

    assert paths(packed) == ["Jörg.dcm", "Müller.dcm"]


def test_a_link_within_a_zip_is_left_out(tmp_path):
    link = zipfile.ZipInfo("link.dcm")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16

    archive = read(pack(tmp_path / "a.zip", link, "a.dcm"))

    assert [item.path for item in archive.items] == ["a.dcm"]
    assert "link" in archive.left_out["link.dcm"]


@pytest.mark.parametrize(
    "path",
    ["a.png", "x" * 500, "Müller/thorax 1.dcm", "日本/胸.dcm" * 30, os.fsdecode(b"M\xfcller.dcm"), "a\nb"],
)
def test_a_key_fits_into_a_header(path):
    key = item_key(path, "0" * 64)

    assert len(key) <= 255
    assert key.isascii()
    assert key.isprintable()
    assert " " not in key


def test_long_paths_that_end_alike_have_different_keys():
    assert item_key("a" + "x" * 400, "0" * 64) != item_key("b" + "x" * 400, "0" * 64)


def test_any_path_can_be_shown():
    assert shown(os.fsdecode(b"M\xfcller\n\x1b[1m.dcm")) == r"M\xfcller\n\x1b[1m.dcm"
    assert shown("Müller 日本.dcm") == "Müller 日本.dcm"


def test_a_zip_whose_names_are_broken_is_named(tmp_path):
    packed = rename(pack(tmp_path / "broken.zip", "ü.png"), "ü".encode(), b"\xff\xff")

    with pytest.raises(ArchiveError, match=r"broken\.zip.*Unpack it"):
        read(packed)


def test_a_zip_that_is_cut_off_says_so_and_what_to_do(tmp_path):
    packed = pack(tmp_path / "a.zip", "a.dcm", "b.dcm")
    packed.write_bytes(packed.read_bytes()[:-60])

    with pytest.raises(ArchiveError, match=r"a\.zip.*directory.*missing.*Copy it once more"):
        read(packed)


def test_an_archive_of_nothing_to_send_says_why(tmp_path):
    with pytest.raises(ArchiveError, match="no files to send"):
        read(tmp_path)
    (tmp_path / "a.dcm").symlink_to("nowhere")
    with pytest.raises(ArchiveError, match=r"a\.dcm: a link to what is not there"):
        read(tmp_path)


def test_a_file_that_is_no_zip_is_named(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("no archive")

    os.mkfifo(tmp_path / "pipe")
    for name in ("notes.txt", "pipe"):
        with pytest.raises(ArchiveError, match=f"nor a zip: .*/{name}.*cxr submit"):
            read(tmp_path / name)
