"""The API, put together: what starts and stops with it, its routes in order, its errors; nothing else.

studies -> upload -> submission (the way in)      findings, reports, images, events (the way out)
versions, drafts, signing, reviews (what persons do to reports)
batches -> results      deliveries, destinations      keys, tenants, retention, patients
health, docs (for operators and developers)      web/ (the page)
dicomweb_… (the hospital's own tools)
"""

import asyncio
import contextlib
import ipaddress
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import structlog
from fastapi import FastAPI
from starlette.responses import Response
from starlette.routing import Match, Mount
from starlette.staticfiles import StaticFiles
from starlette.types import Scope
from typing_extensions import override

from api import problems
from api.backend import Backend
from api.bodies.answers import Problem
from api.dicomweb.origins import ViewerOrigins
from api.guard import Guard
from api.lanes import Lane
from api.routes import (
    batches,
    deliveries,
    destinations,
    dicom_peers,
    dicomweb_commitment,
    dicomweb_render,
    dicomweb_retrieve,
    dicomweb_search,
    dicomweb_store,
    dicomweb_workitems,
    docs,
    drafts,
    events,
    findings,
    health,
    hl7_senders,
    images,
    keys,
    open_studies,
    patients,
    pull_rules,
    reports,
    retention,
    review_statistics,
    reviews,
    signing,
    similar,
    studies,
    tenants,
    versions,
)
from shared.errors import TryAgainError
from shared.settings import ApiSettings, AuthMode, DatabaseSettings, QueueSettings, StorageSettings

WEB: Final = Path(__file__).parent / "web"
BUCKET_TRIED_EVERY: Final = 1.0
"""Seconds."""

log = structlog.get_logger()


class OpenToTheWorldError(RuntimeError):
    """Keys are off on an address that others reach: set CXR_API_AUTH=required, or listen on 127.0.0.1."""


def create_app(
    settings: ApiSettings,
    *,
    database: DatabaseSettings,
    storage: StorageSettings,
    queue: QueueSettings,
) -> FastAPI:
    """Put the API together.

    Raises:
        OpenToTheWorldError: keys are off, and the host is not loopback.
    """
    if settings.auth is AuthMode.OFF and not is_loopback(settings.host):
        raise OpenToTheWorldError(OpenToTheWorldError.__doc__)

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        backend = Backend(settings, database=database, storage=storage, queue_settings=queue)
        app.state.backend = backend
        app.state.readiness = health.ReadinessCheck()
        app.state.counting = Lane("the count of the work", threads=1)
        background = [
            asyncio.create_task(always)
            for always in (backend.feed.run(), backend.feed.beat(), _make_bucket(backend))
        ]
        try:
            yield
        finally:
            backend.feed.close()
            for task in background:
                task.cancel()
            await asyncio.gather(*background, return_exceptions=True)
            app.state.readiness.close()
            app.state.counting.close()
            await asyncio.to_thread(backend.close)

    app = FastAPI(
        title="CXR Reporter",
        version="1",  # of the addresses below; the server's own version is told to callers with a key
        description=_DESCRIPTION,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
    )
    on_studies = (
        studies,
        open_studies,
        findings,
        similar,
        reports,
        versions,
        drafts,
        signing,
        events,
        images,
    )
    # The searches within a study go before what is retrieved of it.
    on_dicomweb = (
        dicomweb_store,
        dicomweb_search,
        dicomweb_retrieve,
        dicomweb_render,
        dicomweb_commitment,
        dicomweb_workitems,
    )
    on_results = (reviews, review_statistics, batches, deliveries, destinations)
    on_callers = (keys, tenants, retention, patients, dicom_peers, hl7_senders, pull_rules)
    for module in (*on_studies, *on_dicomweb, *on_results, *on_callers, health, docs):
        app.include_router(module.router)
    if settings.auth is AuthMode.OFF:
        app.include_router(health.open_metrics)
    app.mount("/docs/files", docs.swagger_files)
    if WEB.is_dir():
        app.router.routes.append(_PageMount("/", _PageFiles(directory=WEB, html=True), name="page"))
    problems.install(app)
    app.add_middleware(Guard, settings=settings)
    if settings.viewer_origins:
        app.add_middleware(ViewerOrigins, origins=settings.viewer_origins)
    _describe_problems(app)
    return app


def is_loopback(host: str) -> bool:
    """Whether only programs on this machine reach the address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class _PageMount(Mount):
    """The page's files, which take no address of the API: a wrong method there is a 405, not a 404."""

    @override
    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        if scope["type"] == "http" and scope["path"].startswith(("/v1/", "/dicomweb/")):
            return Match.NONE, {}
        return super().matches(scope)


class _PageFiles(StaticFiles):
    """Kept by the browser, and asked for again each time: after an upgrade no two versions mix."""

    @override
    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = "no-cache"
        return response


async def _make_bucket(backend: Backend) -> None:
    """Make the bucket as soon as the object store answers; the API starts without it."""
    while True:
        try:
            await asyncio.to_thread(backend.storage.ensure_bucket)
        except TryAgainError as error:
            log.debug("bucket.unreachable", error=type(error.__cause__ or error).__name__)
            await asyncio.sleep(BUCKET_TRIED_EVERY)
        else:
            log.info("bucket.ready")
            return


def _describe_problems(app: FastAPI) -> None:
    """Put the shape of errors, which no route returns by type, into the OpenAPI document."""
    plain = app.openapi

    def openapi() -> dict[str, Any]:
        document = plain()
        components = document["components"]["schemas"]
        components.setdefault("Problem", Problem.model_json_schema())
        return document

    app.openapi = openapi  # type: ignore[method-assign]  # the way FastAPI's own guide extends it


_DESCRIPTION: Final = """\
Chest X-ray studies in, findings and a verified report out.

**Not a medical device.** Send a study with `POST /v1/studies`, poll its `Location` (or wait with
`?wait=20`, or follow `…/events`), and read `…/report` as JSON, text or HTML by `Accept`. Send an
`Idempotency-Key` to be able to send again safely. Every error is an RFC 9457 problem whose `type`
can be opened.
"""
