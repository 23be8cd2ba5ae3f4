"""What several of the tests on real servers use."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import httpx
import pytest

from shared.records.database import Database
from shared.settings import QueueSettings
from shared.storage import Storage
from shared.work import queue
from shared.work.handling import Workplace
from shared.work.heartbeat import Heartbeat
from tests.support.api import ApiServer
from tests.support.builders import WORKER
from tests.support.databases import new_database
from tests.support.stack import InfraStack
from tests.support.wires import Wire


@pytest.fixture(scope="module")
def api(infra: InfraStack, migrated: Database, storage: Storage) -> Iterator[ApiServer]:
    """Return an API without keys; modules that need another have their own."""
    with ApiServer(infra) as server:
        yield server


@pytest.fixture
def client(api: ApiServer, database: Database) -> httpx.Client:
    """Return a client of it, over an empty database."""
    return api.client()


@pytest.fixture
def workplace(database: Database, queue_settings: QueueSettings) -> Iterator[Workplace]:
    """Return what a worker stands on, for tests that do its work themselves."""
    heartbeat = Heartbeat(database, queue_settings)
    yield Workplace(database, queue.create_app("test", queue_settings), heartbeat, queue_settings, WORKER)
    heartbeat.stop()


@pytest.fixture
def wire() -> Iterator[Callable[[ApiServer], Wire]]:
    """Return what opens bare connections, which are closed with the test."""
    with ExitStack() as sockets:

        def connect(api: ApiServer) -> Wire:
            connected = Wire(api.port)
            sockets.callback(connected.socket.close)
            return connected

        yield connect


@pytest.fixture
def empty(infra: InfraStack) -> Iterator[Database]:
    """Return a database of its own, without a table in it."""
    database = new_database(infra, "empty")
    yield database
    database.close()
