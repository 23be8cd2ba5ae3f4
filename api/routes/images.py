"""Pictures: previews, heatmaps and originals, read whole and verified before the first byte is sent."""

import asyncio
import base64
from collections.abc import Callable, Mapping
from functools import partial
from tempfile import SpooledTemporaryFile
from typing import Annotated, Any, Final
from urllib.parse import quote
from uuid import UUID

import structlog
from fastapi import APIRouter, Header, Path, Response
from fastapi.concurrency import run_in_threadpool
from starlette.types import Receive, Scope, Send
from typing_extensions import override

from api.auth import Caller, MayRead
from api.backend import Backend, BackendDep
from api.bodies.answers import problems
from api.bodies.study import etag_of
from api.kept import RETRY_AFTER
from api.negotiation import same
from api.originals import IN_MEMORY, PIECE, read_original, seconds_to_send
from api.polling import StudyPath, study_of
from api.problem_kinds import Code
from api.problems import Noun, ProblemError, not_found
from shared.bucket import SHORT, NotStoredError
from shared.domain.studies import StudyId
from shared.records import findings, reading
from shared.records.reading import ImageRecord, StudyRecord
from shared.storage import PNG, heatmap_key, preview_key

log = structlog.get_logger()

CACHING: Final = "private, no-cache"
"""Kept by the browser, and asked for again each time: an erased study's pictures go on no screen."""
_LARGEST_PICTURE: Final = 4 << 20
"""Bytes; the classifier's pictures are far smaller."""
PICTURE_SECONDS: Final = SHORT.object_seconds(_LARGEST_PICTURE)

_PICTURE: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {PNG: {"schema": {"type": "string", "format": "binary"}}}},
    304: {"description": "Unchanged since the version of `If-None-Match`."},
    **problems(404, 410, 422),
}
_ORIGINAL: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "content": {
            media_type: {"schema": {"type": "string", "format": "binary"}}
            for media_type in ("application/dicom", PNG, "image/jpeg")
        }
    },
    304: {"description": "The client has it."},
    **problems(404, 410, 422),
}

ImageIndex = Annotated[int, Path(ge=0, le=9999, description="The image's `index`.")]
IfNoneMatch = Annotated[str | None, Header()]

router = APIRouter(prefix="/v1/studies/{study_id}/images/{index}", tags=["images"])


@router.get("/preview.png", response_class=Response, responses=_PICTURE, summary="A preview of an image")
async def get_preview(
    study_id: StudyPath,
    index: ImageIndex,
    backend: BackendDep,
    caller: MayRead,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Return the image as the classifier saw it, as an 8-bit PNG."""
    study, _ = await run_in_threadpool(_image_of, backend, study_id, index, caller)
    key = preview_key(StudyId(study_id), index)
    return await _picture(backend, study, key, if_none_match, noun=Noun.PREVIEW)


@router.get(
    "/heatmaps/{label}.png", response_class=Response, responses=_PICTURE, summary="The heatmap of a label"
)
async def get_heatmap(
    study_id: StudyPath,
    index: ImageIndex,
    label: Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{1,64}$")],
    backend: BackendDep,
    caller: MayRead,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Return where on the image the classifier saw the label; for present and uncertain ones alone."""
    study, model_digest = await run_in_threadpool(_heatmap_of, backend, study_id, index, label, caller)
    key = heatmap_key(StudyId(study_id), index, model_digest, label)
    return await _picture(backend, study, key, if_none_match, noun=Noun.HEATMAP)


@router.get("/original", response_class=Response, responses=_ORIGINAL, summary="The file as it was sent")
async def get_original(
    study_id: StudyPath,
    index: ImageIndex,
    backend: BackendDep,
    caller: MayRead,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Return the original, byte for byte, as a download; one that is no longer what was sent is an error."""
    find = partial(_image_of, backend, study_id, index, caller)
    _, image = await run_in_threadpool(find)
    etag = f'"{image.sha256}"'
    headers = {"ETag": etag, "Cache-Control": CACHING}
    if same(if_none_match, etag):
        return Response(status_code=304, headers=headers)
    digest = base64.b64encode(bytes.fromhex(image.sha256)).decode()
    headers |= {
        "Content-Length": str(image.size),
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(image.file, safe='')}",
        # A file from outside may be anything to a browser (a preamble makes a DICOM file a program).
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "Repr-Digest": f"sha-256=:{digest}:",
    }
    return _OriginalResponse(backend, image, headers, who=caller.actor.id, still_there=find)


def _image_of(
    backend: Backend, study_id: UUID, index: int, caller: Caller
) -> tuple[StudyRecord, ImageRecord]:
    with backend.database.session() as session:
        study = study_of(session, study_id, caller)
        image = reading.image(session, StudyId(study_id), index)
    if image is None:
        raise not_found(Noun.IMAGE)
    return study, image


def _heatmap_of(
    backend: Backend, study_id: UUID, index: int, label: str, caller: Caller
) -> tuple[StudyRecord, str]:
    with backend.database.session() as session:
        study = study_of(session, study_id, caller)
        model_digest = findings.model_of_heatmap(session, StudyId(study_id), index, label)
    if model_digest is None:
        raise not_found(Noun.HEATMAP)
    return study, model_digest


async def _picture(
    backend: Backend, study: StudyRecord, key: str, if_none_match: str | None, *, noun: Noun
) -> Response:
    # A picture changes only with its study: a retry makes it again.
    etag = etag_of(study)
    headers = {"ETag": etag, "Cache-Control": CACHING}
    if same(if_none_match, etag):
        return Response(status_code=304, headers=headers)
    try:
        content = await backend.reading.run(
            partial(backend.storage.get_artefact, key), seconds=PICTURE_SECONDS
        )
    except NotStoredError as error:
        if study.status.is_final:
            raise not_found(noun) from error
        message = f"the {noun} is not made yet: the study is {study.status}"
        raise ProblemError(Code.NOT_FOUND, message, headers=RETRY_AFTER) from error
    return Response(content, headers=headers, media_type=PNG)


class _OriginalResponse(Response):
    """An original by way of a temporary file, verified before anything of it is sent.

    It goes at the client's own pace, which holds neither a thread nor the object store.
    """

    def __init__(
        self,
        backend: Backend,
        image: ImageRecord,
        headers: Mapping[str, str],
        *,
        who: str,
        still_there: Callable[[], object],
    ) -> None:
        super().__init__(headers=headers, media_type=image.media_type)
        self._backend = backend
        self._image = image
        self._who = who
        self._still_there = still_there

    @override
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        place = self._backend.originals.place_of(self._who)
        with place, SpooledTemporaryFile(IN_MEMORY) as content:
            await read_original(
                self._backend, self._image.sha256, self._image.size, content, still_there=self._still_there
            )
            try:
                async with asyncio.timeout(seconds_to_send(self._image.size)):
                    await self._send(content, send)
            except TimeoutError:
                # The connection is closed before its end, as the Content-Length tells the client.
                log.warning("original.cut", size=self._image.size)

    async def _send(self, content: SpooledTemporaryFile[bytes], send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        while piece := await run_in_threadpool(content.read, PIECE):
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})
