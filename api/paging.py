"""Cursors: where a list goes on. Opaque to clients, so that the key behind them may change."""

import base64
import binascii
from typing import Final
from uuid import UUID

from api.problems import Code, ProblemError

_VERSION: Final = b"1"


def cursor_after(last: UUID) -> str:
    """Return the cursor of the page that follows the item `last`."""
    return base64.urlsafe_b64encode(_VERSION + last.bytes).rstrip(b"=").decode()


def position_of(cursor: str | None) -> UUID | None:
    """Return the item that the cursor's page follows; None for the first page.

    Raises:
        ProblemError: this is not a cursor that `cursor_after` made.
    """
    if cursor is None:
        return None
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if len(raw) != 17 or raw[:1] != _VERSION:
        message = "the cursor was not made by this list"
        raise ProblemError(Code.BAD_CURSOR, message)
    return UUID(bytes=raw[1:])
