"""Which letters are text: what hides, turns or steers the text around it is none, whoever sends it."""

import unicodedata
from typing import Final

# NUL is refused by Postgres, an escape acts on the terminal that shows a report, C1 holds escapes too (Cc);
# an override shows another text than was sent, a tag shows none (Cf); half a letter cannot be written (Cs).
_REFUSED: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_BLANK_LETTERS: Final = frozenset("\u115f\u1160\u3164\uffa0")


def without_unseen(text: str) -> str:
    """Return a file's line without what is refused of a client: it is the device's, and must be shown."""
    return "".join(letter for letter in text if is_text(letter))


def is_text(letter: str) -> bool:
    """Tell whether a letter is shown as itself, and leaves its neighbours as they are."""
    is_noncharacter = ord(letter) & 0xFFFE == 0xFFFE or "\ufdd0" <= letter <= "\ufdef"
    return not (unicodedata.category(letter) in _REFUSED or letter in _BLANK_LETTERS or is_noncharacter)
