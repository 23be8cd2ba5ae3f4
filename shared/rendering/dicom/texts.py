"""What text each kind of DICOM element takes (PS3.5 section 6.2): whatever was typed becomes valid.

An identifier is never cut, since what is left could be somebody else's.
"""

from typing import Final

from shared.plain_text import without_unseen
from shared.rendering.names import groups_of

LONG_STRING: Final = 64
"""Characters of LO, of a group of PN, and of a code's meaning."""
SHORT_STRING: Final = 16
SHORT_TEXT: Final = 1024


def line(text: str, longest: int = LONG_STRING) -> str:
    r"""Return a text on one line, for LO, SH, UC and text items: cut where it is longer.

    A backslash separates values there, so it becomes a slash.
    """
    plain = " ".join(without_unseen(" ".join(text.split())).replace("\\", "/").split())
    return plain if len(plain) <= longest else f"{plain[: longest - 3].rstrip()}..."


def identifier(text: str | None, longest: int) -> str | None:
    """Return an identifier as it is, or None where DICOM cannot hold it."""
    return text if text and text == line(text, longest) else None


def paragraphs(text: str) -> str:
    """Return a text for UT, ST and LT: its lines end as DICOM has them, and hold what is shown."""
    return "\r\n".join(without_unseen(" ".join(row.split())) for row in text.splitlines()).strip()


def person_name(name: str | None) -> str:
    """Return a name that is written as DICOM writes one: at most three groups of five parts each."""
    groups = ["^".join(map(line, group))[:LONG_STRING].rstrip("^ ") for group in groups_of(name or "")]
    return "=".join(groups).rstrip("=")


def name_of_person(name: str) -> str:
    """Return a name as a person writes their own: nobody knows its parts, so it is all family name.

    The caret after it says that this is one, and not a name in a form that the standard gave up.
    """
    return line(name.replace("^", " ").replace("=", " "), LONG_STRING - 1) + "^"
