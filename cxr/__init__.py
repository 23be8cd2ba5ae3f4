"""CXR Reporter: the Python client, the `cxr` command and the embedded local stack.

    from cxr import Client

Clients: client.py and async_client.py over calls.py (what is sent), conversations.py (several calls for one
answer), sending.py (how) and models/ (what comes back).
Command: cli.py and commands/. Local stack: local/.
"""

from cxr.async_client import AsyncClient
from cxr.client import Client
from cxr.errors import (
    CxrError,
    InputError,
    NotDoneError,
    NotReachableError,
    NotReadyError,
    ProblemError,
    StackError,
)

__all__ = [
    "AsyncClient",
    "Client",
    "CxrError",
    "InputError",
    "NotDoneError",
    "NotReachableError",
    "NotReadyError",
    "ProblemError",
    "StackError",
]
