"""What is read of an archive's files: all of it, or a reason."""

import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from cxr.archive import Item, read_archive
from cxr.errors import ArchiveError

CONTENT = bytes(range(256)) * 1000


def the_item(path: Path) -> Item:
    (item,) = read_archive(path, study_per_folder=True).items
    return item


def a_zip(path: Path, compression: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr("a.dcm", CONTENT)
    return path


def sent(item: Item) -> bytes:
    """Return the body that a server would see."""
    files = [("files", (name, opener())) for name, opener in item.seal().uploads]
    with httpx.Client(
        transport=httpx.MockTransport(lambda request: httpx.Response(200, content=request.read()))
    ) as client:
        return client.post("http://server/", files=files).content


@pytest.fixture(params=["folder", "zip"])
def item(request: pytest.FixtureRequest, tmp_path: Path) -> Item:
    """Return an item of one file, of a folder and of a zip."""
    if request.param == "zip":
        return the_item(a_zip(tmp_path / "archive.zip"))
    (tmp_path / "a.dcm").write_bytes(CONTENT)
    return the_item(tmp_path)


def test_a_file_can_be_read_again_and_again(item: Item):
    ((name, opener),) = item.seal().uploads
    with opener() as content:
        assert (name, content.read()) == ("a.dcm", CONTENT)
        assert content.read() == b""
        content.seek(-10, 2)
        assert content.read(4) + content.read() == CONTENT[-10:]
        content.seek(0)
        assert content.read(100) + content.read() == CONTENT


def test_what_is_sent_is_the_content_and_its_length_is_known_before(item: Item):
    assert CONTENT in sent(item)


def test_many_files_of_a_study_are_not_all_open_at_once(tmp_path: Path):
    for number in range(20):
        (tmp_path / f"{number}.dcm").write_bytes(CONTENT)
    opened = [opener() for _, opener in the_item(tmp_path).seal().uploads]
    for content in opened:
        assert content.read() == CONTENT
    assert not any(str(tmp_path) in str(link.resolve()) for link in Path("/proc/self/fd").iterdir())


@pytest.mark.parametrize(
    "change",
    [
        lambda path: path.open("ab").write(b"more"),
        lambda path: path.write_bytes(CONTENT[:-1]),
        lambda path: path.write_bytes(CONTENT[::-1]),
        lambda path: (path.unlink(), path.write_bytes(CONTENT)),
        lambda path: path.unlink(),
    ],
    ids=["grown", "shortened", "written over", "replaced", "gone"],
)
@pytest.mark.parametrize("at", [0, 1000])
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_file_that_changes_after_its_key_was_taken_is_never_sent_whole(
    tmp_path: Path, change: Callable[[Path], object], at: int
):
    path = tmp_path / "a.dcm"
    path.write_bytes(CONTENT)
    ((_, opener),) = the_item(tmp_path).seal().uploads
    content, pieces = opener(), []
    if at:
        pieces.append(content.read(at))
    change(path)
    with pytest.raises(ArchiveError, match=r"still being written|cannot be read: No such file"):
        pieces.extend(iter(lambda: content.read(4096), b""))
    assert len(b"".join(pieces)) < len(CONTENT)


def test_a_file_without_a_size_that_cannot_be_read_is_not_taken_for_an_empty_one(tmp_path: Path):
    (tmp_path / "a.dcm").symlink_to("/proc/self/mem")
    with pytest.raises(ArchiveError, match="cannot be read"):
        the_item(tmp_path).seal()


def test_an_empty_file_is_one(tmp_path: Path):
    (tmp_path / "a.dcm").touch()
    ((_, opener),) = the_item(tmp_path).seal().uploads
    assert opener().read() == b""


def test_of_several_files_the_one_that_cannot_be_read_is_named(tmp_path: Path):
    (tmp_path / "a.dcm").write_bytes(CONTENT)
    (tmp_path / "b.dcm").symlink_to("/proc/self/mem")
    with pytest.raises(ArchiveError, match=r"b\.dcm cannot be read"):
        the_item(tmp_path).seal()


def flags(content: bytes, offset: int, value: int) -> bytes:
    """Set a two-byte field of the member's own header and of the directory."""
    directory = content.index(b"PK\x01\x02")
    packed = struct.pack("<H", value)
    content = content[:offset] + packed + content[offset + 2 :]
    return content[: directory + offset + 2] + packed + content[directory + offset + 4 :]


MEMBERS = {
    "checksum": (zipfile.ZIP_STORED, lambda content: content.replace(CONTENT[:9], b"\xff" * 9, 1), "damaged"),
    "deflate": (zipfile.ZIP_DEFLATED, lambda content: content[:35] + b"\x07" + content[36:], "damaged"),
    "bzip2": (zipfile.ZIP_BZIP2, lambda content: content[:39] + b"\xff" * 9 + content[48:], "damaged|read"),
    "lzma": (zipfile.ZIP_LZMA, lambda content: content[:44] + b"\xff" * 40 + content[84:], "damaged"),
    "encrypted": (zipfile.ZIP_STORED, lambda content: flags(content, 6, 1), "encrypted"),
    "unknown packing": (zipfile.ZIP_STORED, lambda content: flags(content, 8, 99), "not read"),
    "name": (zipfile.ZIP_STORED, lambda content: content.replace(b"a.dcm", b"b.dcm", 1), "damaged"),
    "no header": (zipfile.ZIP_STORED, lambda content: b"????" + content[4:], "damaged"),
}


@pytest.mark.parametrize(("compression", "damage", "reason"), MEMBERS.values(), ids=MEMBERS)
def test_a_member_that_cannot_be_read_has_its_reason(
    tmp_path: Path, compression: int, damage: Callable[[bytes], bytes], reason: str
):
    path = a_zip(tmp_path / "archive.zip", compression)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ArchiveError, match=reason):
        the_item(path).seal()
