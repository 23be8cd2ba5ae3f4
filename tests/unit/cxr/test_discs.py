"""A disc's studies are those of its DICOMDIR, as real writers make one, and nothing is read by its names."""

import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pydicom
import pytest

from cxr.archive import Archive, read_archive
from tests.support.dicoms import a_dicom, a_picture

WRITER = """
import sys, pathlib, pydicom.fileset
files = pydicom.fileset.FileSet()
for file in sorted(pathlib.Path(sys.argv[1]).iterdir()):
    files.add(file)
files.write(sys.argv[2])
"""
STUDIES = {"2.25.1": ("P1", 2), "2.25.2": ("P1", 1), "2.25.3": ("P2", 2)}


def an_image(study: str, number: int, **tags: Any) -> bytes:
    said: dict[str, Any] = {
        "StudyInstanceUID": study,
        "SeriesInstanceUID": f"{study}.{number}",
        "SOPInstanceUID": f"{study}.{number}.1",
        "PatientID": STUDIES[study][0],
        "PatientName": "DOE^JANE",
        "StudyDate": "20260105",
        "StudyTime": "101500",
        "StudyID": "1",
        "AccessionNumber": "",
        "SeriesNumber": number,
        "InstanceNumber": 1,
        "Modality": "DX",
    } | tags
    return a_dicom(a_picture() + number, **said)


def images() -> dict[str, bytes]:
    """Return the disc's files by the name that a writer gives them, each study's in folders apart."""
    return {
        f"IM{study[-1]}{number}": an_image(study, number)
        for study, (_, count) in STUDIES.items()
        for number in range(1, count + 1)
    }


def written(disc: Path, contents: Iterable[bytes]) -> None:
    """Have pydicom write a disc, in a process of its own: what it leaves to be cleaned up ends with that."""
    loose = disc.with_name(f"{disc.name}-loose")
    loose.mkdir()
    for number, content in enumerate(contents):
        (loose / str(number)).write_bytes(content)
    subprocess.run([sys.executable, "-W", "ignore", "-c", WRITER, loose, disc], check=True)


def by_pydicom(disc: Path) -> None:
    written(disc, images().values())


def by_dcmtk(disc: Path) -> None:
    disc.mkdir()
    for number, (name, content) in enumerate(images().items()):
        folder = disc / f"D{number % 2}"
        folder.mkdir(exist_ok=True)
        (folder / name).write_bytes(content)
    command = ["dcmmkdir", "+r", "+I", "-Pfl", "+D", "DICOMDIR", "D0", "D1"]
    subprocess.run(command, cwd=disc, check=True, capture_output=True)


def with_a_viewer(disc: Path) -> None:
    (disc / "VIEWER").mkdir()
    for name in ("autorun.inf", "VIEWER/view.exe", "VIEWER/help.pdf", "README.TXT"):
        (disc / name).write_bytes(b"MZ, or whatever")


def sizes(archive: Archive) -> list[int]:
    return sorted(len(item.files) for item in archive.items)


def read(path: Path) -> Archive:
    return read_archive(path, study_per_folder=False)


@pytest.mark.parametrize("write", [by_pydicom, by_dcmtk])
@pytest.mark.parametrize("packed", [False, True], ids=["folder", "zip"])
def test_each_study_of_a_disc_is_an_item(tmp_path: Path, write: Any, packed: bool):  # noqa: FBT001
    disc = tmp_path / "disc"
    write(disc)
    with_a_viewer(disc)
    path = disc
    if packed:
        path = Path(shutil.make_archive(str(tmp_path / "packed"), "zip", tmp_path, "disc"))
    archive = read(path)
    assert sizes(archive) == [1, 2, 2]
    assert archive.on_discs == 3
    assert archive.left_out == {}
    assert len({item.path for item in archive.items}) == 3
    for item in archive.items:
        uids = {
            pydicom.dcmread(opener(), stop_before_pixels=True).StudyInstanceUID
            for _, opener in item.seal().uploads
        }
        assert len(uids) == 1
    over = {name.rpartition("/")[2] for name in archive.passed_over}
    assert over == {"DICOMDIR", "autorun.inf", "view.exe", "help.pdf", "README.TXT"}


def test_what_a_system_does_to_names_does_not_part_them_from_the_dicomdir(tmp_path: Path):
    by_pydicom(tmp_path / "disc")
    other = tmp_path / "other"
    for file in (tmp_path / "disc").rglob("*"):
        if file.is_file():
            name = str(file.relative_to(tmp_path / "disc")).lower()
            target = other / (name if name == "dicomdir" else f"{name}.;1")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, target)
    assert sizes(read(other)) == [1, 2, 2]


def test_a_file_that_is_not_on_the_disc_is_named_and_one_that_nobody_names_is_sent(tmp_path: Path):
    disc = tmp_path / "disc"
    by_dcmtk(disc)
    gone = min(disc.glob("D*/IM*"))
    gone.unlink()
    (disc / "EXTRA").write_bytes(an_image("2.25.1", 9))
    archive = read(disc)
    assert list(archive.left_out) == [str(gone.relative_to(disc))]
    assert "not on the disc" in archive.left_out[str(gone.relative_to(disc))]
    assert sum(sizes(archive)) == 5
    assert "EXTRA" in [item.path for item in archive.items]


def test_series_that_are_no_radiographs_are_passed_over(tmp_path: Path):
    modalities = enumerate(("DX", "CT", "CT"), 1)
    written(tmp_path / "disc", [an_image("2.25.1", one, Modality=modality) for one, modality in modalities])
    archive = read(tmp_path / "disc")
    assert sizes(archive) == [1]
    assert sorted(archive.passed_over.values())[:2] == ["no radiograph, by the DICOMDIR: CT"] * 2


@pytest.mark.parametrize(
    "named",
    [
        ["..", "..", "etc", "passwd"],
        ["/etc/passwd"],
        ["..\\secret.dcm"],
        ["..", "secret.dcm"],
        ["LINK", "secret.dcm", ".."],
    ],
    ids=["up", "absolute", "backslash", "beside", "down and up"],
)
def test_a_dicomdir_leads_nowhere_outside_of_its_disc(tmp_path: Path, named: list[str]):
    disc = tmp_path / "disc"
    by_pydicom(disc)
    (tmp_path / "secret.dcm").write_bytes(an_image("2.25.1", 9))
    directory = pydicom.dcmread(disc / "DICOMDIR")
    changed = next(one for one in directory.DirectoryRecordSequence if one.DirectoryRecordType == "IMAGE")
    # As long as it was: every offset in the file stays right.
    longest = len("\\".join(changed.ReferencedFileID))
    text = "\\".join(named)[:longest].ljust(longest, "X")
    old = "\\".join(changed.ReferencedFileID).encode()
    content = (disc / "DICOMDIR").read_bytes()
    assert content.count(old) == 1
    (disc / "DICOMDIR").write_bytes(content.replace(old, text.encode()))
    archive = read(disc)
    sent = {name for item in archive.items for name, _ in item.seal().uploads}
    assert not sent & {"secret.dcm", "passwd"}
    assert len(archive.left_out) == 1


@pytest.mark.parametrize("damage", ["cut", "circle", "nowhere", "text", "empty", "deep"])
def test_a_dicomdir_that_cannot_be_followed_costs_no_image(tmp_path: Path, damage: str):
    disc = tmp_path / "disc"
    by_dcmtk(disc)
    path = disc / "DICOMDIR"
    content = path.read_bytes()
    if damage in {"circle", "nowhere"}:
        directory = pydicom.dcmread(path)
        records = list(directory.DirectoryRecordSequence)
        target = records[0].seq_item_tell if damage == "circle" else 7
        records[-1].OffsetOfTheNextDirectoryRecord = target
        directory.save_as(path)
    else:
        nested = b"\xfe\xff\x00\xe0\xff\xff\xff\xff" + b"\x04\x00\x20\x12SQ\x00\x00\xff\xff\xff\xff"
        start = content.index(b"\x04\x00\x20\x12SQ")
        made = {
            "cut": content[: len(content) // 2],
            "text": b"no DICOMDIR at all",
            "empty": b"",
            "deep": content[: start + 12] + nested * 20_000,
        }
        path.write_bytes(made[damage])
    archive = read(disc)
    assert sum(sizes(archive)) == 5
    assert "as those of a folder" in archive.passed_over["DICOMDIR"]


def test_a_zip_s_members_are_compared_as_they_are_called(tmp_path: Path):
    by_pydicom(tmp_path / "disc")
    with zipfile.ZipFile(tmp_path / "two.zip", "w") as packed:
        for disc in ("CD1", "CD2"):
            for file in sorted((tmp_path / "disc").rglob("*")):
                if file.is_file():
                    packed.write(file, f"{disc}\\{file.relative_to(tmp_path / 'disc')}".replace("/", "\\"))
    archive = read(tmp_path / "two.zip")
    assert sizes(archive) == [1, 1, 2, 2, 2, 2]
