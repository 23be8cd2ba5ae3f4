"""Rendered instances and thumbnails (PS3.18 10.4): pictures for browsers, a report as it is read."""

from functools import partial
from io import BytesIO
from typing import Final

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from PIL import Image
from pydicom import dcmread

from api.auth import Caller, MayRead
from api.backend import Backend, BackendDep
from api.dicomweb.contents import find_instances, written
from api.dicomweb.instances import Instance, Made
from api.dicomweb.media import not_acceptable
from api.dicomweb.pictures import JPEG, PNG, THUMBNAIL, Preview, Shown, rendered, shown_by
from api.dicomweb.places import accept_of
from api.kept import RETRY_AFTER
from api.negotiation import choose
from api.problem_kinds import Code
from api.problems import Noun, ProblemError, not_found
from api.routes.images import PICTURE_SECONDS
from api.routes.reports import HTML_POLICY
from shared.bucket import NotStoredError
from shared.records import reading
from shared.records.dicomweb import StoredInstance
from shared.rendering import html, pdf
from shared.rendering.dicom.kinds import ENCAPSULATED_PDF, MEASUREMENT_REPORT, Kind
from shared.storage import preview_key

_SERIES: Final = "/series/{series}"
_INSTANCE: Final = "/series/{series}/instances/{instance}"
_AS_READ: Final = {MEASUREMENT_REPORT: ("html", html.MEDIA_TYPE), ENCAPSULATED_PDF: ("pdf", pdf.MEDIA_TYPE)}
"""Objects that are no pictures: the format that shows what they say, and its media type."""

router = APIRouter(prefix="/dicomweb/studies/{study}", include_in_schema=False)


@router.get(f"{_INSTANCE}/rendered")
@router.get(f"{_INSTANCE}/frames/1/rendered")
async def render_instance(
    request: Request, backend: BackendDep, caller: MayRead, study: str, series: str, instance: str
) -> Response:
    """Return an instance as a picture, or as a page where it is none."""
    shown = shown_by(request.query_params)
    (one,) = await run_in_threadpool(find_instances, backend, caller, study, series, instance)
    if isinstance(one.source, Made) and one.source.kind in _AS_READ:
        return await _as_read(request, backend, one.source, one.source.kind)
    return await _picture(request, backend, one, shown)


@router.get("/thumbnail")
async def study_thumbnail(request: Request, backend: BackendDep, caller: MayRead, study: str) -> Response:
    """Return a small picture of a study."""
    return await _thumbnail(request, backend, caller, study)


@router.get(f"{_SERIES}/thumbnail")
async def series_thumbnail(
    request: Request, backend: BackendDep, caller: MayRead, study: str, series: str
) -> Response:
    """Return a small picture of a series."""
    return await _thumbnail(request, backend, caller, study, series)


@router.get(f"{_INSTANCE}/thumbnail")
@router.get(f"{_INSTANCE}/frames/1/thumbnail")
async def instance_thumbnail(
    request: Request, backend: BackendDep, caller: MayRead, study: str, series: str, instance: str
) -> Response:
    """Return a small picture of an instance."""
    return await _thumbnail(request, backend, caller, study, series, instance)


async def _thumbnail(request: Request, backend: Backend, caller: Caller, *place: str) -> Response:
    asked = shown_by(request.query_params)
    shown = Shown(size=asked.size or (THUMBNAIL, THUMBNAIL))
    instances = await run_in_threadpool(find_instances, backend, caller, *place)
    pictures = [
        one for one in instances if not isinstance(one.source, Made) or one.source.kind not in _AS_READ
    ]
    if not pictures:
        raise not_found(Noun.PREVIEW)
    return await _picture(request, backend, pictures[0], shown)


async def _picture(request: Request, backend: Backend, one: Instance, shown: Shown) -> Response:
    media_type = choose(accept_of(request), [JPEG, PNG])
    if media_type is None:
        raise not_acceptable([JPEG, PNG])
    if isinstance(one.source, Made):
        preview = await _capture(backend, one.source)
    else:
        preview = await _preview(backend, one.source)
    content = await run_in_threadpool(rendered, preview, shown, media_type)
    return Response(content, headers={"Vary": "Accept"}, media_type=media_type)


async def _preview(backend: Backend, source: StoredInstance) -> Preview:
    key = preview_key(source.study_id, source.index)
    try:
        content = await backend.reading.run(
            partial(backend.storage.get_artefact, key), seconds=PICTURE_SECONDS
        )
    except NotStoredError as error:
        message = "the instance is not rendered yet: the study has not been read"
        raise ProblemError(Code.NOT_FOUND, message, headers=RETRY_AFTER) from error

    def known() -> Preview:
        with backend.database.session() as session:
            image = reading.image(session, source.study_id, source.index)
        if image is None:
            raise not_found(Noun.INSTANCE)
        said = image.attributes
        shown_range = said.get("shown_range")
        return Preview(
            content,
            image.width,
            (shown_range[0], shown_range[1]) if shown_range else None,
            said.get("photometric_interpretation") == "MONOCHROME1",
        )

    return await run_in_threadpool(known)


async def _capture(backend: Backend, made: Made) -> Preview:
    """Return the picture of a Secondary Capture that is made of a report."""
    content = await written(backend, made, made.kind.name)

    def picture() -> Preview:
        dataset = dcmread(BytesIO(content))
        size = (dataset.Columns, dataset.Rows)
        file = BytesIO()
        Image.frombytes("RGB", size, dataset.PixelData[: 3 * size[0] * size[1]]).save(file, "PNG")
        return Preview(file.getvalue(), dataset.Columns)

    return await run_in_threadpool(picture)


async def _as_read(request: Request, backend: Backend, made: Made, kind: Kind) -> Response:
    name, media_type = _AS_READ[kind]
    if choose(accept_of(request), [media_type]) is None:
        raise not_acceptable([media_type])
    content = await written(backend, made, name)
    headers = {"Vary": "Accept"}
    if media_type == html.MEDIA_TYPE:
        headers["Content-Security-Policy"] = HTML_POLICY
    return Response(content, headers=headers, media_type=media_type)
