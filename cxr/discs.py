"""A disc's DICOMDIR: which of its files are a study's radiographs, by PS3.3 F and PS3.10 8.

It is read for its grouping and believed no further. Files are looked up among those that the disc holds, and
nothing is opened by a name that a DICOMDIR says: one that leads elsewhere names a file that is not there
(CVE-2026-32711). One that cannot be followed is left aside, and its disc is sent as any folder is.
"""

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from cxr.contents import Source, plain_reasons
from cxr.errors import ArchiveError

if TYPE_CHECKING:
    from pydicom import Dataset

_LARGEST: Final = 32 << 20
"""Bytes: a disc of a hundred thousand images has this much."""
_MOST_RECORDS: Final = 500_000
_RADIOGRAPHS: Final = frozenset({"CR", "DX", "RG", "RF", "OT", "SC", "HC", ""})
"""Modalities that the server takes; a series without one goes to it as well."""
_MAGIC: Final = b"DICM"
_IMAGE: Final = "IMAGE"
_IN_USE: Final = 0xFFFF


class BrokenDirectoryError(ArchiveError):
    """A DICOMDIR cannot be followed."""


@dataclass(slots=True)
class DiscStudy:
    """A study of a disc: its radiographs, each by the names of its folders and its own.

    Attributes:
        others: the ids of its other files, and what they are.
    """

    files: list[tuple[str, ...]] = field(default_factory=list)
    others: list[tuple[tuple[str, ...], str]] = field(default_factory=list)


def is_dicom(source: Source) -> bool:
    """Tell whether a file is a DICOM file by its magic; one that cannot be read may be."""
    try:
        with plain_reasons():
            opened = source.open()
            try:
                return opened.read(132)[128:] == _MAGIC
            finally:
                opened.close()
    except ArchiveError:
        return True


def read_directory(source: Source) -> Sequence[DiscStudy]:
    """Return the studies of a DICOMDIR, in its order.

    Raises:
        BrokenDirectoryError: it is none, or its records do not lead from one to the next.
        ArchiveError: it cannot be read.
    """
    with plain_reasons():
        size = source.state().size
        if size > _LARGEST:
            message = f"the DICOMDIR has more than {_LARGEST} bytes"
            raise BrokenDirectoryError(message)
        opened = source.open()
        try:
            content = opened.read(size)
        finally:
            opened.close()
    return _studies(content)


def key_of(path: str) -> str:
    """Return a path as it is compared: ISO 9660 adds versions and dots, and systems change capitals."""
    return "/".join(part.partition(";")[0].rstrip(".").casefold() for part in path.split("/"))


def _studies(content: bytes) -> Sequence[DiscStudy]:
    import pydicom  # noqa: PLC0415 - only who sends a disc waits for it

    try:
        dataset = pydicom.dcmread(io.BytesIO(content))
        records = {record.seq_item_tell: record for record in dataset.DirectoryRecordSequence}
        first = int(dataset.OffsetOfTheFirstDirectoryRecordOfTheRootDirectoryEntity)
        return list(_follow(records, first)) if first else []
    except BrokenDirectoryError:
        raise
    except Exception as error:
        # Whatever a damaged file makes of a reader; the files of the disc are sent all the same.
        message = f"the DICOMDIR cannot be read: {type(error).__name__}"
        raise BrokenDirectoryError(message) from error


def _follow(records: Mapping[int, "Dataset"], first: int) -> Iterator[DiscStudy]:
    study, modality = DiscStudy(), ""
    seen: set[int] = set()
    waiting = [first]
    while waiting:
        offset = waiting.pop()
        if offset not in records or offset in seen or len(seen) > _MOST_RECORDS:
            message = "the DICOMDIR leads to a record that is not there, or in a circle"
            raise BrokenDirectoryError(message)
        seen.add(offset)
        record = records[offset]
        kind = str(record.get("DirectoryRecordType") or "").strip()
        if kind == "STUDY":
            if study.files or study.others:
                yield study
            study, modality = DiscStudy(), ""
        elif kind == "SERIES":
            modality = str(record.get("Modality") or "").strip().upper()
        _note(study, record, kind, modality)
        pointers = ("OffsetOfTheNextDirectoryRecord", "OffsetOfReferencedLowerLevelDirectoryEntity")
        waiting += [offset for name in pointers if (offset := int(record.get(name) or 0))]
    if study.files or study.others:
        yield study


def _note(study: DiscStudy, record: "Dataset", kind: str, modality: str) -> None:
    """Note the file that a record names, if it names one and is in use."""
    value = record.get("ReferencedFileID")
    if not value or record.get("RecordInUseFlag", _IN_USE) == 0:
        return
    named = (str(value),) if isinstance(value, str) else tuple(map(str, value))
    if kind == _IMAGE and modality in _RADIOGRAPHS:
        study.files.append(named)
    else:
        study.others.append((named, modality if kind == _IMAGE else kind.lower()))
