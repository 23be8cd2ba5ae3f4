"""Uvicorn as we run it: one server, its connections bounded, its long polls ended when it is told to stop."""

import asyncio
import resource
import signal
from functools import partial
from types import FrameType
from typing import Final

import structlog
import uvicorn
from fastapi import FastAPI
from typing_extensions import override

from api.connections import Connection, Door, Limits
from shared.settings import ApiSettings

STOP_SECONDS: Final = 20
"""How long requests under way may take to end after SIGTERM."""
TICKS_A_LOOK: Final = 10
"""Uvicorn ticks ten times a second."""
FILES_ASIDE: Final = 1024
"""Descriptors that are no connection's: of Postgres, the object store, the broker, and uploads on disk."""


class Server(uvicorn.Server):
    """Uvicorn, which also ends long polls and streams when it is told to stop: each with what it knows."""

    def __init__(self, app: FastAPI, settings: ApiSettings, limits: Limits | None = None) -> None:
        """Take other limits than the settings', for a test."""
        self._app = app
        self.door = Door(limits or Limits(connections=room_for(settings.max_connections)))
        config = uvicorn.Config(
            app,
            host=settings.host,
            port=settings.port,
            loop="uvloop",
            http=partial(Connection, self.door),  # type: ignore[arg-type]  # called as the class would be
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            forwarded_allow_ips=settings.trusted_proxies,
            timeout_graceful_shutdown=STOP_SECONDS,
        )
        super().__init__(config)

    @override
    async def on_tick(self, counter: int) -> bool:
        if counter % TICKS_A_LOOK == 0:
            self.door.look(asyncio.get_running_loop().time())
        return await super().on_tick(counter)

    @override
    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        structlog.get_logger().info("api.stopping", signal=signal.Signals(sig).name)
        backend = getattr(self._app.state, "backend", None)
        if backend is not None:
            backend.feed.close()
        super().handle_exit(sig, frame)


def room_for(connections: int) -> int:
    """Take as many descriptors as the system gives, and return how many connections they are enough for."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    if most == resource.RLIM_INFINITY:
        return connections
    return max(1, min(connections, max(most - FILES_ASIDE, most // 2)))
