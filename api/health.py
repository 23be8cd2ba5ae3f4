"""For operators: is the process up, can it serve, what does it count, what is it."""

import asyncio
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from typing import Final, Literal

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from redis import RedisError
from sqlalchemy import text

from api import schemas
from api.auth import Visitor
from api.backend import Backend, Stack
from api.bodies import NOT_A_MEDICAL_DEVICE, model_body
from api.schemas import PROBLEM_CONTENT
from shared import reports, study_queries
from shared.domain import StudyId, StudyStatus
from shared.errors import CxrError
from shared.keys import Scope
from shared.settings import AuthMode

READINESS_HOLDS: Final = 1.0
"""Seconds for which one look at the parts answers everybody who asks."""
LONGEST_LOOK: Final = 5.0
"""Seconds after which a part that has not answered counts as away."""

router = APIRouter(tags=["operations"])
open_metrics = APIRouter()
"""For a server of this machine alone; where keys are needed, metrics have a port of their own."""


@router.get("/healthz", summary="Is the process up?")
async def healthz() -> dict[str, str]:
    """Answer as long as the event loop turns, whatever else is broken."""
    return {"status": "ok"}


@router.get(
    "/readyz",
    response_model=schemas.Readiness,
    responses={503: {"model": schemas.Readiness, "description": "A part is away."}},
    summary="Can requests be served?",
)
async def readyz(request: Request, backend: Stack, response: Response) -> schemas.Readiness:
    """Ask the database, the object store and the broker."""
    check: ReadinessCheck = request.app.state.readiness
    readiness = await check.look(backend)
    response.status_code = 200 if readiness.ready else 503
    response.headers["Cache-Control"] = "no-store"
    return readiness


@open_metrics.get("/metrics", response_class=Response, include_in_schema=False)
async def get_metrics() -> Response:
    """Return Prometheus' text format."""
    return Response(await run_in_threadpool(generate_latest), media_type=CONTENT_TYPE_LATEST)


@router.get(
    "/v1/info",
    response_model=schemas.Info,
    responses={503: {"description": "The database is away.", "content": PROBLEM_CONTENT}},
    summary="What this server is and takes",
)
def get_info(backend: Stack, caller: Visitor) -> schemas.Info:
    """Return what a client needs before it has a key; with one, also the version and the newest models."""
    settings = backend.settings
    is_told = caller is not None and caller.may(Scope.READ)
    model, writer = _newest_speakers(backend) if is_told else (None, None)
    limits = {
        name: getattr(settings, name)
        for name in ("max_files", "max_file_bytes", "max_request_bytes", "max_pixels", "max_zip_ratio")
    }
    auth: Literal["off", "required"] = "off" if settings.auth is AuthMode.OFF else "required"
    return schemas.Info(
        version=product_version() if is_told else None,
        model=model,
        writer=writer,
        auth=auth,
        limits=limits,
        not_a_medical_device=NOT_A_MEDICAL_DEVICE,
    )


class ReadinessCheck:
    """Looks at the parts at most once a second, however many ask."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._until = 0.0
        self._last: schemas.Readiness | None = None

    async def look(self, backend: Backend) -> schemas.Readiness:
        """Return the state of every part."""
        async with self._lock:
            if self._last is None or time.monotonic() >= self._until:
                looks = {"database": _database, "storage": _storage, "broker": _broker}
                parts = await asyncio.gather(*(_look_at(look, backend) for look in looks.values()))
                named = dict(zip(looks, parts, strict=True))
                self._last = schemas.Readiness(ready=all(part.ok for part in parts), parts=named)
                self._until = time.monotonic() + READINESS_HOLDS
            return self._last


def product_version() -> str:
    """Return the installed version; a bare checkout has none."""
    try:
        return version("cxr-reporter")
    except PackageNotFoundError:
        return "unknown"


def _newest_speakers(backend: Backend) -> tuple[schemas.ModelId | None, schemas.WriterId | None]:
    with backend.database.session() as session:
        newest = study_queries.page(session, limit=1, status=StudyStatus.COMPLETED)
        if not newest:
            return None, None
        study = newest[0].study
        report = reports.newest(session, StudyId(study.id))
    writer = schemas.WriterId(id=report.writer_id, version=report.writer_version) if report else None
    return model_body(study), writer


async def _look_at(look: Callable[[Backend], None], backend: Backend) -> schemas.Part:
    try:
        await asyncio.wait_for(asyncio.to_thread(look, backend), LONGEST_LOOK)
    except TimeoutError:
        return schemas.Part(ok=False, detail="did not answer in time")
    except (CxrError, RedisError, OSError) as error:
        # The kind of the error alone: its text may hold addresses.
        return schemas.Part(ok=False, detail=type(error.__cause__ or error).__name__)
    return schemas.Part(ok=True)


def _database(backend: Backend) -> None:
    with backend.database.session() as session:
        session.execute(text("SELECT 1"))


def _storage(backend: Backend) -> None:
    # That there is no such original is an answer too.
    backend.storage.has_original("0" * 64)


def _broker(backend: Backend) -> None:
    backend.broker.ping()
