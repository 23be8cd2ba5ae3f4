"""What the routes stand on: one database, one object store, one queue, one connection that listens."""

from typing import Annotated, Final

from anyio import CapacityLimiter
from fastapi import Depends, Request

from api.auth import KeyRing
from api.door import room_for
from api.feed import ChangeFeed
from api.kept import KeptStudies
from api.lanes import Lane
from api.places import Places
from api.rates import Rates
from shared.bucket import SHORT
from shared.intake.studies import Intake
from shared.records.database import Database
from shared.settings import ApiSettings, DatabaseSettings, QueueSettings, StorageSettings
from shared.storage import Storage
from shared.work import queue
from shared.work.hints import HintSender

MOST_UPLOADS: Final = 64
"""Requests whose files are received at once; each may hold temporary files up to the request's limit."""
UPLOAD_THREADS: Final = 16
"""Of the received ones, how many are checked and stored at once."""
READING_THREADS: Final = 16
"""Pictures and originals that are read from the object store at once, and studies erased from it."""
MOST_ORIGINALS: Final = 32
"""Originals that are on their way to clients; each is a temporary file until its client has it."""


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
        self.kept = KeptStudies(hears=lambda: self.feed.hears_all)
        self.feed = ChangeFeed(
            database,
            self.database,
            on_keys_changed=self._forget_keys,
            on_study_changed=self.kept.forget,
            on_unknown=self.kept.forget_all,
        )
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
