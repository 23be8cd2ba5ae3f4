"""Small DICOM images of every kind, each with the words by which dcmtk is asked for the same picture.

for variant in variants():
    variant.kind, variant.name, variant.content

The picture is a rough slope, the least and the greatest value of its bits among it. `kind` is the first
column of the table in docs/reference/dicom-pixels.md, for those in which readers differ.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from itertools import cycle
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
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
    JPEGLSLossless,
    RLELossless,
)

from tests.support import htj2k
from tests.support.dicoms import a_dicom, written

Stored = NDArray[Any]
ROWS, COLUMNS = 48, 64
_NATIVE: Final = (
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    ExplicitVRBigEndian,
    DeflatedExplicitVRLittleEndian,
)
_SHAPES: Final = (
    (8, 8, 7),
    (16, 8, 7),
    (16, 10, 9),
    (16, 12, 11),
    (16, 12, 13),
    (16, 12, 15),
    (16, 14, 13),
    (16, 15, 14),
    (16, 16, 15),
    (32, 20, 19),
)
"""Bits Allocated, Bits Stored, High Bit."""
_GRAY: Final = ("MONOCHROME2", "MONOCHROME1")


@dataclass(frozen=True, slots=True)
class Variant:
    """One file.

    Attributes:
        ours: the modality values that have to be black and white where the file has no window: the 0.5th and
            the 99.5th percentile, or of 8 bits all that they hold.
        voi: dcm2pnm's words for the window or LUT, where they are not to follow from the file.
        encoder: the program of dcmtk that has to compress it first, with its options.
        source: what a reader that cannot decompress it reads instead.
    """

    kind: str
    name: str
    content: bytes
    ours: tuple[float, float] | None = None
    voi: tuple[str, ...] = ()
    encoder: tuple[str, ...] = ()
    source: bytes | None = None


def variants() -> Iterator[Variant]:
    """Make all of them."""
    yield from _native()
    yield from _transformed()
    yield from _shaped()
    yield from _padded()
    yield from _overlaid()
    yield from _compressed()
    yield from _in_wavelets()
    yield from _coloured()
    yield from _indexed()
    yield from _others()


def gradient(bits: int, *, signed: bool = False) -> Stored:
    """Make (ROWS, COLUMNS) values from the least to the greatest that the bits hold, never even."""
    y, x = np.mgrid[:ROWS, :COLUMNS]
    most = 2**bits - 1
    values = np.clip(
        most * (0.06 + 0.88 * (x + y) / (ROWS + COLUMNS - 2)) + (x * 7 + y * 13) % 11 - 5, 0, most
    )
    values[:3, :3], values[-3:, -3:] = 0, most
    low = 2 ** (bits - 1) if signed else 0
    return values.astype(np.int64) - low


def of(bits: int = 12, *, allocated: int = 16, signed: bool = False, high: int | None = None) -> Stored:
    """Make the gradient in the type, and at the place in it, that a file has it."""
    unsigned = np.dtype(f"u{allocated // 8}")
    shift = 0 if high is None else high + 1 - bits
    stored = (gradient(bits, signed=signed) & (2**bits - 1)) << shift
    return stored.astype(unsigned).view(np.dtype(f"i{allocated // 8}") if signed else unsigned)


def a_gray(
    bits: int = 12, *, allocated: int = 16, signed: bool = False, high: int | None = None, **tags: Any
) -> bytes:
    return a_dicom(
        of(bits, allocated=allocated, signed=signed, high=high),
        BitsStored=bits,
        HighBit=bits - 1 if high is None else high,
        PixelRepresentation=int(signed),
        **tags,
    )


def ours(values: Stored, bits: int, *, signed: bool = False) -> tuple[float, float]:
    """Return what has to be black and white of a file without a window."""
    if bits <= 8:
        low = -(2.0 ** (bits - 1)) if signed else 0.0
        return low, low + 2.0**bits - 1
    low, high = np.percentile(values, (0.5, 99.5))
    return float(low), float(high)


def a_window(bits: int, *, signed: bool = False, share: float = 0.7) -> dict[str, Any]:
    """Make a window over most of what the bits hold."""
    middle = 0 if signed else 2 ** (bits - 1)
    return {"WindowCenter": middle + 2 ** (bits - 5), "WindowWidth": round(share * 2**bits)}


def a_table(count: int, first: int, bits: int, *, curve: float = 1.5, entries: int = 16) -> Dataset:
    """Make an item of a LUT sequence that rises to the greatest value of its bits."""
    item = Dataset()
    # The descriptor's second value is in the pixels' representation.
    item.add_new(0x00283002, "SS" if first < 0 else "US", [count if count < 65536 else 0, first, bits])
    item.add_new(0x00283006, "OW", _curve(count, bits, curve).astype(f"<u{entries // 8}").tobytes())
    return item


def _curve(count: int, bits: int, curve: float) -> Stored:
    return np.round((np.arange(count) / (count - 1)) ** curve * (2**bits - 1))


def _name(*parts: object) -> str:
    return " ".join(str(part) for part in parts if part not in ("", None))


def _native() -> Iterator[Variant]:
    """Transfer syntax by bits by sign by photometric interpretation, with and without a window."""
    window = cycle((True, False, True))
    for syntax in _NATIVE:
        # How 32 bits lie in words of 16 in big endian, writers do not agree on.
        for allocated, bits, high in _SHAPES[: -1 if syntax == ExplicitVRBigEndian else None]:
            for signed in (False, True):
                for photometric in _GRAY:
                    voi = a_window(bits, signed=signed) if next(window) else {}
                    yield Variant(
                        "gray",
                        _name(
                            syntax.name,
                            f"{bits} in {allocated} up to {high}",
                            "signed" if signed else "",
                            photometric,
                            "window" if voi else "",
                        ),
                        a_gray(
                            bits,
                            allocated=allocated,
                            signed=signed,
                            high=high,
                            transfer_syntax=syntax,
                            PhotometricInterpretation=photometric,
                            **voi,
                        ),
                        ours(gradient(bits, signed=signed), bits, signed=signed),
                    )


_MODALITY: Final[dict[str, dict[str, Any]]] = {
    "": {},
    "slope 2": {"RescaleSlope": 2, "RescaleIntercept": -1024},
    "slope 0.25": {"RescaleSlope": "0.25", "RescaleIntercept": "10.5"},
    "slope 1.7": {"RescaleSlope": "1.7", "RescaleIntercept": "-0.3"},
    "slope -1": {"RescaleSlope": -1, "RescaleIntercept": 4095},
    "modality LUT": {"ModalityLUTSequence": [(4096, 0, 12, 1.3)]},
    "short modality LUT": {"ModalityLUTSequence": [(2048, 1024, 16, 0.8)]},
}


def _range_of(modality: dict[str, Any]) -> tuple[float, float]:
    if "ModalityLUTSequence" in modality:
        return 0.0, 2.0 ** modality["ModalityLUTSequence"][0][2] - 1
    slope, intercept = float(modality.get("RescaleSlope", 1)), float(modality.get("RescaleIntercept", 0))
    low, high = sorted((intercept, 4095 * slope + intercept))
    return low, high


def _in_units(modality: dict[str, Any]) -> Stored:
    """Return the gradient's modality values."""
    stored = gradient(12)
    if "ModalityLUTSequence" in modality:
        count, first, bits, curve = modality["ModalityLUTSequence"][0]
        return _curve(count, bits, curve)[np.clip(stored - first, 0, count - 1)]
    return stored * float(modality.get("RescaleSlope", 1)) + float(modality.get("RescaleIntercept", 0))


def _vois(low: float, high: float) -> Iterator[tuple[str, dict[str, Any], tuple[str, ...]]]:
    """Yield name, tags and dcm2pnm's flags of every VOI over a range of modality values."""
    center, width = round((low + high) / 2 + 0.03 * (high - low), 2), round(0.6 * (high - low), 2)
    tags = {"WindowCenter": str(center), "WindowWidth": str(width)}
    first, count = int(np.floor(low)), min(65535, int(np.ceil(high) - np.floor(low)) + 1)
    yield "none", {}, ()
    yield "window", tags, ("+Wi", "1")
    yield (
        "several windows",
        {"WindowCenter": [str(center), "1"], "WindowWidth": [str(width), "2"]},
        ("+Wi", "1"),
    )
    yield "LINEAR", {**tags, "VOILUTFunction": "LINEAR"}, ("+Wi", "1")
    # dcmtk 3.6.7 does not know it; of a LINEAR one of these numbers it makes the same.
    exact = ("+Ww", str(center + 0.5), str(width + 1))
    yield "LINEAR_EXACT", {**tags, "VOILUTFunction": "LINEAR_EXACT"}, exact
    yield "SIGMOID", {**tags, "VOILUTFunction": "SIGMOID"}, ("+Wi", "1")
    for bits in (8, 12, 16):
        yield f"LUT of {bits} bits", {"VOILUTSequence": [a_table(count, first, bits)]}, ("+Wl", "1")
    short = a_table(count // 2, first + count // 4, 12)
    yield "short LUT", {"VOILUTSequence": [short]}, ("+Wl", "1")
    both = {"VOILUTSequence": [a_table(count, first, 10), a_table(count, first, 8)], **tags}
    yield "LUTs and window", both, ("+Wl", "1")


def _transformed() -> Iterator[Variant]:
    """Modality by VOI by photometric interpretation."""
    for said, modality in _MODALITY.items():
        tags = dict(modality)
        if "ModalityLUTSequence" in tags:
            count, first, bits, curve = tags["ModalityLUTSequence"][0]
            item = a_table(count, first, bits, curve=curve)
            item.ModalityLUTType = "US"
            tags["ModalityLUTSequence"] = [item]
        for voi, more, flags in _vois(*_range_of(modality)):
            for photometric in _GRAY:
                fractional = said in {"slope 0.25", "slope 1.7"}
                yield Variant(
                    _kind_of(voi, fractional=fractional),
                    _name(said, voi, photometric),
                    a_gray(PhotometricInterpretation=photometric, **tags, **more),
                    ours(_in_units(modality), 12),
                    flags,
                )


def _kind_of(voi: str, *, fractional: bool) -> str:
    if fractional:
        return "VOI LUT after a fractional rescale" if "LUT" in voi else "fractional rescale"
    return "VOI LUT" if "LUT" in voi else "LINEAR_EXACT" if voi == "LINEAR_EXACT" else "window"


def _shaped() -> Iterator[Variant]:
    """Presentation LUT Shape, as it should be and against the photometric interpretation."""
    for photometric, right in zip(_GRAY, ("IDENTITY", "INVERSE"), strict=True):
        for shape in ("IDENTITY", "INVERSE"):
            for bits, allocated in ((12, 16), (8, 8)):
                for voi in (a_window(bits), {}):
                    yield Variant(
                        "shape" if shape == right else "shape against photometric",
                        _name(shape, photometric, bits, "window" if voi else ""),
                        a_gray(
                            bits,
                            allocated=allocated,
                            PhotometricInterpretation=photometric,
                            PresentationLUTShape=shape,
                            **voi,
                        ),
                        ours(gradient(bits), bits),
                    )


def _padded() -> Iterator[Variant]:
    for signed in (False, True):
        for photometric in _GRAY:
            low = -2048 if signed else 0
            for said, padding in (
                ("value", {"PixelPaddingValue": low}),
                ("range", {"PixelPaddingValue": low, "PixelPaddingRangeLimit": low + 200}),
            ):
                stored = gradient(12, signed=signed)
                shown = stored[stored > padding.get("PixelPaddingRangeLimit", low)]
                for voi in (a_window(12, signed=signed), {}):
                    yield Variant(
                        f"padding of {photometric}",
                        _name(said, "signed" if signed else "", photometric, "window" if voi else ""),
                        a_gray(signed=signed, PhotometricInterpretation=photometric, **padding, **voi),
                        ours(shown, 12),
                    )


def _overlaid() -> Iterator[Variant]:
    """Overlays beside the pixels and in their unused bits, which nobody asked to see."""
    y, x = np.mgrid[:ROWS, :COLUMNS]
    drawn = ((x + y) % 9 == 0) | (x == 20)
    overlay: dict[int, tuple[str, Any]] = {
        0x60000010: ("US", ROWS),
        0x60000011: ("US", COLUMNS),
        0x60000040: ("CS", "G"),
        0x60000050: ("SS", [1, 1]),
    }
    beside = {
        0x60000100: ("US", 1),
        0x60000102: ("US", 0),
        0x60003000: ("OW", np.packbits(drawn, bitorder="little").tobytes()),
    }
    within = {0x60000100: ("US", 16), 0x60000102: ("US", 13)}
    for syntax in (ExplicitVRLittleEndian, ExplicitVRBigEndian):
        for signed in (False, True):
            for photometric in _GRAY:
                for said, tags in (("beside", beside), ("within", within)):
                    stored = of(signed=signed)
                    if said == "within":
                        stored = stored | (drawn.astype(stored.dtype) << 13)
                    data = a_dicom(
                        stored,
                        PixelRepresentation=int(signed),
                        PhotometricInterpretation=photometric,
                        **a_window(12, signed=signed),
                    )
                    dataset = dcmread(BytesIO(data))
                    for tag, (vr, value) in {**overlay, **tags}.items():
                        dataset.add_new(tag, vr, value)
                    if syntax == ExplicitVRBigEndian:
                        dataset.PixelData = stored.astype(stored.dtype.newbyteorder(">")).tobytes()
                    dataset.file_meta.TransferSyntaxUID = syntax
                    yield Variant(
                        "overlay",
                        _name(said, syntax.name, "signed" if signed else "", photometric),
                        written(dataset),
                    )


def _compressed() -> Iterator[Variant]:
    shapes = [
        (allocated, bits)
        for allocated, bits, high in _SHAPES
        if high == bits - 1 and (allocated, bits) not in {(16, 8), (32, 20)}
    ]
    for allocated, bits in shapes:
        for signed in (False, True):
            for photometric in _GRAY:
                tags = {"PhotometricInterpretation": photometric, **a_window(bits, signed=signed)}
                plain = a_gray(bits, allocated=allocated, signed=signed, **tags)
                said = _name(bits, "signed" if signed else "", photometric)
                for syntax in (RLELossless, JPEGLSLossless, JPEG2000Lossless):
                    made = a_gray(bits, allocated=allocated, signed=signed, transfer_syntax=syntax, **tags)
                    yield Variant(syntax.name, _name(syntax.name, said), made, source=plain)
                for name, *encoder in (
                    ("lossless JPEG SV1", "dcmcjpeg", "+e1"),
                    ("lossless JPEG", "dcmcjpeg", "+el"),
                ):
                    yield Variant(name, _name(name, said), plain, encoder=tuple(encoder))
                if not signed:
                    yield Variant(
                        "near-lossless JPEG-LS",
                        _name("near-lossless JPEG-LS", said),
                        plain,
                        encoder=("dcmcjpls", "+en"),
                    )
                    if bits <= 12:
                        lossy = ("dcmcjpeg", "+eb" if bits == 8 else "+ee")
                        yield Variant("lossy JPEG", _name("lossy JPEG", said), plain, encoder=lossy)


def _in_wavelets() -> Iterator[Variant]:
    """What dcmtk cannot decompress: it is given what was compressed."""
    twelve = {"PhotometricInterpretation": "MONOCHROME1", **a_window(12)}
    sixteen = {"PhotometricInterpretation": "MONOCHROME2", **a_window(16, signed=True)}
    eight, colour = a_gray(8, allocated=8), a_dicom(a_colour())
    for name, stream, syntax, plain in (
        ("HTJ2K 8", htj2k.EIGHT, HTJ2KLossless, eight),
        ("HTJ2K 12", htj2k.TWELVE, HTJ2KLosslessRPCL, a_gray(**twelve)),
        ("HTJ2K signed 16", htj2k.SIXTEEN_SIGNED, HTJ2KLossless, a_gray(16, signed=True, **sixteen)),
        ("HTJ2K colour", htj2k.COLOUR, HTJ2KLossless, colour),
        ("HTJ2K lossy", htj2k.TWELVE_LOSSY, HTJ2K, a_gray(**twelve)),
        ("lossy 8", _jpeg2000(of(8, allocated=8), irreversible=True), JPEG2000, eight),
        ("colour", _jpeg2000(a_colour(), mct=1), JPEG2000Lossless, colour),
        ("lossy colour", _jpeg2000(a_colour(), mct=1, irreversible=True), JPEG2000, colour),
    ):
        kind = "lossy JPEG 2000" if "lossy" in name else "JPEG 2000"
        yield Variant(kind, name, _around(stream, syntax, plain), ours(gradient(8), 8), source=plain)


def _jpeg2000(pixels: Stored, **options: Any) -> bytes:
    file = BytesIO()
    Image.fromarray(pixels).save(file, "JPEG2000", no_jp2=True, num_resolutions=4, **options)
    return file.getvalue()


def _around(stream: bytes, syntax: UID, plain: bytes) -> bytes:
    """Put compressed pixel data into a file in the place of those from which they were made."""
    dataset = dcmread(BytesIO(plain))
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.PixelData = encapsulate([stream])
    dataset["PixelData"].VR, dataset["PixelData"].is_undefined_length = "OB", True
    if dataset.SamplesPerPixel == 3:
        dataset.PhotometricInterpretation = "YBR_RCT" if syntax != JPEG2000 else "YBR_ICT"
    return written(dataset)


def a_colour() -> Stored:
    """Make (ROWS, COLUMNS, 3) 8-bit colours."""
    red, green = of(8, allocated=8), of(8, allocated=8)[::-1]
    return np.dstack([red, green, np.full_like(red, 90) + red // 3])


def _coloured() -> Iterator[Variant]:
    rgb = a_colour()
    y, x = np.mgrid[:ROWS, :COLUMNS]
    ybr = np.dstack([of(8, allocated=8), 128 + x // 2 - 16, 128 - y // 2 + 12]).astype(np.uint8)
    for syntax in _NATIVE:
        for photometric, colours in (("RGB", rgb), ("YBR_FULL", ybr)):
            for planar in (0, 1):
                tags = (
                    {"PlanarConfiguration": 1, "PixelData": np.moveaxis(colours, -1, 0).tobytes()}
                    if planar
                    else {}
                )
                yield Variant(
                    "RGB" if photometric == "RGB" else "YBR",
                    _name(syntax.name, photometric, "planes" if planar else ""),
                    a_dicom(colours, transfer_syntax=syntax, PhotometricInterpretation=photometric, **tags),
                )
        halved = np.stack([ybr[:, ::2, 0], ybr[:, 1::2, 0], ybr[:, ::2, 1], ybr[:, ::2, 2]], axis=-1)
        yield Variant(
            "YBR",
            _name(syntax.name, "YBR_FULL_422"),
            a_dicom(
                ybr,
                transfer_syntax=syntax,
                PhotometricInterpretation="YBR_FULL_422",
                PixelData=halved.tobytes(),
            ),
        )
    wide = rgb.astype(np.uint16) * 257
    yield Variant("RGB", "RGB of 16 bits", a_dicom(wide, BitsStored=16, HighBit=15))
    plain = a_dicom(rgb)
    for syntax in (RLELossless, JPEGLSLossless):
        yield Variant("RGB", _name(syntax.name, "RGB"), a_dicom(rgb, transfer_syntax=syntax), source=plain)
    yield Variant(
        "YBR",
        "RLE YBR_FULL",
        a_dicom(ybr, transfer_syntax=RLELossless, PhotometricInterpretation="YBR_FULL"),
        source=a_dicom(ybr, PhotometricInterpretation="YBR_FULL"),
    )
    for name, *encoder in (
        ("lossless JPEG SV1", "dcmcjpeg", "+e1"),
        ("lossless JPEG", "dcmcjpeg", "+el"),
        ("JPEG-LS by lines", "dcmcjpls", "+il"),
        ("JPEG-LS by samples", "dcmcjpls", "+is"),
        ("JPEG-LS by planes", "dcmcjpls", "+in"),
    ):
        yield Variant("RGB", _name(name, "RGB"), plain, encoder=tuple(encoder))
    for name, *encoder in (
        ("as YBR_FULL_422", "dcmcjpeg", "+eb"),
        ("as YBR_FULL", "dcmcjpeg", "+eb", "+s4"),
        ("as RGB", "dcmcjpeg", "+eb", "+cr"),
        ("extended", "dcmcjpeg", "+ee"),
    ):
        yield Variant("lossy colour JPEG", name, plain, encoder=tuple(encoder))


def _palette(count: int, first: int, bits: int, *, order: str = "<") -> dict[str, Any]:
    tags: dict[str, Any] = {"PhotometricInterpretation": "PALETTE COLOR"}
    most = 2**bits - 1
    for number, name in enumerate(("Red", "Green", "Blue")):
        values = np.linspace(0, most, count)[:: -1 if number == 1 else 1] * (0.6 if number == 2 else 1.0)
        tags[f"{name}PaletteColorLookupTableDescriptor"] = [count % 65536, first, bits]
        tags[f"{name}PaletteColorLookupTableData"] = values.astype(
            f"{order}u2" if bits == 16 else np.uint8
        ).tobytes()
    return tags


def _indexed() -> Iterator[Variant]:
    eight = of(8, allocated=8)
    for bits in (8, 16):
        for name, count, first in (("whole", 256, 0), ("short", 100, 0), ("short from 60", 100, 60)):
            for syntax in (*_NATIVE, RLELossless):
                order = ">" if syntax == ExplicitVRBigEndian else "<"
                content = a_dicom(eight, transfer_syntax=syntax, **_palette(count, first, bits, order=order))
                yield Variant("palette", _name(name, bits, syntax.name), content)
        sixteen = a_gray(16, **_palette(65536, 0, bits))
        yield Variant("palette", _name("65536 entries", bits), sixteen)
        yield Variant(
            "palette", _name("short of 16-bit pixels", bits), a_gray(12, **_palette(1000, 1500, bits))
        )


def _others() -> Iterator[Variant]:
    for photometric in _GRAY:
        tags = {"PhotometricInterpretation": photometric, **a_window(12)}
        for ratio in ([2, 1], [1, 2], [4, 3]):
            yield Variant("aspect ratio", _name(*ratio, photometric), a_gray(PixelAspectRatio=ratio, **tags))
        yield Variant("one frame", photometric, a_gray(NumberOfFrames=1, **tags))
        two = np.concatenate([of(), of()[::-1]])
        yield Variant("several frames", photometric, a_dicom(two, Rows=ROWS, NumberOfFrames=2, **tags))
        bits = np.packbits(gradient(8) > 120, bitorder="little").tobytes()
        one: dict[str, Any] = {"BitsAllocated": 1, "BitsStored": 1, "HighBit": 0, "PixelData": bits}
        content = a_dicom(of(8, allocated=8), PhotometricInterpretation=photometric, **one)
        yield Variant("one bit", photometric, content, (0.0, 1.0))
        hides: dict[str, Any] = {
            "PhotometricInterpretation": photometric,
            "WindowCenter": 9000,
            "WindowWidth": 100,
        }
        yield Variant("window beside the values", photometric, a_gray(**hides))
