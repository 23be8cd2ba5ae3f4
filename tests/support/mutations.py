"""DICOM files as broken networks, writers and attackers leave them: any number of them, the same every time.

for file in mutants(10_000):
    send(file.content, name=file.name)          # file.name says what was done to it: "nested-000123.dcm"

Each is a sound file of some transfer syntax with its own SOP Instance UID, changed in one way, and one in
four by some flipped bits as well. `mutant(123)` makes the 123rd alone.
"""

import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from random import Random
from typing import Any, Final

import numpy as np
from pydicom import dcmread
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.filereader import data_element_generator
from pydicom.uid import (
    UID,
    AllTransferSyntaxes,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLSLossless,
    RLELossless,
)
from pydicom.valuerep import VR

from tests.support.dicoms import a_dicom, a_picture

_UID_OF_ALL: Final = "2.25.9000000000"
_PIXEL_DATA: Final = 0x7FE00010
_ITEM, _END_OF_ITEM, _END_OF_SEQUENCE = (pack for pack in (0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD))
_LONG: Final = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"})
_NUMBERS: Final = (0, 1, 2, 7, 8, 9, 15, 16, 17, 32, 255, 4095, 32767, 32768, 65534, 65535)
_LENGTHS: Final = (0, 1, 3, 8, 0x7FFF, 0xFFFE, 0xFFFF, 0x00FFFFFE, 0x7FFFFFFE, 0xFFFFFFFE, 0xFFFFFFFF)
_TEXTS: Final = (
    b"\x1b$B",
    b"\x1b(J\x1b$)C\xff\xff",
    b"=" * 40,
    b"^" * 400,
    b"\\" * 300,
    b"\xff\xfe\x00\x00",
    b"..\\..\\etc",
    b"1" * 70,
    b"NaN",
    b"1e999\\-inf",
    b"\0" * 64,
)
_CHARACTER_SETS: Final = (
    b"ISO_IR 192",
    b"\\ISO 2022 IR 87",
    b"ISO 2022 IR 149\\ISO 2022 IR 149",
    b"GB18030\\GBK",
    b"utf_7",
    b"ISO_IR 999",
    b"\\" * 50,
)


@dataclass(frozen=True, slots=True)
class Mutant:
    """A damaged file.

    Attributes:
        name: what was done, and its number.
    """

    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class _Place:
    """An element of a sound file; offsets are into its data set."""

    tag: int
    vr: str | None
    start: int
    offset: int
    length: int
    end: int


@dataclass(frozen=True, slots=True)
class _Sound:
    """A sound file: up to its data set, and that (not deflated, where it is to be)."""

    head: bytes
    body: bytes
    places: tuple[_Place, ...]
    order: str
    implicit: bool
    deflated: bool

    def at(self, random: Random, *, within: frozenset[int] | None = None) -> _Place:
        return random.choice([one for one in self.places if within is None or one.tag in within])

    def header(self, tag: int, vr: str, length: int) -> bytes:
        start = struct.pack(f"{self.order}HH", tag >> 16, tag & 0xFFFF)
        if self.implicit:
            return start + struct.pack(f"{self.order}L", length)
        if vr in _LONG:
            return start + vr.encode() + struct.pack(f"{self.order}HL", 0, length)
        return start + vr.encode() + struct.pack(f"{self.order}H", length & 0xFFFF)

    def item(self, tag: int, length: int) -> bytes:
        return struct.pack(f"{self.order}HHL", tag >> 16, tag & 0xFFFF, length)


def mutants(count: int, *, first: int = 0) -> Iterator[Mutant]:
    """Make so many, from a number on."""
    return map(mutant, range(first, first + count))


def mutant(number: int) -> Mutant:
    """Make the one with that number."""
    random = Random(number)
    sound = random.choice(_all_sound())
    kind, change = random.choice(_KINDS)
    head, body = change(random, sound)
    if random.random() < 0.25:
        body = _with_flipped(random, body)
    if sound.deflated and random.random() < 0.9:
        packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        body = packer.compress(body) + packer.flush()
    own = f"2.25.9{number:09d}"
    content = (head + body).replace(_UID_OF_ALL.encode(), own.encode())
    return Mutant(f"{kind}-{number:06d}.dcm", content)


@cache
def _all_sound() -> tuple[_Sound, ...]:
    gray, bytes_, colour = a_picture(40, 36), a_picture(40, 36, bits=8), a_picture(40, 108, bits=8)
    small = bytes_.astype(np.uint8)
    rgb = colour.astype(np.uint8).reshape(40, 36, 3)
    table = Dataset()
    table.LUTDescriptor, table.LUTData = [4096, 0, 12], np.arange(4096, dtype=np.uint16).tobytes()
    palette: dict[str, Any] = {"PhotometricInterpretation": "PALETTE COLOR"}
    for name in ("Red", "Green", "Blue"):
        palette[f"{name}PaletteColorLookupTableDescriptor"] = [256, 0, 16]
        palette[f"{name}PaletteColorLookupTableData"] = np.arange(0, 65536, 256, dtype=np.uint16).tobytes()
    window: dict[str, Any] = {
        "WindowCenter": [2000, 1000],
        "WindowWidth": [3000, 500],
        "RescaleSlope": 2,
        "RescaleIntercept": -100,
        "PixelPaddingValue": 0,
    }
    native = (
        ExplicitVRLittleEndian,
        ImplicitVRLittleEndian,
        ExplicitVRBigEndian,
        DeflatedExplicitVRLittleEndian,
    )
    return (
        *(_sound(gray, syntax, **window) for syntax in native),
        _sound(gray, ExplicitVRLittleEndian, VOILUTSequence=[table], PhotometricInterpretation="MONOCHROME1"),
        _sound(small, ExplicitVRLittleEndian, **palette),
        _sound(rgb, ExplicitVRLittleEndian),
        *(_sound(gray, syntax, **window) for syntax in (RLELossless, JPEGLSLossless, JPEG2000Lossless)),
        _sound(small, JPEGBaseline8Bit),
    )


def _sound(pixels: Any, syntax: UID, **tags: Any) -> _Sound:
    made = a_dicom(
        pixels,
        transfer_syntax=syntax,
        SOPInstanceUID=_UID_OF_ALL,
        StudyInstanceUID=_UID_OF_ALL,
        SpecificCharacterSet=["", "ISO 2022 IR 87"],
        PatientName="Yamada^Tarou=山田^太郎",
        PatientID="MUTANT",
        StudyDate="20260101",
        NumberOfFrames=1,
        **tags,
    )
    dataset = dcmread(BytesIO(made))
    dataset.file_meta.MediaStorageSOPInstanceUID = UID(_UID_OF_ALL)
    file = BytesIO()
    dataset.save_as(file, enforce_file_format=True)
    written = file.getvalue()
    start = 132 + 12 + dataset.file_meta.FileMetaInformationGroupLength
    deflated = syntax == DeflatedExplicitVRLittleEndian
    body = zlib.decompress(written[start:], -zlib.MAX_WBITS) if deflated else written[start:]
    implicit, order = syntax == ImplicitVRLittleEndian, ">" if syntax == ExplicitVRBigEndian else "<"
    reader = BytesIO(body)
    places = []
    for element in data_element_generator(reader, implicit, order == "<"):
        if isinstance(element, RawDataElement):
            offset, length = element.value_tell, element.length
        else:
            offset, length = element.file_tell or 0, 0xFFFFFFFF
        wide = 12 if not implicit and str(element.VR) in _LONG else 8
        places.append(_Place(int(element.tag), element.VR, offset - wide, offset, length, reader.tell()))
    return _Sound(written[:start], body, tuple(places), order, implicit, deflated)


_Change = Callable[[Random, _Sound], tuple[bytes, bytes]]


def _with_flipped(random: Random, data: bytes, most: int = 12) -> bytes:
    changed = bytearray(data)
    # Half of them where the header is, since the rest is pixels.
    reach = random.choice((len(changed), min(len(changed), 700)))
    for _ in range(random.randint(1, most) if reach else 0):
        changed[random.randrange(reach)] ^= 1 << random.randrange(8)
    return bytes(changed)


def _flipped(random: Random, sound: _Sound) -> tuple[bytes, bytes]:
    if random.random() < 0.2:
        return _with_flipped(random, sound.head[132:]).join((sound.head[:132], b"")), sound.body
    return sound.head, _with_flipped(random, sound.body, 60)


def _cut(random: Random, sound: _Sound) -> tuple[bytes, bytes]:
    whole = sound.head + sound.body
    kept = random.randrange(len(whole))
    return whole[: min(kept, len(sound.head))], sound.body[: max(0, kept - len(sound.head))]


def _resized(random: Random, sound: _Sound) -> tuple[bytes, bytes]:
    """Let an element claim another length than it has."""
    place = sound.at(random)
    body = bytearray(sound.body)
    length = random.choice((*_LENGTHS, place.length + 2, max(0, place.length - 2), place.length ^ 1))
    if sound.implicit or str(place.vr) in _LONG:
        body[place.offset - 4 : place.offset] = struct.pack(f"{sound.order}L", length & 0xFFFFFFFF)
    else:
        body[place.offset - 2 : place.offset] = struct.pack(f"{sound.order}H", length & 0xFFFF)
    return sound.head, bytes(body)


def _other_vr(random: Random, sound: _Sound) -> tuple[bytes, bytes]:
    place = sound.at(random)
    body = bytearray(sound.body)
    other = random.choice((*(vr.value.encode()[:2] for vr in VR), b"\0\0", b"ZZ", b"??", b"us", b"\xff\xff"))
    body[place.start + 4 : place.start + 6] = other
    return sound.head, bytes(body)


def _nested(random: Random, sound: _Sound) -> tuple[bytes, bytes]:
    """Put a sequence of sequences before an element: of known and unknown length, closed or not."""
    place = sound.at(random)
    tag = random.choice((0x00283010, 0x00283000, 0x00081140, 0x00091010, 0x00540220, place.tag))
    depth, many = random.choice((1, 3, 60, 65, 500, 5000)), random.choice((0, 1, 2, 1000, 25_000))
    opening = sound.header(tag, random.choice(("SQ", "UN")), 0xFFFFFFFF) + sound.item(_ITEM, 0xFFFFFFFF)
    closing = sound.item(_END_OF_ITEM, 0) + sound.item(_END_OF_SEQUENCE, 0)
    kept = random.choice((depth, depth, depth - 1, 0))
    inner = sound.item(_END_OF_ITEM, 0) + sound.item(_ITEM, random.choice((0, 0, 2**31))) * many
    inner += sound.item(_ITEM, 0xFFFFFFFF) if many else b""
    inserted = opening * depth + (inner if many else b"") + closing * kept
    return sound.head, sound.body[: place.start] + inserted + sound.body[place.start :]


def _twice(random: Random, sound: _Sound) -> tuple[bytes, bytes]:
    """Have an element again, there or elsewhere, with another value."""
    place, there = sound.at(random), sound.at(random)
    again = bytearray(sound.body[place.start : place.end])
    for _ in range(random.randint(0, 3)):
        again[random.randrange(len(again))] = random.randrange(256)
    where = random.choice((place.end, place.start, there.start))
    return sound.head, sound.body[:where] + bytes(again) * random.choice((1, 1, 50)) + sound.body[where:]


def _without(random: Random, sound: _Sound) -> tuple[bytes, bytes]:
    place = sound.at(random)
    return sound.head, sound.body[: place.start] + sound.body[place.end :]


def _extreme(random: Random, sound: _Sound) -> tuple[bytes, bytes]:
    """Give numbers about the pixels other values."""
    body = bytearray(sound.body)
    numbers = [one for one in sound.places if one.vr in {"US", "SS", None} and 0 < one.length <= 8]
    pixels = [one for one in numbers if one.tag >> 16 == 0x28]
    for place in random.sample(pixels, random.randint(1, min(3, len(pixels)))):
        for at in range(place.offset, place.end - 1, 2):
            body[at : at + 2] = struct.pack(f"{sound.order}H", random.choice(_NUMBERS))
    return sound.head, bytes(body)


def _other_text(random: Random, sound: _Sound) -> tuple[bytes, bytes]:
    """Put bytes into a text that are no text, or say that it is of another character set."""
    texts = [one for one in sound.places if one.tag >> 16 < 0x28 and one.length < 1000]
    place = random.choice(texts)
    value = random.choice(_TEXTS)
    if random.random() < 0.4:
        place, value = sound.at(random, within=frozenset({0x00080005})), random.choice(_CHARACTER_SETS)
    elif random.random() < 0.3:
        value = random.randbytes(random.randrange(64))
    value += b" " * (len(value) % 2)
    element = sound.header(place.tag, str(place.vr), len(value)) + value
    return sound.head, sound.body[: place.start] + element + sound.body[place.end :]


def _damaged_meta(random: Random, sound: _Sound) -> tuple[bytes, bytes]:
    """Damage the preamble or group 2."""
    head = bytearray(sound.head)
    match random.randrange(8):
        case 0:
            head[:128] = random.choice(
                (b"MZ" + b"\x90" * 126, b"\x7fELF" + b"\1" * 124, b"<html>" + b" " * 122)
            )
        case 1:
            head[128:132] = random.choice((b"DICN", b"\0\0\0\0", b"dicm"))
        case 2:
            head[140:144] = struct.pack("<L", random.choice(_LENGTHS))
        case 3:
            del head[random.randrange(132, len(head)) :]
        case 4:
            del head[:132]
        case 5:
            head += head[132:]
        case 6:
            at = head.index(b"\x02\0\x10\0UI")
            others = (*AllTransferSyntaxes, "1.2.840.113619.5.2", "", "1" * 64, "../../x")
            other = random.choice(others).encode()
            other += b"\0" * (len(other) % 2)
            length = int.from_bytes(head[at + 6 : at + 8], "little")
            head[at + 6 : at + 8 + length] = struct.pack("<H", len(other)) + other
        case _:
            for _ in range(random.randint(1, 10)):
                head[random.randrange(132, len(head))] = random.randrange(256)
    return bytes(head), sound.body


def _damaged_pixels(random: Random, sound: _Sound) -> tuple[bytes, bytes]:
    """Damage the pixel data: their length or items, the headers of their codec, or the end."""
    place = sound.at(random, within=frozenset({_PIXEL_DATA}))
    body = bytearray(sound.body)
    items = [at for at in range(place.start, len(body) - 8) if body[at : at + 4] == b"\xfe\xff\x00\xe0"]
    where = random.choice([place.offset, *items])
    match random.randrange(5):
        case 0:
            body[where + 4 : where + 8] = struct.pack("<L", random.choice(_LENGTHS))
        case 1:
            body[where : where + 4] = random.choice((b"\xfe\xff\xdd\xe0", b"\xfe\xff\x0d\xe0", b"\0\0\0\0"))
        case 2:
            del body[random.randrange(place.start, len(body)) :]
        case 3:
            body[where:where] = body[where : where + 200] * random.choice((1, 30))
        case _:
            for _ in range(random.randint(1, 6)):
                at = where + random.randrange(120)
                if at < len(body):
                    body[at] = random.randrange(256)
    return sound.head, bytes(body)


def _spliced(random: Random, sound: _Sound) -> tuple[bytes, bytes]:
    """Go on in the middle as another file, or as nothing but zeros or ones."""
    other = random.choice(_all_sound()).body
    at, size = random.randrange(len(sound.body)), random.randint(1, 400)
    run = random.choice((other[at : at + size], b"\0" * size, b"\xff" * size, random.randbytes(size)))
    return sound.head, sound.body[:at] + run + sound.body[at + random.choice((0, len(run))) :]


_KINDS: Final[tuple[tuple[str, _Change], ...]] = (
    ("flipped", _flipped),
    ("cut", _cut),
    ("length", _resized),
    ("vr", _other_vr),
    ("nested", _nested),
    ("twice", _twice),
    ("without", _without),
    ("extreme", _extreme),
    ("text", _other_text),
    ("meta", _damaged_meta),
    ("pixels", _damaged_pixels),
    ("spliced", _spliced),
)
