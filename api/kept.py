"""Answers to polls that still hold: what a study's body was when it was last asked of Postgres.

    ask -> (Postgres) -> keep          whoever reads a study from Postgres
    find                               whoever answers a poll
    forget, forget_all                 the change feed, and whoever has just changed something

An answer holds until its study changes, and this process hears of every change; while it might not, nothing
is found. An open study is not kept: what puts its closing off tells nobody.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Final
from weakref import WeakValueDictionary

from shared.domain.studies import StudyId, StudyStatus, TenantId

RETRY_AFTER: Final = {"Retry-After": "1"}
"""Seconds between polls that we ask clients for while a study is under way."""
MOST_BYTES: Final = 64 << 20
"""Of all bodies that are kept by one process."""


@dataclass(frozen=True)
class Kept:
    """A study as polls are answered.

    Attributes:
        body: JSON.
    """

    id: StudyId
    tenant_id: TenantId
    status: StudyStatus
    etag: str
    body: bytes

    @cached_property
    def headers(self) -> dict[str, str]:
        """What every answer of it says, with its body or without."""
        headers = {"ETag": self.etag, "Cache-Control": "private, no-cache"}
        return headers if self.status.is_final else headers | RETRY_AFTER

    @cached_property
    def raw_headers(self) -> list[tuple[bytes, bytes]]:
        """The same, as they go over the wire."""
        return [(name.lower().encode(), value.encode()) for name, value in self.headers.items()]


class Asking:
    """That a study is being asked of Postgres; `holds` until it changes meanwhile."""

    __slots__ = ("__weakref__", "holds", "study_id")

    def __init__(self, study_id: StudyId) -> None:
        self.study_id = study_id
        self.holds = True


class KeptStudies:
    """Those of one process. All methods belong to the event loop."""

    def __init__(self, *, hears: Callable[[], bool], most_bytes: int = MOST_BYTES) -> None:
        """Take `hears`, which says whether every change is heard of right now."""
        self._hears = hears
        self._most_bytes = most_bytes
        self._bytes = 0
        self._kept: OrderedDict[StudyId, Kept] = OrderedDict()
        # An entry is gone when the last one who asks has let go of it.
        self._asking: WeakValueDictionary[StudyId, Asking] = WeakValueDictionary()

    def find(self, study_id: StudyId) -> Kept | None:
        """Return what still holds of a study."""
        kept = self._kept.get(study_id)
        if kept is None or not self._hears():
            return None
        self._kept.move_to_end(study_id)
        return kept

    def ask(self, study_id: StudyId) -> Asking:
        """Begin to ask: before the statement that reads the study."""
        asking = self._asking.get(study_id)
        if asking is None:
            asking = self._asking[study_id] = Asking(study_id)
        return asking

    def keep(self, asking: Asking, kept: Kept) -> None:
        """Keep what was read, unless the study changed since it was asked for."""
        if not asking.holds or kept.status is StudyStatus.OPEN or len(kept.body) > self._most_bytes:
            return
        self._drop(kept.id)
        self._kept[kept.id] = kept
        self._bytes += len(kept.body)
        while self._bytes > self._most_bytes:
            self._drop(next(iter(self._kept)))

    def forget(self, study_id: StudyId) -> None:
        """Let go of what is known of a study: it changed."""
        self._drop(study_id)
        asking = self._asking.pop(study_id, None)
        if asking is not None:
            asking.holds = False

    def forget_all(self) -> None:
        """Let go of everything: anything may have changed."""
        self._kept.clear()
        self._bytes = 0
        for asking in list(self._asking.values()):
            asking.holds = False
        self._asking.clear()

    def _drop(self, study_id: StudyId) -> None:
        kept = self._kept.pop(study_id, None)
        if kept is not None:
            self._bytes -= len(kept.body)
