"""WADO-RS (PS3.18 10.4): studies, series and instances as files, their metadata, frames and large values."""

import json
from collections.abc import AsyncIterator, Sequence
from functools import partial
from io import BytesIO
from typing import Any, Final

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool

from api.auth import Caller, MayRead
from api.backend import Backend, BackendDep
from api.dicomweb import media
from api.dicomweb.answers import url_of
from api.dicomweb.contents import can_be_in, find_instances, read, read_in
from api.dicomweb.frames import form_of, frame_of, is_multiple
from api.dicomweb.instances import Instance, Made
from api.dicomweb.media import ANY, BYTES, DICOM, MULTIPART, MediaRange, not_acceptable
from api.dicomweb.multipart import Part, RelatedResponse
from api.dicomweb.places import accept_of, base_of
from api.problems import Noun, not_found
from shared.dicom import dicom_json
from shared.dicom.dicom_json import attribute
from shared.dicom.metadata import bulk_of, metadata_of
from shared.rendering.dicom.kinds import SECONDARY_CAPTURE

_PIXEL_DATA: Final = 0x7FE00010
_TO_AN_INSTANCE: Final = 3
"""UIDs in the address of one."""

router = APIRouter(prefix="/dicomweb/studies/{study}", include_in_schema=False)

_SERIES: Final = "/series/{series}"
_INSTANCE: Final = "/series/{series}/instances/{instance}"


@router.get("")
async def retrieve_study(request: Request, backend: BackendDep, caller: MayRead, study: str) -> Response:
    """Return all instances of a study."""
    return await _files(request, backend, caller, study)


@router.get(_SERIES)
async def retrieve_series(
    request: Request, backend: BackendDep, caller: MayRead, study: str, series: str
) -> Response:
    """Return all instances of a series."""
    return await _files(request, backend, caller, study, series)


@router.get(_INSTANCE)
async def retrieve_instance(
    request: Request, backend: BackendDep, caller: MayRead, study: str, series: str, instance: str
) -> Response:
    """Return an instance."""
    return await _files(request, backend, caller, study, series, instance)


@router.get("/metadata")
async def retrieve_study_metadata(
    request: Request, backend: BackendDep, caller: MayRead, study: str
) -> Response:
    """Return the headers of a study's instances."""
    return await _metadata(request, backend, caller, study)


@router.get(f"{_SERIES}/metadata")
async def retrieve_series_metadata(
    request: Request, backend: BackendDep, caller: MayRead, study: str, series: str
) -> Response:
    """Return the headers of a series' instances."""
    return await _metadata(request, backend, caller, study, series)


@router.get(f"{_INSTANCE}/metadata")
async def retrieve_instance_metadata(
    request: Request, backend: BackendDep, caller: MayRead, study: str, series: str, instance: str
) -> Response:
    """Return the header of an instance."""
    return await _metadata(request, backend, caller, study, series, instance)


@router.get(f"{_INSTANCE}/frames/{{frames}}")
async def retrieve_frames(
    request: Request,
    backend: BackendDep,
    caller: MayRead,
    study: str,
    series: str,
    instance: str,
    frames: str,
) -> Response:
    """Return frames of an instance; the first is the only one that an instance has here."""
    one = await _one(backend, caller, study, series, instance)
    is_picture = not isinstance(one.source, Made) or one.source.kind is SECONDARY_CAPTURE
    if not is_picture or {number.strip() for number in frames.split(",")} != {"1"}:
        raise not_found(Noun.FRAME)
    return await _frame(request, backend, caller, one)


@router.get(f"{_INSTANCE}/bulkdata/{{tag}}")
async def retrieve_bulk_data(
    request: Request, backend: BackendDep, caller: MayRead, study: str, series: str, instance: str, tag: str
) -> Response:
    """Return the value that metadata have this address of."""
    one = await _one(backend, caller, study, series, instance)
    number = int(tag, 16) if len(tag) == 8 and tag.isalnum() and tag.isascii() else 0
    if number == _PIXEL_DATA:
        return await _frame(request, backend, caller, one)
    content = await read(backend, caller, one)
    with content:
        value = await run_in_threadpool(bulk_of, content, number, name="the stored original")
    if value is None:
        raise not_found(Noun.VALUE)
    accepted = media.ranges(accept_of(request))
    kind = "application/pdf" if tag == "00420011" else BYTES
    form = next((form for form in accepted if form.within in {kind, BYTES, ANY, "application/*"}), None)
    if form is None:
        raise not_acceptable([kind, BYTES])
    part = Part(kind, BytesIO(value), str(request.url))
    within = kind if form.media_type == MULTIPART else None
    return RelatedResponse(backend, caller.actor.id, _once(part), within=within)


async def _one(backend: Backend, caller: Caller, study: str, series: str, instance: str) -> Instance:
    (one,) = await run_in_threadpool(find_instances, backend, caller, study, series, instance)
    return one


async def _files(request: Request, backend: Backend, caller: Caller, *place: str) -> Response:
    instances = await run_in_threadpool(find_instances, backend, caller, *place)
    forms = [form for form in media.ranges(accept_of(request)) if form.within in {DICOM, ANY}]
    # An answer that is no multipart one holds a single instance.
    possible = [form for form in forms if form.media_type != DICOM or len(place) == _TO_AN_INSTANCE]
    form = next((form for form in possible if _can_all(instances, form)), None)
    if form is None:
        raise not_acceptable(sorted({_dicom(one.transfer_syntax_uid) for one in instances}))

    async def parts() -> AsyncIterator[Part]:
        for one in instances:
            content, held = await read_in(backend, caller, one, form.transfer_syntax)
            yield Part(_dicom(held), content, url_of(one, base_of(request)))

    within = None if form.media_type == DICOM else DICOM
    return RelatedResponse(backend, caller.actor.id, parts(), within=within)


def _can_all(instances: Sequence[Instance], form: MediaRange) -> bool:
    return all(can_be_in(one, form.transfer_syntax) for one in instances)


def _dicom(syntax: str) -> str:
    return f"{DICOM}; transfer-syntax={syntax}"


async def _metadata(request: Request, backend: Backend, caller: Caller, *place: str) -> Response:
    media.check_json(accept_of(request))
    base = base_of(request)
    instances = await run_in_threadpool(find_instances, backend, caller, *place)
    headers: list[dict[str, Any]] = []
    for one in instances:
        content = await read(backend, caller, one)
        with content:
            address = partial("{}/bulkdata/{}".format, url_of(one, base))
            header = await run_in_threadpool(
                metadata_of, content, name="the stored original", address=address
            )
        header |= attribute("AvailableTransferSyntaxUID", one.transfer_syntax_uid)
        headers.append(header)
    content_of_all = json.dumps(headers, ensure_ascii=False).encode()
    return Response(content_of_all, media_type=dicom_json.MEDIA_TYPE)


async def _frame(request: Request, backend: Backend, caller: Caller, one: Instance) -> Response:
    form = form_of(one.transfer_syntax_uid, media.ranges(accept_of(request)))
    if form is None:
        raise not_acceptable([f'{MULTIPART}; type="{BYTES}"; transfer-syntax={one.transfer_syntax_uid}'])
    content = await read(backend, caller, one)
    with content:
        part = await run_in_threadpool(frame_of, content, form, str(request.url))
    within = part.media_type.partition(";")[0] if is_multiple(form) else None
    return RelatedResponse(backend, caller.actor.id, _once(part), within=within)


async def _once(part: Part) -> AsyncIterator[Part]:
    yield part
