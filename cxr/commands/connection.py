"""Which server the commands talk to, and with which key."""

import os
from typing import Annotated, Final

import typer

from cxr.client import Client
from cxr.local.home import find_home
from cxr.local.state import load_state

PATIENCE_SECONDS: Final = 5.0
"""A person waits: long enough for a server that is just being started again, no longer."""

Url = Annotated[
    str | None,
    typer.Option(
        "--url", envvar="CXR_URL", metavar="URL", help="The server's address; else that of `cxr up` here."
    ),
]
Key = Annotated[
    str | None,
    typer.Option(
        "--key",
        envvar="CXR_KEY",
        metavar="KEY",
        help="An API key, where the server needs one. Others see the command line: better in CXR_KEY.",
    ),
]


def connect(url: str | None = None, key: str | None = None, *, patience: float | None = None) -> Client:
    """Return a client of the server at `url` or CXR_URL, else of the local stack.

    Whoever may read the local stack's own secrets needs no key of their own for it.

    Raises:
        InputError: the address or the key is none.
    """
    patience = PATIENCE_SECONDS if patience is None else patience
    if not (url or os.environ.get("CXR_URL")):
        state = load_state(find_home().state)
        if state is not None:
            return Client(
                state.url, key=key or os.environ.get("CXR_KEY") or state.admin_key, patience=patience
            )
    return Client(url, key=key, patience=patience)
