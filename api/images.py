"""Pictures: previews, heatmaps and originals, streamed from the object store."""

import base64
from collections.abc import Mapping
from typing import Annotated, Any, Final
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Header, Path, Response
from fastapi.responses import StreamingResponse
from sqlalchemy.orm import Session

from api.auth import Caller, Reader
from api.backend import Backend, Stack
from api.bodies import etag_of
from api.negotiation import same
from api.polling import RETRY_AFTER, StudyPath, study_of
from api.problems import Code, Noun, ProblemError, not_found
from api.schemas import problems
from shared.domain import StudyId
from shared.storage import PNG, NotStoredError, heatmap_key, original_key, preview_key
from shared.tables import FindingRow, ImageRow, StudyRow

CACHING: Final = "private, no-cache"
"""Kept by the browser, and asked for again each time: an erased study's pictures go on no screen."""

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
def get_preview(
    study_id: StudyPath, index: ImageIndex, backend: Stack, caller: Reader, if_none_match: IfNoneMatch = None
) -> Response:
    """Return the image as the classifier saw it, as an 8-bit PNG."""
    with backend.database.session() as session:
        study, _ = _image_of(session, study_id, index, caller)
    return _picture(backend, study, preview_key(StudyId(study_id), index), if_none_match, noun=Noun.PREVIEW)


@router.get(
    "/heatmaps/{label}.png", response_class=Response, responses=_PICTURE, summary="The heatmap of a label"
)
def get_heatmap(
    study_id: StudyPath,
    index: ImageIndex,
    label: Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{1,64}$")],
    backend: Stack,
    caller: Reader,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Return where on the image the classifier saw the label; for present and uncertain ones alone."""
    with backend.database.session() as session:
        study, _ = _image_of(session, study_id, index, caller)
        finding = session.get(FindingRow, (study_id, index, label))
    if finding is None or not finding.heatmap:
        raise not_found(Noun.HEATMAP)
    key = heatmap_key(StudyId(study_id), index, label)
    return _picture(backend, study, key, if_none_match, noun=Noun.HEATMAP)


@router.get("/original", response_class=Response, responses=_ORIGINAL, summary="The file as it was sent")
def get_original(
    study_id: StudyPath, index: ImageIndex, backend: Stack, caller: Reader, if_none_match: IfNoneMatch = None
) -> Response:
    """Return the original, byte for byte, as a download; Repr-Digest tells whether it arrived whole."""
    with backend.database.session() as session:
        _, image = _image_of(session, study_id, index, caller)
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
    return _stream(backend, original_key(image.sha256), image.media_type, headers, noun=Noun.IMAGE)


def _image_of(session: Session, study_id: UUID, index: int, caller: Caller) -> tuple[StudyRow, ImageRow]:
    study = study_of(session, study_id, caller)
    image = session.get(ImageRow, (study_id, index))
    if image is None:
        raise not_found(Noun.IMAGE)
    return study, image


def _picture(
    backend: Backend, study: StudyRow, key: str, if_none_match: str | None, *, noun: Noun
) -> Response:
    # A picture changes only with its study: a retry makes it again.
    etag = etag_of(study)
    headers = {"ETag": etag, "Cache-Control": CACHING}
    if same(if_none_match, etag):
        return Response(status_code=304, headers=headers)
    try:
        return _stream(backend, key, PNG, headers, noun=noun)
    except ProblemError as problem:
        if study.status.is_final or problem.code is not Code.NOT_FOUND:
            raise
        message = f"the {noun} is not made yet: the study is {study.status}"
        raise ProblemError(Code.NOT_FOUND, message, headers=RETRY_AFTER) from problem


def _stream(
    backend: Backend, key: str, media_type: str, headers: Mapping[str, str], *, noun: Noun
) -> Response:
    try:
        pieces = backend.storage.stream(key)
    except NotStoredError as error:
        raise not_found(noun) from error
    return StreamingResponse(pieces, headers=headers, media_type=media_type)
