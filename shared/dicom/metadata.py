"""A DICOM file's header whole, in the DICOM JSON Model; pixel data and other large values by their address.

Nobody believes the file: no element is read that is longer than its kind has reason to be, and one that
cannot be written is left out.
"""

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any, BinaryIO, Final

from pydicom.datadict import dictionary_VR
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRBigEndian, ImplicitVRLittleEndian

from shared.dicom.attributes import quietly
from shared.dicom.elements import Element, Walk
from shared.dicom.files import DicomFile, dataset_of, guarded, open_dicom, raw_element
from shared.errors import BrokenImageError

_BULK: Final = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "UN"})
_INLINE_BYTES: Final = 1024
"""Of a value of bytes; a longer one has an address."""
_LONGEST_VALUE: Final = 64 << 10
_LONGEST_SEQUENCE: Final = 256 << 10
"""A VOI LUT of 65,536 entries takes half of it."""
_MOST_BYTES: Final = 2 << 20
_PIXEL_DATA: Final = 0x7FE00010
_PIXEL_GROUP: Final = 0x7FE0
CHARACTER_SET: Final[dict[str, dict[str, Any]]] = {"00080005": {"vr": "CS", "Value": ["ISO_IR 192"]}}
"""JSON is UTF-8."""


def metadata_of(file: BinaryIO, *, name: str, address: Callable[[str], str]) -> dict[str, dict[str, Any]]:
    """Return all of a file's header.

    Args:
        address: of a value, by its tag.

    Raises:
        BadInputError: it is no DICOM file that is read.
    """
    opened = open_dicom(file, name=name)
    with guarded(name), quietly():
        elements, written = _elements(opened, address, name=name)
        for tag in elements.keys():  # noqa: SIM118  a data set's own iterator converts every value
            with suppress(Exception):  # a value that is not as its VR has it
                element = elements[tag].to_json_dict(None, bulk_data_threshold=_LONGEST_SEQUENCE)
                json.dumps(element, allow_nan=False)
                written[f"{tag:08X}"] = element
    written |= CHARACTER_SET
    return dict(sorted(written.items()))


def bulk_of(file: BinaryIO, tag: int, *, name: str) -> bytes | None:
    """Return the bytes of a value that `metadata_of` has the address of; None where there is none.

    Pixel data are not among them: they are read by their frames.
    """
    opened = open_dicom(file, name=name)
    with guarded(name):
        walk = _walk(opened, name=name)
        for element in walk:
            if element.tag == tag and _vr(element) in _BULK and element.length is not None:
                return walk.value(element)
            if element.tag >= min(tag, _PIXEL_DATA):
                break
            walk.skip(element)
    return None


def _walk(opened: DicomFile, *, name: str) -> Walk:
    opened.source.seek(0 if opened.is_deflated else opened.start)
    syntax = opened.transfer_syntax
    return Walk(
        opened.source,
        implicit=syntax == ImplicitVRLittleEndian,
        little_endian=syntax != ExplicitVRBigEndian,
        name=name,
    )


def _elements(
    opened: DicomFile, address: Callable[[str], str], *, name: str
) -> tuple[Dataset, dict[str, dict[str, Any]]]:
    """Return the elements that are written with their values, and the others as they are written."""
    walk, source = _walk(opened, name=name), opened.source
    little_endian = opened.transfer_syntax != ExplicitVRBigEndian
    kept: list[RawDataElement] = []
    written: dict[str, dict[str, Any]] = {}
    left = _MOST_BYTES
    for element in walk:
        tag, vr = f"{element.tag:08X}", _vr(element)
        if element.tag >> 16 >= _PIXEL_GROUP:
            if element.tag == _PIXEL_DATA:
                written[tag] = {"vr": "OW", "BulkDataURI": address(tag)}
            break
        start = source.tell()
        walk.skip(element)
        size = source.tell() - start
        if size == 0:
            written[tag] = {"vr": vr}
        elif vr in _BULK and size > _INLINE_BYTES and element.length is not None:
            written[tag] = {"vr": vr, "BulkDataURI": address(tag)}
        elif size <= min(_LONGEST_SEQUENCE if vr == "SQ" else _LONGEST_VALUE, left):
            left -= size
            source.seek(start)
            kept.append(raw_element(element, walk, little_endian=little_endian))
    if not kept:
        message = "the DICOM file has no header"
        raise BrokenImageError(message, file=name)
    return dataset_of(kept, walk, little_endian=little_endian), written


def _vr(element: Element) -> str:
    with suppress(KeyError):
        return element.vr or dictionary_VR(element.tag)
    return "UN"
