"""The whole line as separate real processes, which each test breaks in its own way."""

import hashlib
import itertools
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from uuid import UUID

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from sqlalchemy import func, select

from migrations.__main__ import upgrade
from shared.domain.reports import Language
from shared.domain.studies import (
    DEFAULT_TENANT,
    TRANSITIONS,
    Priority,
    Stage,
    StudyEvent,
    StudyId,
    StudyStatus,
    TenantId,
    new_id,
)
from shared.records import reading, studies
from shared.records.database import Database
from shared.records.moves import Hint
from shared.records.studies import NewStudy, StoredImage
from shared.records.tables import ReportRow, StudyRow
from shared.settings import DatabaseSettings, QueueSettings, StorageSettings
from shared.storage import Storage
from shared.work import queue
from shared.work.faults import Point
from tests.support.builders import SOMEBODY, empty_tables
from tests.support.services import ROOT, Service, wait_for
from tests.support.stack import InfraStack

SAMPLE = ROOT / "samples" / "chest-1.png"
WORKERS = ("worker_cnn", "worker_llm", "shared.work.sweeper")


class Line:
    """The servers, the processes that a test started, and the studies that it submitted."""

    def __init__(self, infra: InfraStack, folder: Path) -> None:
        self.infra = infra
        self.folder = folder
        # The report's writer is not what these tests are about; the rules write in milliseconds.
        self.environment = {**infra.environment(), "CXR_REPORT_WRITER": "template", "CXR_MODEL_DECODERS": "1"}
        self.database = Database(DatabaseSettings(url=infra.database_url))
        self.storage_settings = StorageSettings(
            endpoint=infra.storage_endpoint,
            access_key=infra.storage_access_key,
            secret_key=infra.storage_secret_key,
        )
        self.storage = Storage(self.storage_settings)
        self.queue = queue.create_app("test", QueueSettings(url=infra.broker_url))
        self.submitted: list[StudyId] = []
        self._services: list[Service] = []
        self._serial = itertools.count()

    def start(self, module: str, *arguments: str, stop_at: Point | None = None) -> Service:
        """Start one worker of ours and wait until it is ready."""
        return self.launch(module, *arguments, stop_at=stop_at).wait_until_ready()

    def launch(self, module: str, *arguments: str, stop_at: Point | None = None) -> Service:
        """Start one process of ours."""
        service = Service(module, self.environment, self.folder, arguments=arguments, stop_at=stop_at)
        self._services.append(service)
        return service

    def start_all(self, *, stopping: dict[str, Point] | None = None) -> dict[str, Service]:
        """Start both workers and the sweeper; those in `stopping` hang at the point that it names."""
        points = stopping or {}
        started = {module: self.launch(module, stop_at=points.get(module)) for module in WORKERS}
        for service in started.values():
            service.wait_until_ready()
        return started

    def kill_worker(self, point: Point) -> float:
        """Kill a worker at a point of its work; return the seconds until another took its study on."""
        module = {"cnn": "worker_cnn", "llm": "worker_llm"}[point[:3]]
        doomed = self.start_all(stopping={module: point})[module]
        (study_id,) = self.submit()
        doomed.wait_until_stopped_at_its_point()
        self.start(module)
        doomed.kill()
        killed = datetime.now(UTC)
        self.wait([study_id], 60)
        assert self.check() == {StudyStatus.COMPLETED: 1}
        with self.database.session() as session:
            events = reading.events(session, study_id)
        expired = next(event for event in events if event.event is StudyEvent.LEASE_EXPIRED)
        after = (event for event in events if event.id > expired.id)
        resumed = next(event for event in after if event.event is StudyEvent.CLAIMED)
        return (resumed.at - killed).total_seconds()

    def submit(
        self,
        number: int = 1,
        *,
        content: bytes | None = None,
        file: str = "chest.png",
        hint: bool = True,
        priority: Priority = Priority.ROUTINE,
        images: int = 1,
        tenant_id: TenantId = DEFAULT_TENANT,
    ) -> list[StudyId]:
        """Store originals, accept studies and send hints: what the API does with an upload."""
        ids = []
        for _ in range(number):
            original = content if content is not None else self.another_radiograph()
            digest = hashlib.sha256(original).hexdigest()
            self.storage.put_original(BytesIO(original), digest)
            study_id = StudyId(new_id())
            image = StoredImage(file, digest, len(original), "image/png", 512, 512)
            new = NewStudy(study_id, tenant_id, priority, Language.ENGLISH, [image] * images)
            with self.database.session() as session:
                studies.accept(session, new, actor=SOMEBODY)
            if hint:
                queue.send_hint(self.queue, Hint(Stage.CNN, priority))
            ids.append(study_id)
        self.submitted += ids
        return ids

    def another_radiograph(self) -> bytes:
        """Return a radiograph that was never submitted."""
        # A PNG text chunk of its own makes each original another object in S3.
        with Image.open(SAMPLE) as image:
            packed = BytesIO()
            note = PngInfo()
            note.add_text("Comment", f"{next(self._serial)} {time.monotonic_ns()}")
            image.save(packed, "PNG", pnginfo=note, compress_level=1)
        return packed.getvalue()

    def status(self, study_id: StudyId) -> StudyStatus:
        """Return where a study stands."""
        with self.database.session() as session:
            row = session.get(StudyRow, study_id)
        assert row is not None
        return row.status

    def wait(
        self, ids: Sequence[UUID], seconds: float, *, meanwhile: Callable[[], None] = lambda: None
    ) -> None:
        """Wait until every study has ended."""

        def ended() -> bool:
            meanwhile()
            with self.database.session() as session:
                statuses = session.scalars(select(StudyRow.status).where(StudyRow.id.in_(ids))).all()
            return len(statuses) == len(ids) and all(status.is_final for status in statuses)

        wait_for(ended, seconds, f"{len(ids)} studies to end; they are {self._counts()}")

    def check(self) -> Counter[StudyStatus]:
        """Hold every submitted study to the promises, and return how many ended how.

        Each has ended; completed ones have exactly one report, the others a reason; each timeline is a
        walk that the state machine allows; each original is there, unchanged.
        """
        ends: Counter[StudyStatus] = Counter()
        for study_id in self.submitted:
            with self.database.session() as session:
                view = reading.view(session, study_id)
                reports = session.scalar(
                    select(func.count()).select_from(ReportRow).where(ReportRow.study_id == study_id)
                )
            assert view is not None, "lost"
            status = view.study.status
            ends[status] += 1
            assert status.is_final
            assert reports == (1 if status is StudyStatus.COMPLETED else 0)
            assert status is StudyStatus.COMPLETED or view.study.error_detail
            first, *rest = view.events
            assert (first.event, first.status) == (StudyEvent.RECEIVED, StudyStatus.QUEUED)
            before = first.status
            for event in rest:
                assert TRANSITIONS[before, event.event] is event.status
                before = event.status
            assert before is status
            for image in view.images:
                assert len(self.storage.get_original(image.sha256)) == image.size
        return ends

    def stop(self) -> None:
        """Kill what still runs."""
        for service in self._services:
            if service.process.poll() is None:
                service.kill()
        self.database.close()

    def _counts(self) -> dict[str, int]:
        with self.database.session() as session:
            rows = session.execute(select(StudyRow.status, func.count()).group_by(StudyRow.status))
            return {status.value: number for status, number in rows}


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InfraStack]:
    """Return servers apart from those of the other tests: these here get hurt."""
    with InfraStack(tmp_path_factory.mktemp("servers")) as infra:
        yield infra


@pytest.fixture
def line(servers: InfraStack, tmp_path: Path) -> Iterator[Line]:
    """Return the line with an empty database and an empty broker; nothing of ours runs yet."""
    running = Line(servers, tmp_path)
    with running.database.session() as session:
        upgrade(session.connection())
    empty_tables(running.database)
    queue.connect_broker(QueueSettings(url=servers.broker_url)).flushall()
    running.storage.ensure_bucket()
    yield running
    running.stop()
