"""What a file is, by its first bytes: DICOM, PNG, JPEG, or none that is read."""

import struct
from enum import StrEnum
from io import BytesIO
from typing import Final

from pydicom.datadict import dictionary_has_tag, dictionary_VR

from shared.dicom.codestreams import JPEG_MAGIC, PNG_MAGIC
from shared.dicom.files import MAGIC, PREAMBLE_BYTES

SNIFF_BYTES: Final = 2048
"""How many of a file's first bytes `sniff` wants; fewer are enough for PNG and JPEG."""
_START_ELEMENTS: Final = 3
_LONG_FORMS: Final = frozenset({b"OB", b"OW", b"SQ", b"UN", b"UT"})
"""Value representations whose length takes four more bytes (PS3.5 7.1.2)."""


class MediaType(StrEnum):
    """The kinds of file that are read."""

    DICOM = "application/dicom"
    PNG = "image/png"
    JPEG = "image/jpeg"


def sniff(head: bytes) -> MediaType | None:
    """Tell what a file is by its first `SNIFF_BYTES` bytes; None for anything that is not read."""
    if head[PREAMBLE_BYTES : PREAMBLE_BYTES + len(MAGIC)] == MAGIC:
        return MediaType.DICOM
    if head.startswith(PNG_MAGIC):
        return MediaType.PNG
    if head.startswith(JPEG_MAGIC):
        return MediaType.JPEG
    return MediaType.DICOM if _starts_like_a_data_set(head) else None


def _starts_like_a_data_set(head: bytes) -> bool:
    """Tell whether bytes without preamble and magic are a DICOM data set all the same.

    Strict, since half of all files could be read as *some* tag: the first element must belong to group
    2 or 8, and the first three ascend, be in the dictionary, and have its VR and a sane, even length.
    """
    return any(
        _starts_with_elements(BytesIO(head), len(head), explicit=explicit) for explicit in (True, False)
    )


def _starts_with_elements(head: BytesIO, size: int, *, explicit: bool) -> bool:
    last = 0
    for _ in range(_START_ELEMENTS):
        start = head.read(8)
        if len(start) < 8:
            return False
        group, element, vr, length = struct.unpack("<HH2sH", start)
        tag = group << 16 | element
        if explicit and vr in _LONG_FORMS:
            length = int.from_bytes(head.read(4), "little")
        elif not explicit:
            length = int.from_bytes(start[4:], "little")
        if tag <= last or (last == 0 and group not in {2, 8}) or length % 2 or head.tell() + length > size:
            return False
        known = "UL" if element == 0 else dictionary_VR(tag) if dictionary_has_tag(tag) else None
        if known is None or (explicit and vr.decode("latin-1") != known):
            return False
        head.seek(length, 1)
        last = tag
    return True
