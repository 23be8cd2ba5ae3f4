"""Text that a client gives: kept and shown as it is, so it may hold nothing that hides or turns text.

`PlainText` is prose of several lines; `Line` is what people tell apart by eye: a name, a patient's id.
"""

import unicodedata
from typing import Annotated, Final

from pydantic import AfterValidator

_LAYOUT: Final = frozenset("\t\n\r")
# Persian and the scripts of India are misspelt without the joiners, and Arabic or Hebrew beside numbers is
# misread without the marks. They turn no more than their neighbours; what turns a whole passage is refused.
_JOINERS_AND_MARKS: Final = frozenset("\u200c\u200d\u200e\u200f\u061c")
# NUL is refused by Postgres, an escape acts on the terminal that shows a report, C1 holds escapes too (Cc);
# an override shows another text than was sent, a tag shows none (Cf); half a letter cannot be written (Cs).
_REFUSED: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_BLANK_LETTERS: Final = frozenset("\u115f\u1160\u3164\uffa0")


def without_unseen(text: str) -> str:
    """Return a file's line without what is refused of a client: it is the device's, and must be shown."""
    return "".join(letter for letter in text if not _is_no_text(letter))


def _check_prose(text: str) -> str:
    return _check(text, allowed=_LAYOUT | _JOINERS_AND_MARKS)


def _check_line(text: str) -> str:
    return _check(text, allowed=frozenset())


def _check(text: str, *, allowed: frozenset[str]) -> str:
    for letter in text:
        if letter not in allowed and _is_no_text(letter):
            message = f"the character U+{ord(letter):04X} is not text here"
            raise ValueError(message)
    return text


def _is_no_text(letter: str) -> bool:
    is_noncharacter = ord(letter) & 0xFFFE == 0xFFFE or "\ufdd0" <= letter <= "\ufdef"
    return unicodedata.category(letter) in _REFUSED or letter in _BLANK_LETTERS or is_noncharacter


PlainText = Annotated[str, AfterValidator(_check_prose)]
Line = Annotated[str, AfterValidator(_check_line)]
