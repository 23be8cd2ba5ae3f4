"""Uvicorn as we run it: one server, its connections bounded, its long polls ended when it is told to stop."""

import asyncio
import signal
from functools import partial
from types import FrameType
from typing import Final

import structlog
import uvicorn
from fastapi import FastAPI
from typing_extensions import override

from api.connections import Connection
from api.door import Door, Limits, room_for
from api.neighbours import own_users
from shared.settings import ApiSettings, AuthMode

STOP_SECONDS: Final = 20
"""How long requests under way may take to end after SIGTERM."""
TICKS_A_LOOK: Final = 10
"""Uvicorn ticks ten times a second."""


class Server(uvicorn.Server):
    """Uvicorn, which also ends long polls and streams when it is told to stop: each with what it knows."""

    def __init__(self, app: FastAPI, settings: ApiSettings, limits: Limits | None = None) -> None:
        """Take other limits than the settings', for a test."""
        self._app = app
        self.door = Door(
            limits or Limits(connections=room_for(settings.max_connections)),
            users=own_users() if settings.auth is AuthMode.OFF else None,
        )
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
            proxy_headers=bool(settings.trusted_proxies),
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
