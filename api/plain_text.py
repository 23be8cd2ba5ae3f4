"""Text that a client gives: kept and shown as it is, so it may hold nothing that hides or turns text.

`PlainText` is prose of several lines; `Line` is what people tell apart by eye: a name, a patient's id.
"""

from typing import Annotated, Final

from pydantic import AfterValidator

from shared.plain_text import is_text

_LAYOUT: Final = frozenset("\t\n\r")
# Persian and the scripts of India are misspelt without the joiners, and Arabic or Hebrew beside numbers is
# misread without the marks. They turn no more than their neighbours; what turns a whole passage is refused.
_JOINERS_AND_MARKS: Final = frozenset("\u200c\u200d\u200e\u200f\u061c")


def _check_prose(text: str) -> str:
    return _check(text, allowed=_LAYOUT | _JOINERS_AND_MARKS)


def _check_line(text: str) -> str:
    return _check(text, allowed=frozenset())


def _check(text: str, *, allowed: frozenset[str]) -> str:
    for letter in text:
        if letter not in allowed and not is_text(letter):
            message = f"the character U+{ord(letter):04X} is not text here"
            raise ValueError(message)
    return text


PlainText = Annotated[str, AfterValidator(_check_prose)]
Line = Annotated[str, AfterValidator(_check_line)]
