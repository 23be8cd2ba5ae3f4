"""STOW-RS (PS3.18 10.5): instances are sent, each is stored or has its reason."""

import json
from typing import Final

from anyio import to_thread
from fastapi import APIRouter, Request, Response

from api.auth import Caller, MayWrite
from api.backend import Backend, BackendDep
from api.dicomweb import media
from api.dicomweb.parts import received
from api.dicomweb.places import accept_of, base_of
from api.dicomweb.storing import Stored, store
from shared.dicom import dicom_json

_MOST_WARNINGS: Final = 10

router = APIRouter(prefix="/dicomweb", include_in_schema=False)


@router.post("/studies")
async def store_instances(request: Request, backend: BackendDep, caller: MayWrite) -> Response:
    """Store instances of any studies."""
    return await _store(request, backend, caller, None)


@router.post("/studies/{study}")
async def store_instances_of(request: Request, backend: BackendDep, caller: MayWrite, study: str) -> Response:
    """Store instances of one study; those of another are not stored."""
    return await _store(request, backend, caller, study)


async def _store(request: Request, backend: Backend, caller: Caller, study_uid: str | None) -> Response:
    media.check_json(accept_of(request))
    base = base_of(request)
    with backend.uploads.place_of(caller.actor.id):
        async with received(request, backend.settings) as parts:

            def work() -> Stored:
                return store(backend, caller, parts, base=base, study_uid=study_uid)

            stored = await to_thread.run_sync(work, limiter=backend.upload_threads)
    warnings = [f'299 {base}: "{_quotable(why)}"' for why in stored.whys[:_MOST_WARNINGS]]
    headers = {"Warning": ", ".join(warnings)} if warnings else {}
    content = json.dumps(stored.body(), ensure_ascii=False).encode()
    return Response(content, stored.status, headers, dicom_json.MEDIA_TYPE)


def _quotable(text: str) -> str:
    """Return a text as a header may quote it."""
    return text.encode("ascii", "replace").decode().replace('"', "'").replace("\\", "/")
