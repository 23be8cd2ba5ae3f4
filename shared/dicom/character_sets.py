"""The text of a DICOM file, by the character sets that it declares (PS3.5 6.1, PS3.3 C.12.1.1.2).

    encodings_of(character_sets_of(a data set)) -> Python's encodings
    decoded(a value's bytes, those)             -> its text

Where a value is not of the set that is declared, or none is, it is read as UTF-8 if it can be. What is left
is damaged, and shows it: each byte that is no text is written as U+FFFD and its two digits, so that nobody is
taken for somebody else, and two ids stay two.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Final

from pydicom.charset import (
    CODES_TO_ENCODINGS,
    STAND_ALONE_ENCODINGS,
    convert_encodings,
    python_encoding,
)
from pydicom.dataset import Dataset

from shared.dicom.attributes import quietly, value_of

ASCII: Final = "ascii"
"""The default repertoire, ISO-IR 6 (pydicom has Latin-1 for it)."""
_TO_ASCII: Final = b"\x1b(B"
_ESCAPES: Final = re.compile(rb"(\x1b(?:\$[()].|[$()-].)?)", re.DOTALL)
_STATEFUL: Final = frozenset({"iso2022_jp", "iso2022_jp_2"})
"""Python's codecs that want the escape sequence."""
_BETWEEN_GROUPS: Final = b"="
_DELIMITERS: Final = frozenset(b"^\\\r\n\t\f")
"""Behind these, the first character set is in use again (PS3.5 6.1.2.5.3)."""
_SYMBOLS: Final = frozenset({"Sc", "Sk", "Sm", "So", "No", "Cc"})
_EAST_ASIAN: Final = frozenset({"CJK", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA", "HANGUL", "IDEOGRAPHIC"})


def character_sets_of(dataset: Dataset) -> list[str]:
    """Return the values of Specific Character Set, as they stand."""
    said = value_of(dataset, "SpecificCharacterSet")
    return [said] if isinstance(said, str) else [str(name) for name in said or ()]


def encodings_of(said: Iterable[str]) -> list[str]:
    """Return Python's names of declared character sets; Python is asked for none that DICOM does not know.

    All others that an escape sequence can name come behind them: it says by itself what follows.
    """
    names = [_spelt(name) for name in said]
    if any(name not in python_encoding for name in names):
        names = [""]
    with quietly():  # pydicom warns of sets that cannot stand beside others
        encodings = convert_encodings(names) if names else []
    if not names or names[0] in {"", "ISO_IR 6", "ISO 2022 IR 6"}:
        encodings[:1] = [ASCII]
    if names and names[0] in STAND_ALONE_ENCODINGS:
        return encodings[:1]
    return list(dict.fromkeys((*encodings, *CODES_TO_ENCODINGS.values())))


def decoded(value: bytes, encodings: Sequence[str], *, is_name: bool) -> str:
    """Decode a value.

    Args:
        is_name: whether it is a PN, whose groups are encoded each for itself.
    """
    if is_name:
        return "=".join(_decoded(group, encodings) for group in value.split(_BETWEEN_GROUPS))
    return _decoded(value, encodings)


def _decoded(value: bytes, encodings: Sequence[str]) -> str:
    text, utf_8 = _as_declared(value, encodings), _as_utf_8(value)
    # What one byte stands for is a sign and no letter where UTF-8 was written under another name.
    is_doubtful = utf_8 is not None and any(unicodedata.category(letter) in _SYMBOLS for letter in text or "")
    if text is not None and not is_doubtful:
        return text
    return utf_8 or "".join(chr(byte) if 0x20 <= byte < 0x7F else f"\ufffd{byte:02X}" for byte in value)


def _as_declared(value: bytes, encodings: Sequence[str]) -> str | None:
    """Decode a value with its escape sequences (PS3.5 6.1.2.5); None where that cannot be.

    pydicom 3.0.2 leaves those of GB 2312 in the text, and writes U+FFFD or Latin-1 for what it cannot decode.
    """
    try:
        start, *parts = _ESCAPES.split(value)
        if len(encodings) == 1:  # of sets that stand alone, none of these may be there
            return None if not CODES_TO_ENCODINGS.keys().isdisjoint(parts) else value.decode(encodings[0])
        text = start.decode(encodings[0])
        for escape, part in zip(parts[::2], parts[1::2], strict=True):
            text += _after(escape, part, encodings)
    except UnicodeDecodeError:
        return None
    return None if any("\x7f" <= letter < "\xa0" or letter == "\x1b" for letter in text) else text


def _after(escape: bytes, part: bytes, encodings: Sequence[str]) -> str:
    encoding = encodings[0] if escape == _TO_ASCII else CODES_TO_ENCODINGS.get(escape)
    if encoding is None or encoding not in encodings:
        return escape.decode()
    if encoding in _STATEFUL:
        return (escape + part).decode(encoding)
    end = next((at for at, byte in enumerate(part) if byte in _DELIMITERS), len(part))
    return part[:end].decode(encoding) + part[end:].decode(encodings[0])


def _as_utf_8(value: bytes) -> str | None:
    """Return a value that is UTF-8, of letters of one script: two in another encoding may look like one."""
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return None
    scripts = {unicodedata.name(letter, "?").split()[0] for letter in text if letter > "\x7f"}
    is_one = len(scripts) == 1 or scripts <= _EAST_ASIAN
    return text if scripts and is_one and "\x1b" not in text else None


def _spelt(name: str) -> str:
    """Return a defined term as it is spelt: "ISO-IR 100" and "UTF-8" are common."""
    plain = name.strip(" \0").upper()
    if match := re.fullmatch(r"ISO[ _-]?(2022)?[ _-]?IR[ _-]?([0-9]{1,3})", plain):
        return f"ISO 2022 IR {match[2]}" if match[1] else f"ISO_IR {match[2]}"
    return "ISO_IR 192" if plain in {"UTF-8", "UTF8"} else plain
