"""How often one caller may call: counted in this process, forgotten when the window ends."""

import ipaddress
import time
from collections import Counter
from typing import Final

from api import metrics
from api.problems import too_many
from shared.settings import ApiSettings

FAILURES_SECONDS: Final = 60
REQUESTS_SECONDS: Final = 10
_MOST_COUNTED: Final = 100_000
"""Callers counted in one window; past it the counts begin anew."""
_SITE: Final = 64
"""Bits of an IPv6 address that a customer is given as one; the rest is theirs to choose."""


class Rate:
    """So many times within a window; 0 means any number of times.

    Not the library `limits`: every 10 ms its storage in memory walks over all that it counts, which
    an attacker with many addresses can make long.
    """

    def __init__(self, most: int, *, seconds: float, what: str) -> None:
        """Take what is counted, as an answer names it."""
        self._most = most
        self._seconds = seconds
        self._what = what
        self._counts: Counter[str] = Counter()
        self._ends = 0.0

    def check(self, who: str) -> None:
        """Refuse whoever has had all of theirs.

        Raises:
            ProblemError: 429, with the seconds until the next window.
        """
        now = time.monotonic()
        if now >= self._ends or len(self._counts) > _MOST_COUNTED:
            self._counts.clear()
            self._ends = now + self._seconds
        if self._most and self._counts[who] >= self._most:
            metrics.REFUSED.labels("rate").inc()
            message = f"more than {self._most} {self._what} in {self._seconds:g} s"
            raise too_many(message, seconds=self._ends - now)

    def count(self, who: str) -> None:
        """Count one more; raises as `check` does."""
        self.check(who)
        self._counts[who] += 1


class Rates:
    """What is counted of callers."""

    def __init__(self, settings: ApiSettings) -> None:
        requests = settings.max_request_rate * REQUESTS_SECONDS
        self.of_keys = Rate(requests, seconds=REQUESTS_SECONDS, what="requests of this key")
        self.of_strangers = Rate(requests, seconds=REQUESTS_SECONDS, what="requests of this address")
        self.failures = Rate(
            settings.max_failed_keys, seconds=FAILURES_SECONDS, what="unknown keys from this address"
        )


def address_of(client: tuple[str, int] | None) -> str:
    """Return who calls, as far as an address tells: of IPv6 the site."""
    host = client[0] if client else ""
    if ":" not in host:
        return host
    try:
        return str(ipaddress.IPv6Network((host, _SITE), strict=False))
    except ValueError:
        return host
