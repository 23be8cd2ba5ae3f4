"""Pages of a list, newest first: what is asked for, and the cursor of the page that follows.

Cursors are opaque to clients, so that the key behind them may change.
"""

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Final, TypeVar
from uuid import UUID

from fastapi import Depends, Query

from api.problem_kinds import Code
from api.problems import ProblemError

_VERSION: Final = b"1"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Wanted:
    """The page that a request asks for.

    Attributes:
        before: the item that it follows; None for the first page.
    """

    limit: int
    before: UUID | None

    @property
    def with_next(self) -> int:
        """How many items to read: one more than the page holds tells whether another follows."""
        return self.limit + 1

    def cut(self, found: Sequence[T], id_of: Callable[[T], UUID]) -> tuple[Sequence[T], str | None]:
        """Return the page's items, of the `with_next` that were read, and the next page's cursor."""
        items = found[: self.limit]
        return items, cursor_after(id_of(items[-1])) if len(found) > self.limit else None


async def _wanted(
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
) -> Wanted:
    return Wanted(limit, position_of(cursor))


Page = Annotated[Wanted, Depends(_wanted)]
"""How a route that lists things asks for the page it is to return."""


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
