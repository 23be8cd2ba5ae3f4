"""Places for work that takes long: so many in all, and never all of them for one caller."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from api.problems import too_many, unavailable

RETRY_SECONDS: Final = 2


class Places:
    """A number of places. All methods belong to the event loop.

    A caller may hold as many as are free: alone half of all, and less the more others are there, so a
    place is left for whoever comes next (the dynamic threshold of Choudhury and Hahne, 1998). Callers are
    keys, not tenants: a hospital's archive must not shut out the same hospital's wards.
    """

    def __init__(self, count: int, *, what: str) -> None:
        """Take what the places are for, as an answer names it."""
        self._free = count
        self._what = what
        self._held: Counter[str] = Counter()

    @property
    def held(self) -> int:
        """How many are taken."""
        return self._held.total()

    @contextmanager
    def place_of(self, who: str) -> Iterator[None]:
        """Hold a place for the block.

        Raises:
            ProblemError: 503 when none is free, 429 when the free ones are kept for others.
        """
        if self._free == 0:
            message = f"more {self._what} are under way than this server can hold"
            raise unavailable(message)
        if self._held[who] >= self._free:
            message = f"{self._held[who]} {self._what} of this key are under way; the rest is kept for others"
            raise too_many(message, seconds=RETRY_SECONDS)
        self._free -= 1
        self._held[who] += 1
        try:
            yield
        finally:
            self._free += 1
            self._held[who] -= 1
            if not self._held[who]:
                del self._held[who]
