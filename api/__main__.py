"""Runs the API: `python -m api`. One process; start more of them behind a balancer to serve more."""

import signal
from types import FrameType

import structlog
import uvicorn
from fastapi import FastAPI
from typing_extensions import override

from api.main import OpenToTheWorldError, create_app
from shared import telemetry
from shared.settings import ApiSettings, DatabaseSettings, QueueSettings, StorageSettings, TelemetrySettings

STOP_SECONDS = 20
"""How long requests under way may take to end after SIGTERM."""


class Server(uvicorn.Server):
    """Uvicorn, which also ends long polls and streams when it is told to stop: each with what it knows."""

    def __init__(self, config: uvicorn.Config, app: FastAPI) -> None:
        super().__init__(config)
        self._app = app

    @override
    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        structlog.get_logger().info("api.stopping", signal=signal.Signals(sig).name)
        backend = getattr(self._app.state, "backend", None)
        if backend is not None:
            backend.feed.close()
        super().handle_exit(sig, frame)


def main() -> None:
    """Read the settings, serve until told to stop."""
    settings = ApiSettings()
    telemetry.configure("api", TelemetrySettings())
    try:
        app = create_app(
            settings, database=DatabaseSettings(), storage=StorageSettings(), queue=QueueSettings()
        )
    except OpenToTheWorldError as error:
        raise SystemExit(str(error)) from error
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http="httptools",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=STOP_SECONDS,
    )
    # Uvicorn raises the signal again once it has stopped in good order; that is no reason to die of it.
    signal.signal(signal.SIGTERM, lambda *_: None)
    Server(config, app).run()


if __name__ == "__main__":
    main()
