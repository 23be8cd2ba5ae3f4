"""Settings of the caller's environment that the local stack does not obey, and why not.

The caller may set how the services behave (CXR_MODEL_DEVICE=cuda), not where the stack's own parts are.
What is not obeyed is said at `cxr up`: nothing that somebody set is dropped in silence.
"""

from collections.abc import Mapping
from typing import Final

from cxr.errors import StackError
from cxr.local.state import LOOPBACK, STANDARD, is_free

_DATABASE: Final = "the stack runs a Postgres of its own"
_BROKER: Final = "the stack runs a broker of its own"
_STORAGE: Final = "the stack runs an object store of its own"
_OPTIONS: Final = frozenset({"CXR_API_HOST", "CXR_API_PORT", "CXR_API_AUTH", "CXR_API_ADMIN_KEY"})
"""Obeyed, by way of the options of `cxr up` (stack.py)."""
_REASONS: Final = {
    "CXR_DATABASE_URL": _DATABASE,
    "CXR_QUEUE_URL": _BROKER,
    "CXR_STORAGE_ENDPOINT": _STORAGE,
    "CXR_STORAGE_REGION": _STORAGE,
    "CXR_STORAGE_BUCKET": _STORAGE,
    "CXR_STORAGE_ACCESS_KEY": _STORAGE,
    "CXR_STORAGE_SECRET_KEY": _STORAGE,
    "CXR_TELEMETRY_METRICS_PORT": "its processes cannot share one port; what waits and runs is told by"
    " `cxr status`, and, while keys are off, by GET /metrics of the API",
}
OWN: Final = _OPTIONS | _REASONS.keys()
"""No part gets these from the caller."""
_BOUNDED: Final = {
    "CXR_QUEUE_DRAIN": "obeyed for at most 10 seconds: then the stack ends a worker that still runs"
}
_HIGHEST_PORT: Final = 65_535
_OF_THE_CALLER: Final = frozenset({"CXR_URL", "CXR_KEY", "CXR_HOME", "CXR_PART"})
"""These are no settings of a service."""


def not_obeyed(environment: Mapping[str, str], chosen: Mapping[str, str]) -> dict[str, str]:
    """Return the settings that a stack which is about to start does not take up as they are, with the reason.

    Args:
        chosen: what `cxr models use` chose, which goes before the environment.
    """
    reasons = {name: why for name, why in (_REASONS | _BOUNDED).items() if environment.get(name)}
    for name, value in chosen.items():
        if environment.get(name, value) != value:
            reasons[name] = f"`cxr models use` chose {value}; choose anew with it"
    return reasons


def asked_ports(environment: Mapping[str, str]) -> dict[str, int]:
    """Return the gateway's ports that the caller names, by `state.STANDARD`'s names; 0 names none.

    Raises:
        StackError: it is no port, or another program has it.
    """
    host = environment.get("CXR_GATEWAY_HOST") or LOOPBACK
    asked = {}
    for name in STANDARD:
        variable = f"CXR_GATEWAY_{name.upper()}_PORT"
        value = environment.get(variable) or "0"
        if not value.isdecimal() or int(value) > _HIGHEST_PORT:
            message = f"{variable} is {value!r}; it can be a port, or 0 for any that is free"
            raise StackError(message)
        port = int(value)
        if port and not is_free(port, host):
            message = (
                f"port {port} is taken by another program. Stop that program, or name another: {variable}"
            )
            raise StackError(message)
        if port:
            asked[name] = port
    return asked


def not_taken_up(environment: Mapping[str, str], running: Mapping[str, str]) -> dict[str, str]:
    """Return the settings that differ from those of the stack that runs, with the reason."""
    return {
        name: "the stack runs with another value since its start: `cxr down`, then `cxr up`"
        for name, value in environment.items()
        if name.startswith("CXR_") and name not in OWN | _OF_THE_CALLER and running.get(name) != value
    }
