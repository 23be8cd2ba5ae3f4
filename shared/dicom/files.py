"""Opens a DICOM file without believing it: its header as a data set, and where its pixel data lies.

preamble? -> file meta (group 2) -> transfer syntax -> data set up to the pixel data, few tags only

Bounded whatever the file claims: at most `_HEADER_BYTES` of it are read and so many elements passed (see
`elements`), a deflated data set is inflated only as far as it is needed, and the pixel data are left
where they are. pydicom sees no more than the values of the tags that are needed, when one is asked for.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import BinaryIO, Final

from pydicom.charset import default_encoding
from pydicom.datadict import tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.tag import BaseTag
from pydicom.uid import (
    HTJ2K,
    JPEG2000,
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    MediaStorageDirectoryStorage,
    MPEGTransferSyntaxes,
    RLELossless,
)
from pydicom.valuerep import VR

from shared.dicom.attributes import TAGS as ATTRIBUTE_TAGS
from shared.dicom.attributes import quietly, value_of
from shared.dicom.character_sets import ASCII, character_sets_of, encodings_of
from shared.dicom.deflated import inflate
from shared.dicom.dicom_json import HEADER as SEARCHED_TAGS
from shared.dicom.elements import Element, Walk
from shared.dicom.patients import TAGS as IDENTITY_TAGS
from shared.errors import (
    BadInputError,
    BrokenImageError,
    ForeignObjectError,
    TooLargeError,
    UnsupportedImageError,
)

PREAMBLE_BYTES: Final = 128
MAGIC: Final = b"DICM"
TRANSFER_SYNTAXES: Final = frozenset(
    {
        ImplicitVRLittleEndian,
        ExplicitVRLittleEndian,
        ExplicitVRBigEndian,
        DeflatedExplicitVRLittleEndian,
        JPEGBaseline8Bit,
        JPEGExtended12Bit,
        JPEGLossless,
        JPEGLosslessSV1,
        JPEGLSLossless,
        JPEGLSNearLossless,
        JPEG2000Lossless,
        JPEG2000,
        HTJ2KLossless,
        HTJ2KLosslessRPCL,
        HTJ2K,
        RLELossless,
    },
)
"""What is read. Video, JPIP references and vendors' own syntaxes are not."""

_PIXEL_TAGS: Final = (
    "SamplesPerPixel",
    "PlanarConfiguration",
    "NumberOfFrames",
    "Rows",
    "Columns",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
    "PixelPaddingValue",
    "PixelPaddingRangeLimit",
    "RescaleSlope",
    "RescaleIntercept",
    "ModalityLUTSequence",
    "WindowCenter",
    "WindowWidth",
    "VOILUTFunction",
    "VOILUTSequence",
    "RedPaletteColorLookupTableDescriptor",
    "GreenPaletteColorLookupTableDescriptor",
    "BluePaletteColorLookupTableDescriptor",
    "RedPaletteColorLookupTableData",
    "GreenPaletteColorLookupTableData",
    "BluePaletteColorLookupTableData",
)
_TAGS: Final = frozenset(
    tag_for_keyword(keyword) for keyword in (*ATTRIBUTE_TAGS, *IDENTITY_TAGS, *SEARCHED_TAGS, *_PIXEL_TAGS)
)

_HEADER_BYTES: Final = 2_000_000
"""Most bytes of a header that are parsed (what is skipped does not count): LUTs take some 100 kB."""
_INFLATED_HEADER_BYTES: Final = 16_000_000
_PADDING: Final = " \0"
_PIXEL_GROUP: Final = 0x7FE0
_PIXEL_DATA: Final = 0x7FE00010
_MEDIA_STORAGE_SOP_CLASS_UID: Final = 0x00020002
_TRANSFER_SYNTAX_UID: Final = 0x00020010


@dataclass(frozen=True, slots=True)
class PixelElement:
    """Where the undecoded pixel data lie: (7FE0,0010) for integers, (7FE0,0008) or (…,0009) for floats.

    Attributes:
        offset: of the value's first byte in the file, or in the inflated data set.
        length: bytes of the value; None where it is undefined, as in compressed pixel data.
    """

    tag: int
    vr: str | None
    offset: int
    length: int | None

    @property
    def is_integer(self) -> bool:
        """Whether it holds gray levels or colours, and not a map of floating-point values."""
        return self.tag == _PIXEL_DATA


@dataclass(frozen=True, slots=True)
class DicomFile:
    """An opened file: the tags that are needed, and the place of the pixel data.

    Attributes:
        source: what `pixels.offset` counts in; for a deflated data set its first bytes, inflated.
        pixels: None where the data set ends without any.
        start: offset in the file of the data set, after the file meta information.
    """

    dataset: Dataset
    transfer_syntax: UID
    source: BinaryIO
    pixels: PixelElement | None
    start: int

    @property
    def is_deflated(self) -> bool:
        """Whether the whole data set is compressed (PS3.5 A.5)."""
        return self.transfer_syntax == DeflatedExplicitVRLittleEndian


class _Reader:
    """A file of which only so many bytes can be read; seeking past the rest is free."""

    def __init__(self, file: BinaryIO, limit: int, *, name: str) -> None:
        self._file, self._left, self._name = file, limit, name

    def read(self, size: int = -1) -> bytes:
        wanted = self._left + 1 if size < 0 else min(size, self._left + 1)
        data = self._file.read(wanted)
        self._left -= len(data)
        if self._left < 0:
            message = f"the DICOM header takes more than {_HEADER_BYTES // 1_000_000} MB"
            raise TooLargeError(message, file=self._name)
        return data

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()


@contextmanager
def guarded(name: str) -> Iterator[None]:
    """Turn whatever a parser or codec raises over broken bytes into a BrokenImageError.

    Raises:
        BrokenImageError: anything was raised but a BadInputError or a MemoryError.
    """
    try:
        yield
    except (BadInputError, MemoryError, KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # noqa: BLE001 - codecs raise anything: a panic in Rust is no Exception
        # The class only: the text may quote a value.
        message = f"the file is corrupt or cut off ({type(error).__name__})"
        raise BrokenImageError(message, file=name) from None


def open_dicom(file: BinaryIO, *, name: str) -> DicomFile:
    """Read the header of a DICOM file.

    Raises:
        BrokenImageError: the header cannot be parsed.
        UnsupportedImageError: the transfer syntax is not in `TRANSFER_SYNTAXES`.
        TooLargeError: the header takes more than 2 MB, or has too many elements.
    """
    with guarded(name):
        file.seek(0)
        if file.read(PREAMBLE_BYTES + len(MAGIC))[PREAMBLE_BYTES:] != MAGIC:
            file.seek(0)
        meta = _read_meta(file, name=name)
        if value_of(meta, "MediaStorageSOPClassUID") == MediaStorageDirectoryStorage:
            message = "the DICOM object is the directory of a disc (DICOMDIR)"
            raise ForeignObjectError(message, file=name)
        transfer_syntax = _transfer_syntax(meta, file, name=name)
        start, source = file.tell(), file
        if transfer_syntax == DeflatedExplicitVRLittleEndian:
            source = BytesIO(inflate(file, _INFLATED_HEADER_BYTES))
        dataset, pixels = _read_header(source, transfer_syntax, name=name)
        with quietly():  # to set a value is to have it checked
            _tidy(dataset)
            dataset.file_meta = FileMetaDataset()
            dataset.file_meta.TransferSyntaxUID = transfer_syntax
        return DicomFile(dataset, transfer_syntax, source, pixels, start)


def _read_meta(file: BinaryIO, *, name: str) -> Dataset:
    """Read the file meta information, and leave the file at the first element behind it."""
    reader = _Reader(file, _HEADER_BYTES, name=name)
    walk = Walk(reader, implicit=False, little_endian=True, name=name)
    kept: list[RawDataElement] = []
    for element in walk:
        if element.tag >> 16 != 2:
            reader.seek(element.start)
            break
        if element.tag in (_MEDIA_STORAGE_SOP_CLASS_UID, _TRANSFER_SYNTAX_UID):
            kept.append(raw_element(element, walk, little_endian=True))
        else:
            walk.skip(element)
    return dataset_of(kept, walk, little_endian=True)


def raw_element(element: Element, walk: Walk, *, little_endian: bool) -> RawDataElement:
    """Read an element the way in which pydicom keeps one that nobody has asked for yet."""
    length = 0xFFFFFFFF if element.length is None else element.length
    is_sequence = element.length is None and walk.is_sequence(element)
    return RawDataElement(
        BaseTag(element.tag),
        "SQ" if is_sequence else element.vr,
        length,
        walk.value(element),
        element.offset,
        walk.is_implicit,
        little_endian,
    )


def dataset_of(elements: list[RawDataElement], walk: Walk, *, little_endian: bool) -> Dataset:
    """Return a data set of elements that nobody has asked for yet; those without a value are left out."""
    dataset = Dataset({element.tag: element for element in elements if element.value})
    dataset.set_original_encoding(walk.is_implicit, little_endian, _encodings(dataset))
    return dataset


def _encodings(dataset: Dataset) -> list[str]:
    """Return what pydicom decodes descriptions by: where none is declared, Latin-1 is a good guess."""
    first, *others = encodings_of(character_sets_of(dataset))
    return [default_encoding if first == ASCII else first, *others]


def _tidy(dataset: Dataset) -> None:
    """Write as it should be what pydicom compares: some writers pad it, or use small letters."""
    said = value_of(dataset, "PhotometricInterpretation")
    if isinstance(said, str):
        dataset.PhotometricInterpretation = said.strip(_PADDING).upper()


def _transfer_syntax(meta: Dataset, file: BinaryIO, *, name: str) -> UID:
    start = file.tell()
    head = file.read(6)
    file.seek(start)
    if len(head) < 6:
        message = "the DICOM file ends after its file meta information"
        raise BrokenImageError(message, file=name)
    said = value_of(meta, "TransferSyntaxUID")
    if said is None:
        # Left out by some writers: then it is one of the two uncompressed ones (PS3.5 10.1).
        return ExplicitVRLittleEndian if head[4:6] in _VALUE_REPRESENTATIONS else ImplicitVRLittleEndian
    with quietly():
        transfer_syntax = UID(str(said).strip(_PADDING))
    if transfer_syntax in MPEGTransferSyntaxes:
        message = "the DICOM object is a video"
        raise ForeignObjectError(message, file=name)
    if transfer_syntax not in TRANSFER_SYNTAXES:
        known = transfer_syntax.name if not transfer_syntax.is_private else "a private one"
        message = (
            f"the DICOM transfer syntax ({known if known != transfer_syntax else 'an unknown one'}) is not "
            "read; send it uncompressed, or as JPEG, JPEG-LS, JPEG 2000 or RLE"
        )
        raise UnsupportedImageError(message, file=name)
    return transfer_syntax


_VALUE_REPRESENTATIONS: Final = frozenset(vr.value.encode() for vr in VR if len(vr.value) == 2)


def _read_header(source: BinaryIO, transfer_syntax: UID, *, name: str) -> tuple[Dataset, PixelElement | None]:
    little_endian = transfer_syntax != ExplicitVRBigEndian
    implicit = transfer_syntax == ImplicitVRLittleEndian
    walk = Walk(
        _Reader(source, _HEADER_BYTES, name=name), implicit=implicit, little_endian=little_endian, name=name
    )
    kept: list[RawDataElement] = []
    pixels: PixelElement | None = None
    for element in walk:
        group, number = element.tag >> 16, element.tag & 0xFFFF
        if group > _PIXEL_GROUP:
            break
        if group == _PIXEL_GROUP and number:  # number 0 is the group length of old writers
            pixels = PixelElement(element.tag, element.vr, element.offset, element.length)
            break
        if element.tag in _TAGS:
            kept.append(raw_element(element, walk, little_endian=little_endian))
        else:
            walk.skip(element)
    return dataset_of(kept, walk, little_endian=little_endian), pixels
