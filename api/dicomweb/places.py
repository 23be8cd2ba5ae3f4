"""Where things are under /dicomweb, and how a request names what it accepts."""

from typing import Final

from fastapi import Request

ROOT: Final = "/dicomweb"


def base_of(request: Request) -> str:
    """Return the address of /dicomweb, as this client reaches it."""
    return f"{str(request.base_url).rstrip('/')}{ROOT}"


def accept_of(request: Request) -> str | None:
    """Return what the client accepts: the query parameter goes before the header (PS3.18 8.3.3.1)."""
    return request.query_params.get("accept") or request.headers.get("accept")
