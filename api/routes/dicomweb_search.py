"""QIDO-RS (PS3.18 10.6): searches for studies, series and instances, of all studies or within one."""

import json
from collections.abc import Sequence
from http import HTTPStatus
from typing import Final

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool

from api.auth import Caller, MayRead
from api.backend import Backend, BackendDep
from api.dicomweb import media
from api.dicomweb.places import accept_of, base_of
from api.dicomweb.queries import Level, query_of
from api.dicomweb.searching import search
from shared.dicom import dicom_json

_CAPPED: Final = (
    "The number of results exceeded the maximum supported by the server. Additional results can be requested."
)
_LITERAL: Final = "The fuzzymatching parameter is not supported. Only literal matching has been performed."
"""Both in the words of PS3.18 8.3.4."""

router = APIRouter(prefix="/dicomweb", include_in_schema=False)


@router.get("/studies")
async def search_studies(request: Request, backend: BackendDep, caller: MayRead) -> Response:
    """Return the studies that match."""
    return await _search(request, backend, caller, Level.STUDY)


@router.get("/series")
async def search_series(request: Request, backend: BackendDep, caller: MayRead) -> Response:
    """Return the series that match, of all studies."""
    return await _search(request, backend, caller, Level.SERIES)


@router.get("/instances")
async def search_instances(request: Request, backend: BackendDep, caller: MayRead) -> Response:
    """Return the instances that match, of all studies."""
    return await _search(request, backend, caller, Level.INSTANCE)


@router.get("/studies/{study}/series")
async def search_series_of(request: Request, backend: BackendDep, caller: MayRead, study: str) -> Response:
    """Return the series of a study that match."""
    return await _search(request, backend, caller, Level.SERIES, ("StudyInstanceUID", study))


@router.get("/studies/{study}/instances")
async def search_instances_of(request: Request, backend: BackendDep, caller: MayRead, study: str) -> Response:
    """Return the instances of a study that match."""
    return await _search(request, backend, caller, Level.INSTANCE, ("StudyInstanceUID", study))


@router.get("/studies/{study}/series/{series}/instances")
async def search_instances_of_series(
    request: Request, backend: BackendDep, caller: MayRead, study: str, series: str
) -> Response:
    """Return the instances of a series that match."""
    within = ("StudyInstanceUID", study), ("SeriesInstanceUID", series)
    return await _search(request, backend, caller, Level.INSTANCE, *within)


async def _search(
    request: Request, backend: Backend, caller: Caller, level: Level, *within: tuple[str, str]
) -> Response:
    media.check_json(accept_of(request))
    parameters = [(name, value) for name, value in request.query_params.multi_items() if name != "accept"]
    query = query_of(level, [*within, *parameters])
    base = base_of(request)

    def look() -> tuple[Sequence[object], bool]:
        with backend.database.session() as session:
            return search(session, query, caller, base)

    answers, more = await run_in_threadpool(look)
    warnings = [_LITERAL] * query.fuzzy + [_CAPPED] * (more and query.capped)
    headers = {"Warning": ", ".join(f'299 {base}: "{text}"' for text in warnings)} if warnings else {}
    content = json.dumps(answers, ensure_ascii=False).encode()
    return Response(content, HTTPStatus.OK, headers, dicom_json.MEDIA_TYPE)
