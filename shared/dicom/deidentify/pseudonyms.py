"""What stands in for ids, names, UIDs and dates: made from them by a secret key, not to be undone without it.

One patient has one pseudonym within a project, in every file and every run; in another project, or under
another key, they have another one. A patient's dates move by one number of days, so that intervals stay.
"""

import base64
import hmac
import unicodedata
import uuid
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

LEAST_KEY_BYTES: Final = 32
_LONGEST_SHIFT: Final = 3650
"""Days; all go into the past, so that no date lies in the future."""


@dataclass(frozen=True, slots=True)
class Patient:
    """What stands in for one patient.

    Attributes:
        name: for the id and the name: 16 letters and digits.
        back: how far their dates move into the past.
    """

    name: str
    back: timedelta


class Pseudonyms:
    """A project's."""

    def __init__(self, key: bytes, *, project: str) -> None:
        """Take a secret.

        Raises:
            ValueError: it is too short to be one.
        """
        if len(key) < LEAST_KEY_BYTES:
            message = f"the key for pseudonyms has {len(key)} bytes; it needs at least {LEAST_KEY_BYTES}"
            raise ValueError(message)
        self._key = hmac.digest(key, f"project {project}".encode(), "sha256")

    def patient(self, *identity: str) -> Patient:
        """Return what stands in for the patient whom these say: case, padding and forms of letters aside."""
        digest = self._digest("patient", *map(_plain, identity))
        days = 1 + int.from_bytes(digest[16:24]) % _LONGEST_SHIFT
        return Patient(_letters(digest), timedelta(days=days))

    def number(self, value: str) -> str:
        """Return what stands in for an accession number or a local code: 16 letters and digits."""
        return _letters(self._digest("number", _plain(value)))

    def uid(self, value: str) -> str:
        """Return what stands in for a UID: a UUID's number below 2.25 (PS3.5 B.2)."""
        digest = self._digest("uid", value.strip(" \0"))
        return f"2.25.{uuid.UUID(bytes=digest[:16], version=4).int}"

    def _digest(self, *parts: str) -> bytes:
        return hmac.digest(self._key, "\0".join(parts).encode(), "sha256")


def shifted(day: date, patient: Patient) -> date | None:
    """Move a date; None where there is no such day."""
    try:
        return day - patient.back
    except OverflowError:
        return None


def _letters(digest: bytes) -> str:
    return base64.b32encode(digest[:10]).decode("ascii")


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().replace("\0", " ").split())
