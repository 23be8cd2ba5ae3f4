"""What every test may use: the real Postgres, broker and S3 server, once a session, and the radiographs."""

import csv
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from migrations.__main__ import upgrade
from shared.records.database import Database
from shared.settings import DatabaseSettings, QueueSettings, StorageSettings
from shared.storage import Storage
from tests.support.builders import empty_tables
from tests.support.stack import InfraStack

# The developer's own settings must not leak into a test; CXR_TEST_DATA and CXR_TEST_DEVICE are for the tests.
for _name in [name for name in os.environ if name.startswith("CXR_") and not name.startswith("CXR_TEST_")]:
    del os.environ[_name]
# Where it is set, every process that a test starts compiles all its sources anew, seconds each time.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False


@pytest.fixture(scope="session")
def infra(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InfraStack]:
    """Return the running servers."""
    with InfraStack(tmp_path_factory.mktemp("infra")) as stack:
        yield stack


@pytest.fixture(scope="session")
def migrated(infra: InfraStack) -> Iterator[Database]:
    """Return a database with the schema, with whatever earlier tests left in it."""
    database = Database(DatabaseSettings(url=infra.database_url))
    with database.session() as session:
        upgrade(session.connection())
    yield database
    database.close()


@pytest.fixture
def database(migrated: Database) -> Database:
    """Return an empty database."""
    empty_tables(migrated)
    return migrated


@pytest.fixture(scope="session")
def storage(infra: InfraStack) -> Storage:
    """Return the object store, with its bucket made."""
    store = Storage(
        StorageSettings(
            endpoint=infra.storage_endpoint,
            access_key=infra.storage_access_key,
            secret_key=infra.storage_secret_key,
        )
    )
    store.ensure_bucket()
    return store


@pytest.fixture(scope="session")
def queue_settings(infra: InfraStack) -> QueueSettings:
    """Return the way to the broker."""
    return QueueSettings(url=infra.broker_url)


@pytest.fixture(scope="session")
def test_data() -> Path | None:
    """Return the folder of real radiographs, where there is one."""
    folder = os.environ.get("CXR_TEST_DATA")
    return Path(folder) if folder else None


@pytest.fixture(scope="session")
def samples() -> Path:
    """Return the folder of synthetic radiographs."""
    return Path(__file__).parents[1] / "samples"


@pytest.fixture(scope="session")
def real_chests(test_data: Path | None) -> list[Path]:
    """Return the DICOM files that the index of the real data calls chest radiographs."""
    if test_data is None:
        return []
    with (test_data / "dicom" / "INDEX.csv").open(encoding="utf-8") as index:
        rows = [row for row in csv.DictReader(index) if row["is_chest_radiograph"] == "yes"]
    return [test_data / "dicom" / row["file"] for row in rows]
