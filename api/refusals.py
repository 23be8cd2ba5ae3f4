"""How a connection is told that it is not served: by an app in place of the API, or in bytes alone.

Map: `CROWDED`, `FOREIGN_USER` -> `refusing` · `written`.
"""

from http import HTTPStatus
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from api import metrics
from api.door import PROBES
from api.problem_kinds import Code
from api.problems import ProblemError, response_of, unavailable
from shared.domain.studies import new_id

CROWDED: Final = "full", unavailable("the server has as many connections as it takes")
FOREIGN_USER: Final = (
    "foreign-user",
    ProblemError(Code.FOREIGN_USER, "without API keys this server answers to the user who started it alone"),
)


def refusing(app: ASGIApp, why: tuple[str, ProblemError]) -> ASGIApp:
    """Return an app that serves probes, and tells everybody else why it does not serve them."""
    reason, problem = why

    async def refuse(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] in PROBES:
            await app(scope, receive, send)
            return
        metrics.REFUSED.labels(reason).inc()
        await response_of(problem, path=scope["path"], request_id=new_id().hex)(scope, receive, send)

    return refuse


def written(problem: ProblemError) -> bytes:
    """Return the whole answer; what was asked for, and by what name, nobody knows."""
    response = response_of(problem, path="", request_id=new_id().hex)
    lines = [f"HTTP/1.1 {response.status_code} {HTTPStatus(response.status_code).phrase}".encode()]
    lines += [name + b": " + value for name, value in response.raw_headers]
    lines += [b"connection: close", b"x-content-type-options: nosniff", b"", bytes(response.body)]
    return b"\r\n".join(lines)
