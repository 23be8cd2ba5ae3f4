"""Zips: what a study's archive may hold, and that nothing it says of itself is believed."""

import io
import struct
import tempfile
import zipfile
from collections.abc import Callable
from typing import BinaryIO

import pytest

from shared.errors import (
    BadInputError,
    BrokenImageError,
    NotAnImageError,
    TooLargeError,
    UnsupportedImageError,
)
from shared.intake.zips import LARGEST_DIRECTORY, Limits, base_name, members

LIMITS = Limits(files=4, file_bytes=3_000_000, total_bytes=5_000_000, ratio=100)


def a_zip(*entries: tuple[str | zipfile.ZipInfo, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", method) as archive:
        for name, member in entries:
            archive.writestr(name, member)
    return content.getvalue()


def unpacked(archive: bytes, limits: Limits = LIMITS) -> list[tuple[str, bytes]]:
    found = []
    for name, content in members(io.BytesIO(archive), name="study.zip", limits=limits):
        found.append((name, content.read()))
        content.close()
    return found


def refusal(archive: bytes, kind: type[BadInputError], limits: Limits = LIMITS) -> BadInputError:
    with pytest.raises(kind) as caught:
        unpacked(archive, limits)
    return caught.value


def test_members_come_in_their_order_without_folders_and_clutter():
    archive = a_zip(
        ("series/", b""),
        ("series/2.dcm", b"two"),
        ("series/1.dcm", b"one"),
        ("__MACOSX/series/._1.dcm", b"x"),
        ("._2.dcm", b"x"),
        (".DS_Store", b"x"),
        ("DICOMDIR", b"x"),
        ("series/DICOMDIR", b"x"),
        ("series/dicomdir", b"x"),
        ("THUMBS.DB", b"x"),
        ("ward!", b""),
    ).replace(b"ward!", b"ward\\")  # as Windows once wrote folders
    assert unpacked(archive) == [("2.dcm", b"two"), ("1.dcm", b"one")]


def test_a_stored_member_is_read_too():
    assert unpacked(a_zip(("a.png", b"abc"), method=zipfile.ZIP_STORED)) == [("a.png", b"abc")]


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "..\\..\\passwd", "C:\\windows\\passwd"])
def test_a_traversal_name_is_only_a_name_and_its_last_part_is_said(name: str):
    assert unpacked(a_zip((name, b"abc"))) == [("passwd", b"abc")]


@pytest.mark.parametrize(
    ("name", "said"),
    [("a\x00b.dcm", "ab.dcm"), ("x\r\ny", "xy"), ("..", ".."), ("", "unnamed"), ("a" * 300, "a" * 255)],
)
def test_a_name_is_cleaned_before_it_is_said(name: str, said: str):
    assert base_name(name) == said


def test_a_bomb_is_stopped_by_the_bytes_that_come_out():
    bomb = a_zip(("bomb.dcm", bytes(2_900_000)))
    assert len(bomb) < 4000
    error = refusal(bomb, TooLargeError)
    assert (error.file, "100 times" in error.detail) == ("bomb.dcm", True)


def test_a_member_larger_than_a_file_may_be_is_refused():
    limits = Limits(files=4, file_bytes=1000, total_bytes=5000, ratio=100)
    assert "1000 bytes" in refusal(a_zip(("big.dcm", bytes(1001))), TooLargeError, limits).detail


def test_all_members_together_have_a_limit():
    limits = Limits(files=4, file_bytes=1000, total_bytes=1500, ratio=100)
    assert "1500 bytes" in refusal(a_zip(("a", bytes(900)), ("b", bytes(900))), TooLargeError, limits).detail


def test_too_many_members_are_refused_before_one_is_unpacked():
    assert refusal(a_zip(*((f"{n}.png", b"x") for n in range(5))), TooLargeError).file == "study.zip"


def test_a_million_entries_are_refused_by_the_size_of_their_directory():
    entry = b"PK\x01\x02" + bytes(24) + struct.pack("<HHH", 1, 0, 0) + bytes(12) + b"x"
    directory = entry * (LARGEST_DIRECTORY // len(entry) + 1)
    # The end record declares one entry only; its size is what the standard library goes by.
    end = b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, 1, 1, len(directory), 0, 0)
    assert "too many entries" in refusal(directory + end, TooLargeError).detail


def test_a_zip_in_a_zip_is_refused():
    assert refusal(a_zip(("inner.dcm", a_zip(("a", b"x")))), NotAnImageError).file == "inner.dcm"


def test_an_empty_zip_holds_no_file():
    assert refusal(a_zip(), NotAnImageError).file == "study.zip"
    assert refusal(a_zip(("folder/", b"")), NotAnImageError).file == "study.zip"


def test_an_encrypted_member_is_refused():
    archive = bytearray(a_zip(("secret.dcm", b"abc")))
    for start, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        archive[archive.index(start) + offset] |= 1
    assert "encrypted" in refusal(bytes(archive), UnsupportedImageError).detail


def test_a_link_is_refused():
    link = zipfile.ZipInfo("link.dcm")
    link.external_attr = 0o120777 << 16
    assert "link" in refusal(a_zip((link, b"/etc/passwd")), UnsupportedImageError).detail


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_unusual_compression_is_refused(method: int):
    assert "unusual" in refusal(a_zip(("a.dcm", b"abc" * 99), method=method), UnsupportedImageError).detail


def forged_size(archive: bytes, size: int) -> bytes:
    forged = bytearray(archive)
    for start, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        at = forged.index(start) + offset
        forged[at : at + 4] = struct.pack("<I", size)
    return bytes(forged)


def test_a_declared_size_that_is_too_small_ends_in_a_broken_file_not_in_more_bytes():
    assert refusal(forged_size(a_zip(("a.dcm", b"x" * 5000)), 10), BrokenImageError).file == "a.dcm"


def test_a_declared_size_that_is_huge_allocates_nothing():
    assert unpacked(forged_size(a_zip(("a.dcm", b"x" * 50)), 0xFFFF_FFF0)) == [("a.dcm", b"x" * 50)]


def cut(archive: bytes) -> bytes:
    return archive[: len(archive) // 2]


def flipped(archive: bytes) -> bytes:
    middle = archive.index(b"PK\x01\x02") - 20
    return archive[:middle] + bytes([archive[middle] ^ 0xFF]) + archive[middle + 1 :]


@pytest.mark.parametrize("damage", [cut, flipped])
def test_a_damaged_zip_is_broken_input(damage: Callable[[bytes], bytes]):
    whole = a_zip(("a.dcm", bytes(range(256)) * 40), method=zipfile.ZIP_STORED)
    refusal(damage(whole), BrokenImageError)


def in_memory(content: bytes) -> BinaryIO:
    return io.BytesIO(content)


def on_disk(content: bytes) -> BinaryIO:
    file = tempfile.TemporaryFile()  # noqa: SIM115  closed by the test
    file.write(content)
    file.seek(0)
    return file


@pytest.mark.parametrize("opened", [in_memory, on_disk])
def test_every_single_flipped_byte_is_bad_input_or_harmless(opened: Callable[[bytes], BinaryIO]):
    whole = a_zip(("a.dcm", b"one" * 30), ("b.dcm", b"two" * 30))
    refused = 0
    for position in range(len(whole)):
        damaged = whole[:position] + bytes([whole[position] ^ 0xFF]) + whole[position + 1 :]
        with opened(damaged) as archive:
            try:
                for _name, content in members(archive, name="study.zip", limits=LIMITS):
                    content.close()
            except BadInputError:
                refused += 1
    # The rest are times, versions and attributes, which nobody reads.
    assert refused > len(whole) / 3
