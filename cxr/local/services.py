"""The product's own processes: migrations, API, workers, sweeper and gateway."""

import os
import sys
from typing import Final

import httpx

from cxr.local.broker import broker_part, queue_url
from cxr.local.home import Home, services_root
from cxr.local.own_settings import OWN
from cxr.local.part import Launch, Part
from cxr.local.postgres import database_url, postgres_part
from cxr.local.state import State, read_json
from cxr.local.storage import storage_endpoint, storage_part

PARTS: Final = ("postgres", "broker", "storage", "api", "worker-cnn", "worker-llm", "sweeper", "gateway")
"""What `cxr status` lists."""
_SERVERS: Final = ("postgres", "broker", "storage")
_NO_PROXY: Final = ("no_proxy", "NO_PROXY")
"""Programs read the one or the other."""
_READY: Final = b'"worker.ready"'
_PROBE_SECONDS: Final = 2


def all_parts(home: Home, state: State) -> list[Part]:
    """Return every part in the order of its start, and last the order of its stop.

    Raises:
        StackError: the stack is not installed, or this machine cannot run it.
    """
    environment = _environment(home, state)
    after_migrations = (*_SERVERS, "migrations")
    return [
        postgres_part(home, state),
        broker_part(home, state),
        storage_part(home, state),
        _service(home, "migrations", "migrations", environment, needs=_SERVERS, once=True),
        _service(home, "api", "api", environment, needs=after_migrations, answers_at=state),
        _service(home, "worker-cnn", "worker_cnn", environment, needs=after_migrations),
        _service(home, "worker-llm", "worker_llm", environment, needs=after_migrations),
        _service(home, "sweeper", "shared.work.sweeper", environment, needs=after_migrations),
        _service(
            home,
            "gateway",
            "gateway",
            environment,
            needs=after_migrations,
            port=state.ports.dicom,
            stop_seconds=20,  # associations are let come to their end
        ),
    ]


# Settings that one service alone reads: a change of them starts that one again and no other.
_READ_BY: Final = {
    "CXR_MODEL_": "worker-cnn",
    "CXR_CRITICAL_": "worker-cnn",
    "CXR_REPORT_": "worker-llm",
    "CXR_GATEWAY_": "gateway",
    "CXR_DELIVERY_": "gateway",
}


def _service(
    home: Home,
    name: str,
    module: str,
    environment: dict[str, str],
    *,
    needs: tuple[str, ...],
    answers_at: State | None = None,
    port: int | None = None,
    stop_seconds: float = 10,
    once: bool = False,
) -> Part:
    return Part(
        name=name,
        command=(sys.executable, "-m", module),
        log=home.log(name),
        ready=(lambda _launch: _answers(answers_at.url)) if answers_at else _says_ready,
        environment={key: value for key, value in environment.items() if _is_for(key, name)},
        folder=home.folder("run"),
        port=answers_at.ports.api if answers_at else port,
        stop_seconds=stop_seconds,
        needs=needs,
        once=once,
    )


def _environment(home: Home, state: State) -> dict[str, str]:
    callers = {
        name: value for name, value in os.environ.items() if name not in OWN and not name.startswith("PYTHON")
    }
    past_the_proxy = ",".join(
        [*(callers[name] for name in _NO_PROXY if callers.get(name)), "127.0.0.1", "localhost"]
    )
    return {
        # All parts share this machine's cores: a model's threads that wait must sleep, not spin, or the two
        # of them hold each other up (one report took 8.7 s instead of 3.7 s beside a busy core).
        "OMP_WAIT_POLICY": "PASSIVE",
        # Shorter than `cxr down` waits before it kills.
        "CXR_QUEUE_DRAIN": "PT7S",
        **callers,
        # After the caller's: `cxr models use` must have its effect whatever was exported at `cxr up`.
        **read_json(home.config),
        **dict.fromkeys(_NO_PROXY, past_the_proxy),
        "PYTHONPATH": str(services_root()),
        "PYTHONUNBUFFERED": "1",
        "CXR_DATABASE_URL": database_url(state),
        "CXR_QUEUE_URL": queue_url(state),
        "CXR_STORAGE_ENDPOINT": storage_endpoint(state),
        "CXR_STORAGE_ACCESS_KEY": state.credentials.storage_access_key,
        "CXR_STORAGE_SECRET_KEY": state.credentials.storage_secret_key,
        "CXR_API_HOST": state.host,
        "CXR_API_PORT": str(state.ports.api),
        "CXR_GATEWAY_DICOM_PORT": str(state.ports.dicom),
        "CXR_GATEWAY_HL7_PORT": str(state.ports.hl7),
        # The API takes "off" on the loopback address alone.
        **(
            {"CXR_API_AUTH": "required", "CXR_API_ADMIN_KEY": state.admin_key}
            if state.admin_key
            else {"CXR_API_AUTH": "off"}
        ),
    }


def _is_for(variable: str, name: str) -> bool:
    return all(name == reader or not variable.startswith(prefix) for prefix, reader in _READ_BY.items())


def _answers(url: str) -> bool:
    try:
        answer = httpx.get(f"{url}/readyz", timeout=_PROBE_SECONDS, trust_env=False)
    except httpx.HTTPError:
        return False
    return answer.status_code == httpx.codes.OK


def _says_ready(launch: Launch) -> bool:
    return launch.logged(_READY)
