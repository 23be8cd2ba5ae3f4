"""Remembers for a moment that a server did not answer, so that not everybody waits to find it out."""

import time
from typing import Final

from shared.errors import TryAgainError

HOLDS_SECONDS: Final = 2.0
"""How long one that waited in vain speaks for all; as long as clients are asked to stay away."""


class Silence:
    """What one process knows of one server."""

    def __init__(self, server: str) -> None:
        self._server = server
        self._until = 0.0

    def note(self) -> None:
        """Remember that a call waited in vain."""
        self._until = time.monotonic() + HOLDS_SECONDS

    def check(self) -> None:
        """Spare a call the wait.

        Raises:
            TryAgainError: another call has just waited in vain.
        """
        if time.monotonic() < self._until:
            message = f"{self._server} did not answer a moment ago"
            raise TryAgainError(message)
