"""Who is let in, and for how long: what the connections of one server share, and their limits.

Nobody is refused for being idle while there is room: past the most connections, the one that has been
waiting longest makes way for the next. Once a second the door looks at every connection's clock.
"""

import resource
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from api import metrics

if TYPE_CHECKING:
    from api.connections import Connection

PROBES: Final = frozenset({"/healthz", "/readyz", "/metrics"})
"""What operators ask: served however full the server is, and never counted."""
SPARE_CONNECTIONS: Final = 64
"""Past the most connections, these are let in as far as their first line: a probe among them is answered."""
FILES_ASIDE: Final = 1024
"""Descriptors that are no connection's: of Postgres, the object store, the broker, and uploads on disk."""
LATE_SECONDS: Final = 5.0
"""Between two looks, of which there should be one a second."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of everything.

    Attributes:
        head_bytes: of a request line and its headers; of chunk extensions and trailers too.
        head_seconds: from when a connection owes us a head to the end of that head.
        least_rate: bytes a second of a body that arrives or an answer that is read, on average over
            `window_seconds`. A line of 1 Mbit/s has a hundred times as much, and may pause for half a minute.
        unsent_bytes: of answers that nobody has read yet, of all connections together.
    """

    connections: int = 4096
    url_bytes: int = 8 * 1024
    head_bytes: int = 32 * 1024
    head_seconds: float = 20
    least_rate: float = 1000
    window_seconds: float = 30
    unsent_bytes: int = 256 << 20


def room_for(connections: int) -> int:
    """Take as many descriptors as the system gives, and return how many connections they are enough for."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    if most == resource.RLIM_INFINITY:
        return connections
    return max(1, min(connections, max(most - FILES_ASIDE, most // 2)))


class Door:
    """What the connections of one server share."""

    def __init__(self, limits: Limits, *, users: frozenset[int] | None = None) -> None:
        """Have nobody in yet.

        Args:
            users: of this machine, whose connections are served; None means everybody's.
        """
        self.limits = limits
        self.users = users
        self._connections: set[Connection] = set()
        self._looked = 0.0
        self._waiting: dict[Connection, None] = {}
        """Those that owe us a request, in the order in which they began to."""

    @property
    def is_full(self) -> bool:
        """Whether more are here than may be."""
        return len(self._connections) > self.limits.connections

    def admit(self, connection: "Connection") -> None:
        """Take in a new connection; past the limit the one that has waited longest makes way for it."""
        self._connections.add(connection)
        self.starts_to_wait(connection)
        if not self.is_full:
            return
        longest = next(iter(self._waiting))
        if longest is not connection:
            metrics.REFUSED.labels("idle").inc()
            longest.abort()
        elif len(self._connections) <= self.limits.connections + SPARE_CONNECTIONS:
            connection.is_spare = True
        else:
            metrics.REFUSED.labels("full").inc()
            connection.abort()

    def let_go(self, connection: "Connection") -> None:
        """Forget one that is lost."""
        self._connections.discard(connection)

    def starts_to_wait(self, connection: "Connection") -> None:
        """Note that it owes us a request from now on."""
        self._waiting[connection] = None

    def waits_no_more(self, connection: "Connection") -> None:
        """Note that its request is here, or that it is gone."""
        self._waiting.pop(connection, None)

    def look(self, now: float) -> None:
        """Close whatever takes too long; called once a second."""
        # A process that was held up itself blames nobody.
        is_late = now - self._looked > LATE_SECONDS
        self._looked = now
        for connection in list(self._connections):
            if is_late:
                connection.restart_clock(now)
            connection.look(now)
        unsent = sum(connection.unsent for connection in self._connections)
        if unsent <= self.limits.unsent_bytes:
            return
        for connection in sorted(self._connections, key=lambda each: each.unsent, reverse=True):
            unsent -= connection.unsent
            metrics.REFUSED.labels("unread").inc()
            connection.abort()
            if unsent <= self.limits.unsent_bytes:
                return
