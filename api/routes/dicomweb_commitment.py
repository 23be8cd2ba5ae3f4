"""Storage commitment by DICOMweb (PS3.18 13): which instances are kept here is answered at once.

An instance is committed to where a row names its original and the object store has it. What a report is made
into is not kept, and not committed to.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final

from fastapi import APIRouter, Request, Response

from api.auth import Caller, MayRead
from api.backend import Backend, BackendDep
from api.dicomweb import media
from api.dicomweb.bodies import json_of
from api.dicomweb.places import accept_of
from api.problem_kinds import Code
from api.problems import Noun, ProblemError, not_found
from shared.bucket import SHORT
from shared.dicom import dicom_json
from shared.dicom.dicom_json import attribute, first_value, items_of
from shared.records import commitments
from shared.records.commitments import Kept

NO_SUCH_INSTANCE: Final = 0x0112
OTHER_CLASS: Final = 0x0119
"""Failure reasons (PS3.3 C.14.1.1)."""
_MOST: Final = 500
_LONGEST_LOOK: Final = SHORT.object_seconds(0)
_UID: Final = re.compile(r"[0-9.]{1,64}")

router = APIRouter(prefix="/dicomweb/commitment-requests", include_in_schema=False)


@router.post("/{transaction}")
async def request_commitment(
    request: Request, backend: BackendDep, caller: MayRead, transaction: str
) -> Response:
    """Say of each instance whether it is kept."""
    media.check_json(accept_of(request))
    _check_uid(transaction)
    references = _references(await json_of(request))
    look = partial(_look, backend, caller, references)
    committed, failed = await backend.reading.run(look, seconds=_LONGEST_LOOK + len(references))
    body: dict[str, Any] = {}
    if committed:
        body |= attribute("ReferencedSOPSequence", *committed)
    if failed:
        body |= attribute("FailedSOPSequence", *failed)
    return Response(json.dumps(body).encode(), media_type=dicom_json.MEDIA_TYPE)


@router.get("/{transaction}")
async def check_commitment(request: Request, caller: MayRead, transaction: str) -> Response:
    """Return the result of a request that was answered 202: there is none, each has its answer at once."""
    del caller
    media.check_json(accept_of(request))
    _check_uid(transaction)
    raise not_found(Noun.TRANSACTION)


def _check_uid(transaction: str) -> None:
    if _UID.fullmatch(transaction) is None:
        message = "the Transaction UID in the address is none"
        raise ProblemError(Code.BAD_REQUEST, message)


def _references(body: Mapping[str, Any]) -> Sequence[tuple[str, str]]:
    """Return the SOP class and instance UIDs that are asked for."""
    found = []
    for item in items_of(body, "ReferencedSOPSequence"):
        uids = [first_value(item, name) for name in ("ReferencedSOPClassUID", "ReferencedSOPInstanceUID")]
        if not all(isinstance(uid, str) and _UID.fullmatch(uid) for uid in uids):
            message = "an item of the Referenced SOP Sequence lacks its SOP Class or SOP Instance UID"
            raise ProblemError(Code.BAD_REQUEST, message)
        found.append((uids[0], uids[1]))
    if not 0 < len(found) <= _MOST:
        message = f"the Referenced SOP Sequence takes 1 to {_MOST} items"
        raise ProblemError(Code.BAD_REQUEST, message)
    return found


def _look(
    backend: Backend, caller: Caller, references: Sequence[tuple[str, str]]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    with backend.database.session() as session:
        kept = commitments.kept(session, [uid for _, uid in references], tenant_id=caller.sees)
    committed, failed = [], []
    for sop_class, uid in references:
        item = attribute("ReferencedSOPClassUID", sop_class) | attribute("ReferencedSOPInstanceUID", uid)
        reason = _reason(kept.get(uid), sop_class, backend.storage.has_original)
        if reason is None:
            committed.append(item)
        else:
            failed.append(item | attribute("FailureReason", reason))
    return committed, failed


def _reason(one: Kept | None, sop_class: str, has_original: Callable[[str], bool]) -> int | None:
    if one is None or not has_original(one.sha256):
        return NO_SUCH_INSTANCE
    return None if one.sop_class_uid == sop_class else OTHER_CLASS
