"""The lookup tables of a DICOM file: of the modality, of the VOI, and the palettes of PALETTE COLOR."""

from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from shared.bands import Pixels
from shared.dicom.attributes import value_of
from shared.grayscale import LookupTable, Stored, look_up

_LONGEST_TABLE_BYTES: Final = 2 * 65_536
_LONGEST_SEQUENCE_BYTES: Final = 2_000_000
"""Some tables of 65,536 entries, such as of a soft and a hard contrast, of which the first is used."""
_NAMES: Final = ("Red", "Green", "Blue")


@dataclass(frozen=True, slots=True)
class Palette:
    """The colours of PALETTE COLOR (PS3.3 C.7.6.3.1.5 and C.7.6.3.1.6).

    Attributes:
        tables: of red, green and blue.
        most: what is the brightest in each of them.
    """

    tables: tuple[LookupTable, ...]
    most: int

    def colours(self, stored: Stored) -> Pixels:
        """Replace indices by their colours: (H, W, 3)."""
        return np.stack([look_up(stored, table) for table in self.tables], axis=-1)


def table_of(dataset: Dataset, keyword: str, *, signed: bool) -> LookupTable | None:
    """Read the first LUT of a sequence (PS3.3 C.11.1, C.11.2); None where there is none that can be read."""
    with suppress(Exception):  # a sequence, an item and three tags, each of which may be anything
        item = value_of(dataset, keyword, longest=_LONGEST_SEQUENCE_BYTES)[0]
        count, first, bits = _described(item.LUTDescriptor, signed=signed)
        values = _entries(item.LUTData, count, item)
        # Some tables have larger entries than they announce, others announce the words that they lie in.
        reach = int(values.max()).bit_length()
        return LookupTable(values, first, bits if bits - 1 <= reach <= bits else reach)
    return None


def palette_of(dataset: Dataset, *, signed: bool) -> Palette:
    """Read the palettes of a file whose pixels are indices.

    pydicom 3.0.2 keeps an index in the type of the entries, so that a palette of more than 256 entries of 8
    bits wraps around; that is why this is ours.

    Raises:
        Exception: whatever is raised over tags that are missing or hold something else.
    """
    starts, values = [], []
    for name in _NAMES:
        tag = f"{name}PaletteColorLookupTable"
        count, first, _ = _described(value_of(dataset, f"{tag}Descriptor"), signed=signed)
        data = value_of(dataset, f"{tag}Data", longest=_LONGEST_TABLE_BYTES)
        entries = _entries(data, count, dataset)
        if entries.size < count:
            message = f"a palette of {count} colours has {entries.size}"
            raise ValueError(message)
        starts.append(first)
        values.append(entries)
    bits = 8 if max(int(entries.max()) for entries in values) < 256 else 16  # whatever is announced
    tables = (LookupTable(entries, first, bits) for entries, first in zip(values, starts, strict=True))
    return Palette(tuple(tables), 2**bits - 1)


def _described(descriptor: Any, *, signed: bool) -> tuple[int, int, int]:  # noqa: ANN401 - whatever the tag holds
    """Return how many entries a table has, the value that the first one stands for, and an entry's bits."""
    count, first, bits = (int(value) for value in descriptor)
    # The count has 16 bits, and 65,536 is written as 0. The first value is in the pixels' representation,
    # which an item does not know.
    return count % 65_536 or 65_536, first - 65_536 if signed and first > 32_767 else first, bits


def _entries(data: Any, count: int, item: Dataset) -> NDArray[np.uint16]:  # noqa: ANN401 - whatever the tag holds
    if isinstance(data, bytes):  # OW: words in the file's byte order, with an entry or two of 8 bits in each
        words = np.frombuffer(data, ">u2" if item.original_encoding[1] is False else "<u2")
        data = words.astype("<u2").view(np.uint8) if len(data) < 2 * count else words
    return np.atleast_1d(np.asarray(data))[:count].astype(np.uint16)
