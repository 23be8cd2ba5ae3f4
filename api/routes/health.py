"""For operators: is the process up, can it serve, what does it count, what is it."""

import asyncio
import time
from collections.abc import Callable, Mapping
from functools import partial
from shutil import disk_usage
from tempfile import gettempdir
from typing import Final, Literal

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from redis import RedisError

from api.auth import Visitor
from api.backend import Backend, BackendDep
from api.bodies.answers import PROBLEM_CONTENT
from api.bodies.base import NOT_A_MEDICAL_DEVICE
from api.bodies.info import Info, Part, Readiness, ReportFormat, Work
from api.bodies.model import ModelId, model_body
from api.bodies.report import WriterId, writer_body
from api.documents import FORMS
from api.lanes import Lane
from api.problems import ProblemError
from shared.domain.reports import Language
from shared.domain.studies import Stage, StudyId, StudyStatus
from shared.errors import CxrError, TryAgainError
from shared.operations import gauges
from shared.records import reading, reports, waiting
from shared.records.keys import Scope
from shared.settings import AuthMode
from shared.version import product_version

READINESS_HOLDS: Final = 1.0
"""Seconds for which one look at the parts answers everybody who asks."""
LONGEST_LOOK: Final = 5.0
"""Seconds after which a part that has not answered counts as away."""
NEEDED: Final = ("database", "spool")
"""Without these a balancer should pass this process by: nothing is answered without the database, and where
this one's own disk is full another's may not be. The object store and the broker are everybody's: without
them another process would refuse the same uploads, and each goes on answering polls and reports."""
WRITE_HOLDS: Final = 60.0
"""Seconds for which something that was stored shows that the object store takes writes."""
REFUSAL_HOLDS: Final = 5.0
"""Seconds after a refused write until another is tried."""

router = APIRouter(tags=["operations"])
open_metrics = APIRouter()
"""For a server of this machine alone; where keys are needed, metrics have a port of their own."""


@router.get("/healthz", summary="Is the process up?")
async def healthz() -> dict[str, str]:
    """Answer as long as the event loop turns, whatever else is broken."""
    return {"status": "ok"}


@router.get(
    "/readyz",
    responses={503: {"model": Readiness, "description": "Another process would serve better."}},
    summary="Can requests be served?",
)
async def readyz(request: Request, backend: BackendDep, response: Response) -> Readiness:
    """Look at every part; one that is shared and away is told and leaves the server ready for the rest."""
    check: ReadinessCheck = request.app.state.readiness
    readiness = await check.look(backend)
    response.status_code = 200 if readiness.ready else 503
    response.headers["Cache-Control"] = "no-store"
    return readiness


@open_metrics.get("/metrics", response_class=Response, include_in_schema=False)
async def get_metrics(request: Request, backend: BackendDep) -> Response:
    """Return Prometheus' text format, and in it the work that there is: a local sweeper has no port."""
    counting: Lane = request.app.state.counting
    try:
        await counting.run(partial(gauges.set_all, backend.database), seconds=LONGEST_LOOK)
    except (ProblemError, CxrError):
        gauges.clear_all()
    # Not in the threads of the routes: what hangs there is what the figures should tell of.
    return Response(await asyncio.to_thread(generate_latest), media_type=CONTENT_TYPE_LATEST)


@router.get(
    "/v1/info",
    responses={503: {"description": "The database is away.", "content": PROBLEM_CONTENT}},
    summary="What this server is and takes",
)
def get_info(backend: BackendDep, caller: Visitor) -> Info:
    """Return what a client needs before it has a key; with one, also the version and the newest models."""
    settings = backend.settings
    is_told = caller is not None and caller.may(Scope.READ)
    model, writer = _newest_speakers(backend) if is_told else (None, None)
    is_operator = caller is not None and caller.may(Scope.ADMIN)
    limits = {
        name: getattr(settings, name)
        for name in ("max_files", "max_file_bytes", "max_request_bytes", "max_pixels", "max_zip_ratio")
    }
    auth: Literal["off", "required"] = "off" if settings.auth is AuthMode.OFF else "required"
    return Info(
        version=product_version() if is_told else None,
        model=model,
        writer=writer,
        auth=auth,
        reviewer=caller.name if caller else None,
        limits=limits,
        report_formats=[
            ReportFormat(name=form.name, media_type=form.media_type, extension=form.extension)
            for form in FORMS.values()
        ],
        work=_work(backend) if is_operator else None,
        not_a_medical_device=NOT_A_MEDICAL_DEVICE[Language.ENGLISH],
    )


class ReadinessCheck:
    """Looks at the parts at most once a second, however many ask, and with one thread a part."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._until = 0.0
        self._last: Readiness | None = None
        self._lanes = {part: Lane(part, threads=1) for part in _LOOKS}

    async def look(self, backend: Backend) -> Readiness:
        """Return the state of every part."""
        async with self._lock:
            if self._last is None or time.monotonic() >= self._until:
                looks = (self._look_at(part, backend) for part in _LOOKS)
                parts = dict(zip(_LOOKS, await asyncio.gather(*looks), strict=True))
                self._last = Readiness(ready=all(parts[part].ok for part in NEEDED), parts=parts)
                self._until = time.monotonic() + READINESS_HOLDS
            return self._last

    def close(self) -> None:
        """Look no more."""
        for lane in self._lanes.values():
            lane.close()

    async def _look_at(self, part: str, backend: Backend) -> Part:
        try:
            fault = await self._lanes[part].run(partial(_LOOKS[part], backend), seconds=LONGEST_LOOK)
        except ProblemError:
            fault = "did not answer in time"
        except (CxrError, RedisError, OSError) as error:
            # The kind of the error alone: its text may hold addresses.
            fault = type(error.__cause__ or error).__name__
        return Part(ok=fault is None, detail=fault)


def _work(backend: Backend) -> Work:
    with backend.database.session() as session:
        by_queue = waiting.count_all_waiting(session)
        return Work(
            waiting={
                stage: sum(number for (one, _), number in by_queue.items() if one is stage) for stage in Stage
            },
            running=dict(waiting.count_running(session)),
            oldest_seconds=max(waiting.longest_wait(session, stage) for stage in Stage).total_seconds(),
            studies_per_hour=waiting.completed_per_hour(session),
        )


def _newest_speakers(backend: Backend) -> tuple[ModelId | None, WriterId | None]:
    with backend.database.session() as session:
        newest = reading.page(session, limit=1, status=StudyStatus.COMPLETED)
        if not newest:
            return None, None
        study, analysis = newest[0].study, newest[0].analysis
        writer = reports.newest_writer(session, StudyId(study.id))
    return model_body(analysis) if analysis else None, writer_body(writer)


def _database(backend: Backend) -> None:
    backend.database.ping()


def _storage(backend: Backend) -> str | None:
    # That there is no such original is an answer too.
    backend.storage.has_original("0" * 64)
    last = backend.storage.last_write
    age = time.monotonic() - last.at
    refused = last.refused
    if age > (REFUSAL_HOLDS if refused else WRITE_HOLDS):
        try:
            backend.storage.probe()
        except TryAgainError:
            refused = True
        else:
            refused = False
    return "takes no writes: it is full or read-only" if refused else None


def _broker(backend: Backend) -> None:
    backend.broker.ping()


def _spool(backend: Backend) -> str | None:
    if disk_usage(gettempdir()).free < backend.settings.max_request_bytes:
        return "has less room than the largest request takes"
    return None


_LOOKS: Final[Mapping[str, Callable[[Backend], str | None]]] = {
    "database": _database,
    "storage": _storage,
    "broker": _broker,
    "spool": _spool,
}
"""How to look at each part: returns what is wrong, or raises it."""
