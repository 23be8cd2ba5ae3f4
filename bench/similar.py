"""Similar studies among many: the index against reading every vector, in time and in what is found.

Reference: the same statement with the index switched off, which reads all vectors of the tenant and so finds
the true nearest. Both run on the real Postgres, in turns, through `shared.records.embeddings.nearest`. The
vectors are made up: as long as the bundled classifier's, around centres, as pictures of one kind are. Each is
of a study of its own. 1,000,000 take 14 GB of disk and hours of two cores: `--studies 100000` says as much of
the shape.
"""

import struct
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any, Final
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from psycopg2.extensions import get_wait_callback, set_wait_callback
from rich.progress import Progress
from sqlalchemy import text

from bench.measure import Options, alternate, compare
from bench.results import Breakdown, Result
from bench.stack import Stack
from shared.domain.embeddings import Embedding
from shared.domain.findings import ModelVersion
from shared.domain.studies import DEFAULT_TENANT, StudyId
from shared.records import embeddings, vector_indexes
from shared.records.database import Database, Session
from shared.records.embeddings import EncoderRecord
from shared.settings import DatabaseSettings

NAME: Final = "similar"
_DIMENSIONS: Final = 1280
_CENTRES: Final = 200
_AT_ONCE: Final = 5_000
"""Rows of one COPY: 50 MB."""
_ENCODER: Final = EncoderRecord(ModelVersion("made-up", "1", "a" * 64), _DIMENSIONS)
_NEAREST: Final = 10
_REAL: Final = 700
_ELEMENT: Final = np.dtype([("length", ">i4"), ("value", ">f4")])
"""Postgres' number of the type real, and how one stands in an array."""


@dataclass(slots=True)
class _Side:
    """One way to search.

    Attributes:
        off: what is switched off for it.
        milliseconds: of a search, one a round.
        found: the studies of each search, by the study that was asked about.
    """

    off: str
    milliseconds: list[float] = field(default_factory=list)
    found: dict[StudyId, set[StudyId]] = field(default_factory=dict)

    def search(self, database: Database, asked: StudyId) -> None:
        """Ask for the nearest of one study."""
        with database.session() as session:
            if self.off:
                session.execute(text(f"SET LOCAL {self.off} = off"))
            begun = time.perf_counter()
            near = embeddings.nearest(session, asked, _ENCODER, limit=_NEAREST)
            self.milliseconds.append(1000 * (time.perf_counter() - begun))
        self.found[asked] = {neighbour.study_id for neighbour in near}


def main(options: Options, progress: Progress) -> Result:
    """Measure."""
    count, rounds = options.count(10_000, 1_000_000), options.choose(20, 100)
    task = progress.add_task("similar: starting Postgres", total=count)
    with Stack(()) as stack:
        database = Database(DatabaseSettings(url=stack.database_url()), longest_statement=None)
        with database.session() as session:
            studies = _make_studies(session, count + 2 * rounds)
            _load(session, studies[:count], lambda done: progress.update(task, completed=done))
        progress.update(task, description="similar: writing without an index", total=None)
        bare = _writes(database, studies[count : count + rounds])
        progress.update(task, description="similar: making the index")
        begun = time.perf_counter()
        with database.session() as session:
            # As an administrator would who has the memory: it is the graph of 100,000 vectors and more.
            session.execute(text("ALTER ROLE CURRENT_USER SET maintenance_work_mem = '2GB'"))
        database.engine.dispose()
        vector_indexes.make_missing(database)
        seconds = time.perf_counter() - begun
        progress.update(task, description="similar: writing beside the index")
        beside = _writes(database, studies[count + rounds :])
        begun = time.perf_counter()
        while vector_indexes.take_in(database):
            pass
        taken_in = 1000 * (time.perf_counter() - begun) / rounds
        with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE embeddings, studies"))
        progress.update(
            task, description=f"similar: {rounds} rounds of a search a side", total=rounds, completed=0
        )
        index, exact = _Side(""), _Side("enable_indexscan")
        chosen = np.random.default_rng(1).choice(count, rounds, replace=False)
        index.search(database, studies[chosen[0]])
        index.milliseconds.clear()
        alternate(
            rounds,
            lambda number: index.search(database, studies[chosen[number]]),
            lambda number: exact.search(database, studies[chosen[number]]),
            lambda _number: progress.advance(task),
        )
        with database.session() as session:
            name = vector_indexes.index_name(_ENCODER.version.digest)
            size = session.scalar(text("SELECT pg_relation_size(CAST(:name AS regclass))"), {"name": name})
        database.close()
    recall = [len(index.found[asked] & true) / len(true) for asked, true in exact.found.items()]
    return Result(
        NAME,
        (
            compare(
                index.milliseconds, exact.milliseconds, what="one search", reference="every vector", unit="ms"
            ),
            compare(beside, bare, what="writing a study's vector", reference="without an index", unit="ms"),
        ),
        (
            Breakdown(
                "The index",
                ("recall@10", "least", "seconds to make", "ms to take one in later", "MB"),
                (
                    (
                        f"{count:,} vectors",
                        (float(np.mean(recall)), min(recall), seconds, taken_in, size / 1e6),
                    ),
                ),
            ),
        ),
        (f"{count:,} made-up vectors of {_DIMENSIONS} numbers around {_CENTRES} centres; {rounds} searches",),
    )


def _make_studies(session: Session, count: int) -> list[StudyId]:
    """Make studies that are done, and return their ids."""
    session.execute(
        text(
            "INSERT INTO studies (id, tenant_id, status, priority, language)"
            " SELECT gen_random_uuid(), :tenant, 'completed', 'routine', 'en' FROM generate_series(1, :count)"
        ),
        {"tenant": DEFAULT_TENANT, "count": count},
    )
    return [StudyId(found) for found in session.scalars(text("SELECT id FROM studies"))]


def _load(session: Session, studies: list[StudyId], done: Callable[[int], object]) -> None:
    """Give each study a vector."""
    version = _ENCODER.version
    session.execute(
        text(
            "INSERT INTO encoders (digest, id, version, dimensions) VALUES (:digest, :id, :version, :length)"
        ),
        {"digest": version.digest, "id": version.id, "version": version.version, "length": _DIMENSIONS},
    )
    cursor: Any = session.connection().connection.cursor()
    # COPY waits in the driver itself, which it refuses to do beside the patience of our connections.
    patience = get_wait_callback()
    set_wait_callback(None)
    for begun, vectors in _vectors(len(studies)):
        rows = b"".join(
            _row(study_id, vector)
            for study_id, vector in zip(studies[begun : begun + len(vectors)], vectors, strict=True)
        )
        # The signature, no flags and no extension; then the rows, and the mark of their end.
        content = b"PGCOPY\n\xff\r\n\x00" + bytes(8) + rows + b"\xff\xff"
        cursor.copy_expert(
            "COPY embeddings (study_id, image_index, encoder_digest, tenant_id, vector)"
            " FROM STDIN (FORMAT BINARY)",
            BytesIO(content),
        )
        done(begun + len(vectors))
    set_wait_callback(patience)


def _vectors(count: int) -> Iterator[tuple[int, NDArray[np.float32]]]:
    random = np.random.default_rng(0)
    centres = random.standard_normal((_CENTRES, _DIMENSIONS), np.float32)
    for begun in range(0, count, _AT_ONCE):
        number = min(_AT_ONCE, count - begun)
        vectors = centres[random.integers(0, _CENTRES, number)]
        vectors += random.standard_normal((number, _DIMENSIONS), np.float32)
        yield begun, vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def _row(study_id: UUID, vector: NDArray[np.float32]) -> bytes:
    """Return a row of the table as COPY reads it in binary."""
    elements = np.empty(_DIMENSIONS, _ELEMENT)
    elements["length"], elements["value"] = 4, vector
    array = struct.pack(">iiiii", 1, 0, _REAL, _DIMENSIONS, 1) + elements.tobytes()
    digest = _ENCODER.version.digest.encode()
    values = (study_id.bytes, struct.pack(">i", 0), digest, DEFAULT_TENANT.bytes, array)
    return struct.pack(">h", len(values)) + b"".join(
        struct.pack(">i", len(value)) + value for value in values
    )


def _writes(database: Database, studies: list[StudyId]) -> list[float]:
    """Write one study's vector after the other, as a worker does; return the milliseconds of each."""
    _, vectors = next(_vectors(len(studies)))
    taken = []
    for study_id, vector in zip(studies, vectors, strict=True):
        made = Embedding(_ENCODER.version, tuple(vector.tolist()))
        begun = time.perf_counter()
        with database.session() as session:
            embeddings.write(session, study_id, DEFAULT_TENANT, {0: made})
        taken.append(1000 * (time.perf_counter() - begun))
    return taken
