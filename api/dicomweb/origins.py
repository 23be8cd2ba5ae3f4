"""Pages of other sites that may call /dicomweb and nothing else: a viewer's (CORS, of the Fetch standard)."""

from collections.abc import Sequence

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from api.dicomweb.places import ROOT


class ViewerOrigins:
    """Answers what browsers ask before such a page's request, and names the page in each answer."""

    def __init__(self, app: ASGIApp, *, origins: Sequence[str]) -> None:
        """Take the origins of the pages that may."""
        self._app = app
        self._open = CORSMiddleware(
            app,
            allow_origins=origins,
            allow_methods=["GET", "POST", "PUT"],
            allow_headers=["Accept", "Authorization", "Content-Type"],
            expose_headers=["Retry-After", "Warning", "X-Request-ID"],
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        is_ours = scope["type"] == "http" and scope["path"].startswith(f"{ROOT}/")
        await (self._open if is_ours else self._app)(scope, receive, send)
