"""Radiographs to send, no two of them the same bytes: the store keeps equal originals once.

From samples/, and from the folder that CXR_TEST_DATA names when it is set.
"""

import csv
import os
import zlib
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Final

from pydicom import dcmread
from pydicom.uid import UID
from typing_extensions import override

from samples import path as sample_path

SAMPLES: Final = (
    "chest-1.png",
    "chest-2-16bit.png",
    "chest-3.jpg",
    "chest-4.dcm",
    "chest-4-rle.dcm",
    "chest-5-monochrome1-jpegls.dcm",
    "chest-6-jpeg2000.dcm",
)
_MOST_REAL_JPEGS: Final = 49
_PNG_HEADER: Final = 8 + 25
"""Bytes of a PNG's signature and its first chunk."""


@dataclass(frozen=True, slots=True)
class Original:
    """A file's name and bytes."""

    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Pool:
    """Radiographs to take in turn."""

    originals: tuple[Original, ...]

    def take(self, count: int, *, start: int) -> list[Original]:
        """Return `count` originals that differ from each other and from those of another `start`."""
        return [distinct(self.originals[(start + i) % len(self.originals)], start + i) for i in range(count)]

    @override
    def __str__(self) -> str:
        """Say what is in it."""
        kinds: dict[str, int] = {}
        for original in self.originals:
            kind = Path(original.name).suffix.lstrip(".").lower() or "dcm"
            kinds[kind] = kinds.get(kind, 0) + 1
        return ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))


def load_pool() -> Pool:
    """Load the samples, and some real radiographs where there are any."""
    return Pool((*samples(), *real_dicoms(), *jpegs(_MOST_REAL_JPEGS)))


def samples() -> tuple[Original, ...]:
    """Load the synthetic radiographs."""
    return tuple(_load(sample_path(name)) for name in SAMPLES)


def real_dicoms() -> tuple[Original, ...]:
    """Load the real chest radiographs that are DICOM, where there are any."""
    folder = _real_folder()
    if folder is None:
        return ()
    with (folder / "dicom" / "INDEX.csv").open(newline="", encoding="utf-8") as index:
        names = [row["file"] for row in csv.DictReader(index) if row["is_chest_radiograph"] == "yes"]
    return tuple(_load(folder / "dicom" / name) for name in names)


def jpegs(most: int) -> tuple[Original, ...]:
    """Load real chest radiographs that are JPEG, where there are any."""
    folder = _real_folder()
    if folder is None:
        return ()
    files = sorted((folder / "images" / "nih").glob("*.jpg"))[:most]
    return tuple(_load(file) for file in files)


def _real_folder() -> Path | None:
    named = os.environ.get("CXR_TEST_DATA")
    return Path(named) if named else None


def _load(path: Path) -> Original:
    return Original(path.name, path.read_bytes())


def distinct(original: Original, number: int) -> Original:
    """Return the same picture in other bytes: a comment in PNG and JPEG, another UID in DICOM."""
    content = original.content
    remark = f"bench {number}".encode()
    if content.startswith(b"\x89PNG"):
        changed = content[:_PNG_HEADER] + _png_text(remark) + content[_PNG_HEADER:]
    elif content.startswith(b"\xff\xd8"):
        changed = content[:2] + b"\xff\xfe" + (len(remark) + 2).to_bytes(2) + remark + content[2:]
    else:
        changed = _dicom_with_uid(content, UID(f"2.25.{number + 1}"))
    return Original(original.name, changed)


def _png_text(remark: bytes) -> bytes:
    chunk = b"tEXtComment\0" + remark
    return (len(chunk) - 4).to_bytes(4) + chunk + zlib.crc32(chunk).to_bytes(4)


def _dicom_with_uid(content: bytes, uid: UID) -> bytes:
    dataset = dcmread(BytesIO(content))
    dataset.SOPInstanceUID = uid
    dataset.file_meta.MediaStorageSOPInstanceUID = uid
    target = BytesIO()
    dataset.save_as(target)
    return target.getvalue()
