"""Files that once went wrong, each with what it should give; the pictures are of samples/chest-1.png.

`FILES` holds those that are a study each, and `Outcome` says what becomes of one; the archives and the two
patients have functions of their own, since each asks for something else.
"""

import warnings
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from struct import pack, unpack
from typing import Any, Final
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import JPEGBaseline8Bit, generate_uid

from tests.support.dicoms import a_dicom, a_jpeg, a_png, written
from tests.support.services import ROOT

SIDE: Final = 512

Picture = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What becomes of a file.

    Attributes:
        refused: words of the reason, one of which it must have; a report is written if there are none.
        like: the file whose preview is the same, within two gray levels.
        order_of: the file whose preview has the same order of gray.
        warned_or: what the preview must satisfy, unless the study carries a warning.
    """

    refused: tuple[str, ...] = ()
    like: str = ""
    order_of: str = ""
    warned_or: Callable[[Picture], bool] | None = field(default=None, compare=False)


def the_chest() -> NDArray[np.uint8]:
    """Return the radiograph, 8 bits."""
    with Image.open(ROOT / "samples" / "chest-1.png") as image:
        return np.asarray(image.convert("L").resize((SIDE, SIDE)))


def _twelve_bits() -> NDArray[np.uint16]:
    return the_chest().astype(np.uint16) * 12 + 500


def _dicom(pixels: Picture, **tags: Any) -> bytes:
    """Make a file of a study of its own, of the patient CASE-1."""
    own = {
        keyword: generate_uid(entropy_srcs=[keyword, str(pixels.sum()), str(sorted(tags))])
        for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")
    }
    return a_dicom(
        pixels, **{"PatientID": "CASE-1", "PatientName": "CASE^ONE", "ViewPosition": None} | own | tags
    )


def _windowed(pixels: Picture | None = None, **tags: Any) -> bytes:
    """Make a file of twelve bits with the window of all of them."""
    window = {"WindowCenter": "2048", "WindowWidth": "4096"}
    return _dicom(_twelve_bits() if pixels is None else pixels, **(window | tags))


def _item(data: bytes) -> bytes:
    data += b"\0" * (len(data) % 2)
    return b"\xfe\xff\x00\xe0" + pack("<I", len(data)) + data


def _compressed(*fragments: bytes, table: bytes = b"", pixels: Picture | None = None, **tags: Any) -> bytes:
    """Make a JPEG baseline file of these fragments and this offset table."""
    dataset = dcmread(BytesIO(_dicom(the_chest() if pixels is None else pixels, **tags)))
    dataset.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    dataset.PixelData = _item(table) + b"".join(map(_item, fragments)) + b"\xfe\xff\xdd\xe0\0\0\0\0"
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    return written(dataset)


def _left_lateral() -> Dataset:
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "399173006", "SCT", "left lateral"
    return code


def _padded(vr: str, value: int) -> bytes:
    """Make signed pixels with a border of -2000, named as the padding value in one representation."""
    pixels = _twelve_bits().astype(np.int16) - 1024
    pixels[:, :75] = pixels[:, -75:] = -2000
    dataset = dcmread(BytesIO(_dicom(pixels, BitsStored=16, HighBit=15)))
    dataset.add_new(0x00280120, vr, value)
    return written(dataset)


def _film_of_white() -> bytes:
    pixels = _twelve_bits()
    pixels[400:] = 4095
    return _windowed(pixels, PixelPaddingValue=4095)


def _is_white_below(preview: Picture) -> bool:
    return bool(preview[len(preview) * 420 // SIDE :].min() > 200)


def _lookup_of_twelve_bits() -> bytes:
    """Make a VOI LUT that says 16 bits and has entries of 12."""
    table = Dataset()
    table.add_new(0x00283002, "US", [4096, 0, 16])
    table.add_new(0x00283006, "OW", np.arange(4096, dtype=np.uint16).tobytes())
    return _dicom(_twelve_bits(), VOILUTSequence=[table])


def _ycbcr_that_says_rgb() -> bytes:
    colour = np.dstack([the_chest()] * 3)
    jpeg = a_jpeg(colour)
    (length,) = unpack(">H", jpeg[4:6])
    without_marker = jpeg[:2] + jpeg[4 + length :]
    return _compressed(without_marker, pixels=colour, PhotometricInterpretation="RGB")


def _left_over_window() -> bytes:
    pixels = _twelve_bits()
    pixels[:30] = 0
    return _dicom(pixels, WindowCenter="127", WindowWidth="255")


def _shows_the_chest(preview: Picture) -> bool:
    """Tell whether the preview's order of gray is that of the radiograph."""
    chest = np.asarray(Image.fromarray(the_chest()).resize(preview.shape[::-1]))[40:]
    return bool(np.corrcoef(preview[40:].ravel(), chest.ravel())[0, 1] > 0.95)


def _chunk(kind: bytes, data: bytes, crc: int | None = None) -> bytes:
    crc = zlib.crc32(kind + data) if crc is None else crc
    return pack(">I", len(data)) + kind + data + pack(">I", crc)


def _png(pixels: Picture, *, depth: int = 8, colour: int = 0, extra: bytes = b"") -> bytes:
    """Make a PNG of any colour type, with `extra` chunks before the pixels."""
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    head = pack(">IIBBBBB", pixels.shape[1], pixels.shape[0], depth, colour, 0, 0, 0)
    body = _chunk(b"IDAT", zlib.compress(rows)) + _chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + extra + body


def _sixteen_bits(*planes: Picture, colour: int) -> bytes:
    return _png(np.dstack(planes).astype(">u2"), depth=16, colour=colour)


def _half(stream: bytes) -> int:
    return len(stream) * 7 // 20 * 2


def files() -> Mapping[str, tuple[bytes, Outcome]]:
    """Return name -> content and outcome of all files that are a study each."""
    chest, twelve, jpeg = the_chest(), _twelve_bits(), a_jpeg(the_chest())
    report, cut_off = Outcome(), Outcome(refused=("cut off", "ends early", "incomplete"))
    lateral = Outcome(refused=("lateral",))
    split = _half(jpeg)
    return {
        "whole-8bit.dcm": (_dicom(chest), report),
        "whole-12bit.dcm": (_windowed(), report),
        "whole-jpeg.dcm": (_compressed(jpeg), Outcome(like="whole-8bit.dcm")),
        "frame-cut-70.dcm": (_compressed(jpeg[: len(jpeg) * 7 // 10]), cut_off),
        "frame-cut-40.dcm": (_compressed(jpeg[: len(jpeg) * 4 // 10]), cut_off),
        "table-entry-per-fragment.dcm": (
            _compressed(jpeg[:split], jpeg[split:], table=pack("<2I", 0, 8 + split)),
            Outcome(like="whole-jpeg.dcm"),
        ),
        "table-first-offset-8.dcm": (_compressed(jpeg, table=pack("<I", 8)), Outcome(like="whole-jpeg.dcm")),
        "view-LAT.dcm": (_windowed(ViewPosition="LAT"), lateral),
        "view-LL-ERECT.dcm": (_windowed(ViewPosition="LL ERECT"), lateral),
        "view-code-left-lateral.dcm": (
            _windowed(ViewPosition="", ViewCodeSequence=[_left_lateral()]),
            lateral,
        ),
        "padding-as-SS.dcm": (_padded("SS", -2000), report),
        "padding-as-US.dcm": (_padded("US", 63536), Outcome(like="padding-as-SS.dcm")),
        "padding-is-the-white.dcm": (_film_of_white(), Outcome(warned_or=_is_white_below)),
        "voi-lut-16-says-12.dcm": (_lookup_of_twelve_bits(), Outcome(order_of="whole-12bit.dcm")),
        "ycbcr-says-rgb.dcm": (_ycbcr_that_says_rgb(), Outcome(like="whole-8bit.dcm")),
        "mono2-leading-space.dcm": (
            _windowed().replace(b"MONOCHROME2 ", b" MONOCHROME2"),
            Outcome(like="whole-12bit.dcm"),
        ),
        "jpeg-8-in-16.dcm": (
            _compressed(jpeg, pixels=chest.astype(np.uint16), BitsStored=8, HighBit=7),
            Outcome(like="whole-8bit.dcm"),
        ),
        "window-left-over-black-border.dcm": (_left_over_window(), Outcome(warned_or=_shows_the_chest)),
        "gray-12-in-16.png": (_sixteen_bits(twelve, colour=0), report),
        "gray-alpha-12-in-16.png": (
            _sixteen_bits(twelve, np.full_like(twelve, 65535), colour=4),
            Outcome(like="gray-12-in-16.png"),
        ),
        "rgb-12-in-16.png": (
            _sixteen_bits(twelve, twelve, twelve, colour=2),
            Outcome(like="gray-12-in-16.png"),
        ),
        "plain.png": (_png(chest), report),
        "big-iccp.png": (
            _png(chest, extra=_chunk(b"iCCP", b"p\0\0" + zlib.compress(bytes(1_100_000)))),
            Outcome(like="plain.png"),
        ),
        "bad-crc-in-text.png": (
            _png(chest, extra=_chunk(b"tEXt", b"Comment\0x", crc=1)),
            Outcome(like="plain.png"),
        ),
    }


def two_patients() -> tuple[bytes, bytes]:
    """Return a file of each of two patients."""
    other = _dicom(np.fliplr(the_chest()), PatientID="CASE-2", PatientName="CASE^TWO")
    return _dicom(the_chest()), other


def zipped(*members: tuple[str, bytes], deflated: bool = False) -> bytes:
    """Return a zip of these members, in this order, whatever their names."""
    file = BytesIO()
    with (
        warnings.catch_warnings(action="ignore"),
        ZipFile(file, "w", ZIP_DEFLATED if deflated else ZIP_STORED) as archive,
    ):
        for name, content in members:
            archive.writestr(name, content)
    return file.getvalue()


def backslashes() -> bytes:
    """Return a zip of two patients' folders, with backslashes as separators."""
    archive = zipped(("PatA!IM1.dcm", _dicom(the_chest())), ("PatB!IM1.png", _png(the_chest())))
    return archive.replace(b"PatA!", b"PatA\\").replace(b"PatB!", b"PatB\\")


def folder_entry() -> bytes:
    r"""Return a zip with a member `ward\` for the folder, as some programs write it."""
    archive = zipped(("ward!", b""), ("ward!IM1.dcm", _dicom(the_chest())))
    return archive.replace(b"ward!", b"ward\\")


def broken_member() -> bytes:
    """Return a zip of two files, the first of which cannot be unpacked."""
    archive = bytearray(
        zipped(("a/bad.png", a_png(the_chest())), ("a/good.dcm", _dicom(the_chest())), deflated=True)
    )
    archive[30 + len("a/bad.png")] = 0x07  # a block of a kind that deflate does not have
    return bytes(archive)


def same_name_twice() -> bytes:
    """Return a zip in which two files have one name."""
    first, second = two_patients()
    return zipped(("IM1.dcm", first), ("IM1.dcm", second))


def a_cd() -> bytes:
    """Return a zip of what lies on a patient's CD beside the film."""
    return zipped(
        ("DICOM/IM1", _dicom(the_chest())),
        ("README.txt", b"read me"),
        ("autorun.inf", b"[autorun]"),
        ("THUMBS.DB", b"x"),
        ("dicomdir", b"x"),
    )
