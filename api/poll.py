"""A poll of a study that has not changed, answered before any route is looked for.

Most of what a server is asked is GET /v1/studies/{id} of a study that stands as it stood. Who calls, how
often and from where is checked by then as ever; the route itself (`routes/studies.py`) answers the same.
"""

import re
from types import SimpleNamespace
from typing import Final
from uuid import UUID

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.types import Scope, Send

from api.auth import identify
from api.backend import Backend
from api.kept import KeptStudies
from api.negotiation import same
from shared.domain.studies import StudyId
from shared.records.keys import Scope as KeyScope

_UUID: Final = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_POLL: Final = re.compile(f"/v1/studies/({_UUID})")
_CHANGE: Final = re.compile(f"/v1/studies/({_UUID})(?:/.*)?")
_ROUTE: Final = SimpleNamespace(path="/v1/studies/{study_id}")
"""By which the request is counted."""


async def answer_kept(scope: Scope, headers: Headers, send: Send) -> bool:
    """Answer a plain poll by what is kept and holds; return whether it was one and is answered.

    Raises:
        ProblemError: the caller may not, as `api.auth` says.
    """
    polled = _POLL.fullmatch(scope["path"])
    if polled is None or scope["method"] != "GET" or scope["query_string"]:
        return False
    backend: Backend = scope["app"].state.backend
    kept = backend.kept.find(StudyId(UUID(polled[1])))
    if kept is None:
        return False
    caller = await identify(HTTPConnection(scope))
    caller.check(KeyScope.READ)
    if caller.sees not in (None, kept.tenant_id):
        return False
    scope["route"] = _ROUTE
    known = same(headers.get("if-none-match"), kept.etag)
    said = kept.raw_headers
    if not known:
        said = [*said, (b"content-length", b"%d" % len(kept.body)), (b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": 304 if known else 200, "headers": said})
    await send({"type": "http.response.body", "body": b"" if known else kept.body})
    return True


def forget_changed(scope: Scope) -> None:
    """Let go of what a request may have changed, before its caller is told that it has.

    The notification does so as well, a moment later; whoever has just acted is not shown what was before.
    """
    if scope["path"] == "/v1/studies":
        return  # a study of its own
    kept: KeptStudies = scope["app"].state.backend.kept
    changed = _CHANGE.fullmatch(scope["path"])
    if changed is None:
        kept.forget_all()
    else:
        kept.forget(StudyId(UUID(changed[1])))
