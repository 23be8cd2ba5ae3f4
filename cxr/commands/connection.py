"""Which server the commands talk to."""

import os
from typing import Final

from cxr.client import Client
from cxr.local.home import find_home
from cxr.local.state import load_state

_PATIENCE_SECONDS: Final = 5.0
"""A person waits: long enough for a server that is just being started again, no longer."""


def connect(*, patience: float = _PATIENCE_SECONDS) -> Client:
    """Return a client of CXR_URL's server, else of the local stack on whatever port that has."""
    if not os.environ.get("CXR_URL"):
        state = load_state(find_home().state)
        if state is not None:
            return Client(f"http://localhost:{state.ports.api}", patience=patience)
    return Client(patience=patience)
