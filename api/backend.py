"""What the routes stand on: one database, one object store, one queue, one connection that listens."""

import contextlib
from queue import Full, Queue
from threading import Thread
from typing import Annotated, Final

import structlog
from anyio import CapacityLimiter
from celery import Celery
from fastapi import Depends, Request

from api.auth import KeyRing
from api.door import room_for
from api.feed import ChangeFeed
from api.lanes import Lane
from api.places import Places
from api.rates import Rates
from shared.bucket import SHORT
from shared.intake.studies import Intake
from shared.records.database import Database
from shared.records.moves import Hint
from shared.settings import ApiSettings, DatabaseSettings, QueueSettings, StorageSettings
from shared.storage import Storage
from shared.work import queue

MOST_UNSENT_HINTS: Final = 1000
"""Past this many the broker is away; the sweeper hints when it is back."""
MOST_UPLOADS: Final = 64
"""Requests whose files are received at once; each may hold temporary files up to the request's limit."""
UPLOAD_THREADS: Final = 16
"""Of the received ones, how many are checked and stored at once."""
READING_THREADS: Final = 16
"""Pictures and originals that are read from the object store at once, and studies erased from it."""
MOST_ORIGINALS: Final = 32
"""Originals that are on their way to clients; each is a temporary file until its client has it."""

log = structlog.get_logger()


class HintSender:
    """Sends hints beside the requests, so that a broker that is away holds up none of them."""

    def __init__(self, app: Celery) -> None:
        self.app = app
        self._unsent: Queue[Hint | None] = Queue(MOST_UNSENT_HINTS)
        self._thread = Thread(target=self._send_all, name="hints", daemon=True)
        self._thread.start()

    def send(self, hint: Hint) -> None:
        """Send soon; call it after the commit."""
        try:
            self._unsent.put_nowait(hint)
        except Full:
            log.warning("hint.dropped", stage=hint.stage)

    def close(self) -> None:
        """Send what is left if the broker lets us, and let go of it."""
        with contextlib.suppress(Full):
            self._unsent.put_nowait(None)
        self._thread.join(timeout=3)
        self.app.close()

    def _send_all(self) -> None:
        while (hint := self._unsent.get()) is not None:
            try:
                queue.send_hint(self.app, hint)
            except Exception as error:
                # Whatever it was, the hints after it are to be sent; the sweeper makes up for this one.
                log.exception("hint.unsent", stage=hint.stage, error=type(error).__name__)


class Backend:
    """One of each."""

    def __init__(
        self,
        settings: ApiSettings,
        *,
        database: DatabaseSettings,
        storage: StorageSettings,
        queue_settings: QueueSettings,
    ) -> None:
        self.settings = settings
        self.database = Database(database)
        self.storage = Storage(storage, SHORT)
        self.hints = HintSender(queue.create_app("api", queue_settings))
        self.intake = Intake(self.database, self.storage, self.hints.send)
        self.broker = queue.connect_broker(queue_settings)
        self.feed = ChangeFeed(database, on_keys_changed=self._forget_keys)
        self.requests = Places(room_for(settings.max_connections), what="requests")
        self.uploads = Places(MOST_UPLOADS, what="uploads")
        self.upload_threads = CapacityLimiter(UPLOAD_THREADS)
        self.reading = Lane("the object store", threads=READING_THREADS)
        self.originals = Places(MOST_ORIGINALS, what="originals")
        self.rates = Rates(settings)
        self.key_ring = KeyRing(settings, self.database, may_remember=lambda: self.feed.connected)

    def close(self) -> None:
        """Let go of everything."""
        self.hints.close()
        self.reading.close()
        self.broker.close()
        self.database.close()

    def _forget_keys(self) -> None:
        self.key_ring.forget()


async def _backend_of(request: Request) -> Backend:
    # A coroutine, though it waits for nothing: FastAPI would call a plain function in a thread.
    backend: Backend = request.app.state.backend
    return backend


BackendDep = Annotated[Backend, Depends(_backend_of)]
"""How a route asks for the backend."""
