"""The door: what a file is, judged by its bytes and never by its name, before anything is decoded.

`sniff` tells DICOM, PNG and JPEG apart; `check_header` reads headers only, in bounded time and memory,
and says in one sentence why a file is not taken; `check_file` also hands the opened file to the worker.

No codec is imported here, so that the API may import this. Messages say what is wrong with the file,
but hold no value that could be the patient's.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Final

from pydicom import config
from pydicom.uid import (
    UID,
    ComputedRadiographyImageStorage,
    DigitalXRayImageStorageForPresentation,
    DigitalXRayImageStorageForProcessing,
    SecondaryCaptureImageStorage,
    XRayRadiofluoroscopicImageStorage,
)

from shared.dicom import foreign
from shared.dicom.attributes import Attributes, attributes_of, integer_of, value_of
from shared.dicom.codestreams import (
    jpeg_excess,
    jpeg_header,
    jpeg_kind,
    jpeg_lies_on_its_side,
    png_excess,
    png_header,
)
from shared.dicom.dicom_json import header_of
from shared.dicom.files import (
    MAGIC,
    PREAMBLE_BYTES,
    DicomFile,
    guarded,
    open_dicom,
)
from shared.dicom.patients import order_of
from shared.dicom.pixel_data import check_pixel_data, refuse_excess
from shared.dicom.sniffing import SNIFF_BYTES, MediaType, sniff
from shared.domain.instances import Identity
from shared.domain.orders import NO_ORDER, Order
from shared.errors import (
    BrokenImageError,
    EmptyFileError,
    ForeignObjectError,
    NotAnImageError,
    OwnObjectError,
    TooLargeError,
    UnsupportedImageError,
)
from shared.version import SOFTWARE

__all__ = ["SNIFF_BYTES", "Attributes", "Header", "MediaType", "check_file", "check_header", "sniff"]

_TAKEN: Final = frozenset({"CR", "DX", "RG", "RF", "OT", "SC", "HC"})
"""Radiography, radiofluoroscopy (its single frames), and captures and scans of films: of those the
quality gate says whether they show a chest. A file without a modality goes to the gate as well."""
_RADIOGRAPHS: Final = frozenset({"CR", "DX", "RG", "RF"})
"""Of those, what is nothing but a picture: without one the file is broken, and no object of another kind."""
_REFUSED: Final = {
    "CT": "computed tomography",
    "DOC": "a document",
    "ECG": "an electrocardiogram",
    "ES": "endoscopy",
    "IO": "intra-oral radiography",
    "KO": "a key object selection",
    "MG": "mammography",
    "MR": "magnetic resonance",
    "NM": "nuclear medicine",
    "OP": "ophthalmic photography",
    "PR": "a presentation state",
    "PT": "positron emission tomography",
    "PX": "panoramic radiography",
    "REG": "a registration",
    "RTDOSE": "a radiotherapy dose",
    "RTIMAGE": "a radiotherapy image",
    "RTPLAN": "a radiotherapy plan",
    "RTSTRUCT": "a radiotherapy structure set",
    "SEG": "a segmentation",
    "SM": "slide microscopy",
    "SR": "a structured report",
    "US": "ultrasound",
    "XA": "angiography",
    "XC": "a photograph",
}
_OTHERS: Final = frozenset(
    re.findall(
        r"\w+",
        "ANN AR ASMT AU BDUS BI BMD CD CFM DD DG DMS EC EEG EM EMG EOG EPS FA FID FS GM HD IOL "
        "IVOCT IVUS KER LEN LP LS M3D MA MS OAM OCT OPM OPR OPT OPTBSV OPTENF OPV OSS PA PLAN POS "
        "RESP RTINTENT RTRAD RTRECORD RTSEGANN SMR SRF ST STAIN TEXTUREMAP TG VA VF XAPROTOCOL ",
    )
)
"""The other modalities of the standard (PS3.3 C.7.3.1.1.1), the retired ones too."""
_PICTURES: Final = frozenset(
    {
        ComputedRadiographyImageStorage,
        DigitalXRayImageStorageForPresentation,
        DigitalXRayImageStorageForProcessing,
        SecondaryCaptureImageStorage,
        XRayRadiofluoroscopicImageStorage,
    },
)
_TAKEN_BY_A_SCANNER: Final = _PICTURES - {SecondaryCaptureImageStorage}
_PHOTOMETRIC: Final = frozenset(
    {
        "MONOCHROME1",
        "MONOCHROME2",
        "PALETTE COLOR",
        "RGB",
        "YBR_FULL",
        "YBR_FULL_422",
        "YBR_ICT",
        "YBR_RCT",
    },
)
_BITS_ALLOCATED: Final = frozenset({1, 8, 16, 32})
_PREAMBLES: Final = re.compile(
    rb"\0{16}.{112}"  # empty, but for what some writers leave behind where no format has its signature
    rb"|(?:II\*\0|MM\0\*).{4}\0{120}"  # a TIFF as well (PS3.10 7.1): signature and offset
    rb"|(?:II\+\0\x08\0\0\0|MM\0\+\0\x08\0\0).{8}\0{112}",  # BigTIFF, as slide scanners write
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Header:
    """What a file says about itself, checked.

    Attributes:
        rows: height in pixels, as the picture is shown: a JPEG's EXIF orientation may have turned it.
        columns: width in pixels.
        transfer_syntax: UID of a DICOM file's encoding, else None.
        searched: what is kept of a DICOM file's header for those who search (`Identity.header`).
    """

    media_type: MediaType
    rows: int
    columns: int
    transfer_syntax: str | None = None
    attributes: Attributes = field(default_factory=Attributes)
    order: Order = NO_ORDER
    searched: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def identity(self) -> Identity | None:
        """What a DICOM file calls itself; None of a PNG or JPEG."""
        if self.media_type is not MediaType.DICOM:
            return None
        said = self.attributes
        return Identity(
            said.sop_class_uid,
            said.sop_instance_uid,
            said.series_instance_uid,
            self.transfer_syntax,
            self.searched,
        )


def check_header(file: BinaryIO, *, name: str, max_pixels: int) -> Header:
    """Check a file at the door, without decoding it.

    Args:
        file: seekable; its position afterwards is anywhere.
        name: the client's name of the file, for the error only.
        max_pixels: most rows times columns.

    Raises:
        EmptyFileError: no bytes.
        NotAnImageError: neither DICOM, PNG nor JPEG.
        BrokenImageError: cut off or corrupt, as far as headers tell.
        UnsupportedImageError: a DICOM object, modality, transfer syntax or pixel format that is not read.
        TooLargeError: more pixels than `max_pixels`.
    """
    return check_file(file, name=name, max_pixels=max_pixels)[0]


def check_file(file: BinaryIO, *, name: str, max_pixels: int) -> tuple[Header, DicomFile | None]:
    """Check a file as `check_header` does, and return it opened as well if it is a DICOM file."""
    file.seek(0)
    head = file.read(SNIFF_BYTES)
    if not head:
        message = "the file is empty"
        raise EmptyFileError(message, file=name)
    match sniff(head):
        case MediaType.DICOM:
            _check_preamble(head, name=name)
            return _check_dicom(file, name=name, max_pixels=max_pixels)
        case MediaType.PNG as media_type:
            frame, excess = png_header(_rewound(file)), png_excess(file)
        case MediaType.JPEG as media_type:
            frame, excess = jpeg_header(_rewound(file)), jpeg_excess(file)
        case _:
            raise foreign.error_of(head, name=name)
    refuse_excess(excess, name=name)
    if frame is None:
        message = "the file is cut off or corrupt: it does not say how large its picture is"
        raise BrokenImageError(message, file=name)
    kind = jpeg_kind(frame) if media_type is MediaType.JPEG else None
    if kind is not None:
        message = f"the file is a {kind}, which is read within a DICOM file only; send it so, or as a PNG"
        raise UnsupportedImageError(message, file=name)
    _check_size(frame.rows, frame.columns, name=name, max_pixels=max_pixels)
    if media_type is MediaType.JPEG and jpeg_lies_on_its_side(_rewound(file)):
        return Header(media_type, rows=frame.columns, columns=frame.rows), None
    return Header(media_type, frame.rows, frame.columns), None


def _check_dicom(file: BinaryIO, *, name: str, max_pixels: int) -> tuple[Header, DicomFile]:
    opened = open_dicom(file, name=name)
    with guarded(name):
        _check_kind(opened, name=name)
        rows, columns = _check_pixels(opened, name=name, max_pixels=max_pixels)
        syntax = str(opened.transfer_syntax)
        attributes = attributes_of(opened.dataset, rows=rows, columns=columns, transfer_syntax_uid=syntax)
        order = order_of(opened.dataset, attributes)
        searched = header_of(opened.dataset)
        return Header(MediaType.DICOM, rows, columns, syntax, attributes, order, searched), opened


def _check_preamble(head: bytes, *, name: str) -> None:
    """Refuse a preamble that may make the file something else as well (CVE-2019-11687; PS3.10 7.5).

    A program, a script, an archive, a page: told by what is harmless, since of the rest there is no list.
    """
    preamble = head[:PREAMBLE_BYTES]
    if head[PREAMBLE_BYTES : PREAMBLE_BYTES + len(MAGIC)] == MAGIC and not _PREAMBLES.fullmatch(preamble):
        message = (
            "the first 128 bytes of the DICOM file are neither empty nor a TIFF header, so that it may be "
            "another kind of file as well; fill them with zeros"
        )
        raise NotAnImageError(message, file=name)


def _check_kind(opened: DicomFile, *, name: str) -> None:
    """Refuse what is not one picture of radiography."""
    sop_class = value_of(opened.dataset, "SOPClassUID")
    if sop_class not in _TAKEN_BY_A_SCANNER and value_of(opened.dataset, "Manufacturer") == SOFTWARE:
        message = f"the DICOM object was made by {SOFTWARE} itself, of a report"
        raise OwnObjectError(message, file=name)
    modality = str(value_of(opened.dataset, "Modality") or "").strip().upper()
    if modality and modality not in _TAKEN:
        what = f"{_REFUSED[modality]} ({modality})" if modality in _REFUSED else "of another modality"
        message = f"the DICOM object is {what}; radiographs are read (CR, DX, RG, RF, or a capture: OT, SC)"
        # An unknown one is a vendor's own word, maybe for a radiograph.
        kind = ForeignObjectError if modality in _REFUSED or modality in _OTHERS else UnsupportedImageError
        raise kind(message, file=name)
    named = sop_class is not None and UID(str(sop_class), config.IGNORE).type == "SOP Class"
    is_picture = sop_class in _PICTURES or (modality in _RADIOGRAPHS and not named)
    promised = is_picture or value_of(opened.dataset, "Rows") is not None
    if opened.pixels is None and promised:
        message = "the DICOM file ends before its pixel data"
        raise BrokenImageError(message, file=name)
    if opened.pixels is None or not opened.pixels.is_integer:
        message = "the DICOM object holds no picture of gray levels or colours"
        raise ForeignObjectError(message, file=name)
    frames = value_of(opened.dataset, "NumberOfFrames")
    if frames is not None and integer_of(opened.dataset, "NumberOfFrames") not in {0, 1}:
        message = "the DICOM file holds more than one frame; send each radiograph as a file of its own"
        raise UnsupportedImageError(message, file=name)


def _check_pixels(opened: DicomFile, *, name: str, max_pixels: int) -> tuple[int, int]:
    """Check the Image Pixel module (PS3.3 C.7.6.3) and the pixel data's length: return rows, columns."""
    dataset = opened.dataset
    rows, columns = integer_of(dataset, "Rows"), integer_of(dataset, "Columns")
    if rows is None or columns is None:
        message = "the DICOM file does not say how many rows and columns its picture has"
        raise BrokenImageError(message, file=name)
    _check_size(rows, columns, name=name, max_pixels=max_pixels)
    allocated, stored = integer_of(dataset, "BitsAllocated"), integer_of(dataset, "BitsStored")
    if allocated not in _BITS_ALLOCATED:
        message = "the DICOM file allocates other than 1, 8, 16 or 32 bits to a pixel"
        raise UnsupportedImageError(message, file=name)
    if stored is None or not 1 <= stored <= allocated:
        message = "the DICOM file stores more bits of a pixel than it allocates, or does not say how many"
        raise BrokenImageError(message, file=name)
    if value_of(dataset, "PhotometricInterpretation") not in _PHOTOMETRIC:
        message = "the DICOM file's photometric interpretation is not one of gray, RGB, YBR or palette"
        raise UnsupportedImageError(message, file=name)
    check_pixel_data(opened, rows=rows, columns=columns, name=name)
    return rows, columns


def _check_size(rows: int, columns: int, *, name: str, max_pixels: int) -> None:
    if rows < 1 or columns < 1:
        message = "the picture has no rows or no columns"
        raise BrokenImageError(message, file=name)
    if rows * columns > max_pixels:
        message = f"the picture has {rows} x {columns} pixels; the limit is {max_pixels} in all"
        raise TooLargeError(message, file=name)


def _rewound(file: BinaryIO) -> BinaryIO:
    file.seek(0)
    return file
