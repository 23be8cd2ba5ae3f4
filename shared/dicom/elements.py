"""Walks over the elements of a DICOM data set (PS3.5 7) and builds none: pydicom builds all that it passes.

A value of known length is sought over; one of undefined length is followed item by item to its end. Each
element and each item counts, however deep it lies, so that a file of empty items costs milliseconds and not
seconds. How careless writers are understood is pydicom's way: see `data_element_generator` there.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Protocol

from pydicom.datadict import dictionary_VR
from pydicom.valuerep import EXPLICIT_VR_LENGTH_32, VR

from shared.errors import BrokenImageError, TooLargeError

MOST_ELEMENTS: Final = 20_000
"""Of radiographs, those with most have some 600; an enhanced CT of a hundred frames has about 10,000."""
DEEPEST: Final = 64
"""Sequences in sequences; structured reports come to about 15."""

_ITEM: Final = 0xFFFEE000
_ITEM_DELIMITER: Final = 0xFFFEE00D
_SEQUENCE_DELIMITER: Final = 0xFFFEE0DD
_UNDEFINED: Final = 0xFFFFFFFF
_SHORT_FORMS: Final = frozenset(vr.value.encode() for vr in VR if vr not in EXPLICIT_VR_LENGTH_32)
_LONG_FORMS: Final = frozenset(vr.value.encode() for vr in EXPLICIT_VR_LENGTH_32)
"""Value representations whose length takes four more bytes (PS3.5 7.1.2)."""
_CHUNK: Final = 8192


class Readable(Protocol):
    """A binary file, as far as it is needed here."""

    def read(self, size: int = -1, /) -> bytes:
        """Read up to so many bytes."""

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Go somewhere."""

    def tell(self) -> int:
        """Say where it is."""


@dataclass(frozen=True, slots=True)
class Element:
    """One element, where it lies.

    Attributes:
        vr: None where the file does not say.
        start: offset of the element's first byte.
        offset: of the value's first byte.
        length: bytes of the value; None where it is undefined.
    """

    tag: int
    vr: str | None
    start: int
    offset: int
    length: int | None


class Walk:
    """The elements of a data set, one after the other; after each, call `skip` or `value`."""

    def __init__(self, file: Readable, *, implicit: bool, little_endian: bool, name: str) -> None:
        """Begin where the file stands.

        Args:
            implicit: whether value representations are left out; the first element may show otherwise.
            name: the client's name of the file, for errors only.
        """
        self._file, self._name = file, name
        self._left = MOST_ELEMENTS
        order = "<" if little_endian else ">"
        self._implicit_head = struct.Struct(f"{order}HHL").unpack
        self._explicit_head = struct.Struct(f"{order}HH2sH").unpack
        self._length = struct.Struct(f"{order}L").unpack
        self._delimiter = struct.pack(f"{order}HH", 0xFFFE, 0xE0DD)
        self.is_implicit = self._is_implicit(assumed=implicit)

    def __iter__(self) -> Iterator[Element]:
        """Yield the elements of the data set itself.

        Raises:
            BrokenImageError: a value of undefined length has no end, or items are nested too deeply.
            TooLargeError: there are more than `MOST_ELEMENTS` elements and items.
        """
        while (element := self._next(implicit=self.is_implicit)) is not None:
            yield element

    def value(self, element: Element) -> bytes:
        """Read a value; of a sequence of undefined length, its items with the delimiter behind them."""
        if element.length is not None:
            return self._file.read(element.length)
        self.skip(element)
        end = self._file.tell()
        self._file.seek(element.offset)
        return self._file.read(end - element.offset)

    def skip(self, element: Element, *, depth: int = 0) -> None:
        """Go to the end of a value."""
        if element.length is not None:
            self._file.seek(element.offset + element.length)
        elif self.is_sequence(element):
            self._skip_items(implicit=self.is_implicit, depth=depth + 1)
        elif not self._skip_fragments():
            self._file.seek(element.offset)
            self._find_delimiter()

    def is_sequence(self, element: Element) -> bool:
        """Tell whether a value of undefined length holds items (PS3.5 6.2.2); its first byte is up next."""
        vr = element.vr
        if vr is None:
            try:
                vr = dictionary_VR(element.tag)
            except KeyError:
                head = self._file.read(8)
                self._file.seek(element.offset)
                return len(head) == 8 and self._tag_and_length(head)[0] == _ITEM
        return vr in {"SQ", "UN"}

    def _next(self, *, implicit: bool) -> Element | None:
        self._count()
        start = self._file.tell()
        head = self._file.read(8)
        if len(head) < 8:
            return None
        group, number, letters, length = self._explicit_head(head)
        vr: str | None = letters.decode("latin-1")
        if not implicit and letters in _LONG_FORMS:
            (length,) = self._length(self._file.read(4))
        elif implicit or (letters not in _SHORT_FORMS and not b"AA" <= letters <= b"ZZ"):
            # Some writers leave the value representation out within an explicit data set.
            vr = None
            group, number, length = self._implicit_head(head)
        tag = group << 16 | number
        if tag == _ITEM_DELIMITER:
            return None
        return Element(tag, vr, start, self._file.tell(), None if length == _UNDEFINED else length)

    def _skip_items(self, *, implicit: bool, depth: int) -> None:
        if depth > DEEPEST:
            message = f"the DICOM header has sequences that are nested more than {DEEPEST} deep"
            raise BrokenImageError(message, file=self._name)
        while True:
            self._count()
            tag, length = self._tag_and_length(self._file.read(8))
            if tag == _SEQUENCE_DELIMITER:
                return
            if length != _UNDEFINED:
                self._file.seek(length, 1)
                continue
            # A sequence may leave out what the file around it has, but not the other way round.
            within = implicit or self._is_implicit(assumed=False)
            while (element := self._next(implicit=within)) is not None:
                self.skip(element, depth=depth)

    def _skip_fragments(self) -> bool:
        """Pass the fragments of compressed pixel data, such as an icon's; False when these are none."""
        while True:
            self._count()
            head = self._file.read(8)
            if len(head) < 8:
                return False
            tag, length = self._tag_and_length(head)
            if tag == _SEQUENCE_DELIMITER:
                return True
            if tag != _ITEM or length == _UNDEFINED:
                return False
            self._file.seek(length, 1)

    def _find_delimiter(self) -> None:
        while True:
            self._count()
            start = self._file.tell()
            chunk = self._file.read(_CHUNK)
            found = chunk.find(self._delimiter)
            if found >= 0:
                self._file.seek(start + found + 8)
                return
            if len(chunk) < _CHUNK:
                message = "the DICOM header is cut off or corrupt: a value has no end"
                raise BrokenImageError(message, file=self._name)
            self._file.seek(-3, 1)  # the delimiter may lie across two chunks

    def _is_implicit(self, *, assumed: bool) -> bool:
        """Tell by the next element whether value representations are left out: they are two capitals."""
        start = self._file.tell()
        head = self._file.read(6)
        self._file.seek(start)
        return not all(0x40 < byte < 0x5B for byte in head[4:]) if len(head) == 6 else assumed

    def _tag_and_length(self, head: bytes) -> tuple[int, int]:
        if len(head) < 8:
            message = "the DICOM header is cut off"
            raise BrokenImageError(message, file=self._name)
        group, number, length = self._implicit_head(head)
        return group << 16 | number, length

    def _count(self) -> None:
        self._left -= 1
        if self._left < 0:
            message = f"the DICOM header has more than {MOST_ELEMENTS} elements and items"
            raise TooLargeError(message, file=self._name)
