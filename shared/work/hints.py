"""Sends the hints that doors owe, beside whatever they do."""

import contextlib
from queue import Full, Queue
from threading import Thread
from typing import Final

import structlog
from celery import Celery

from shared.records.moves import Hint
from shared.work import queue

MOST_UNSENT_HINTS: Final = 1000
"""Past this many the broker is away; the sweeper hints when it is back."""

log = structlog.get_logger()


class HintSender:
    """Sends hints so that a broker that is away holds up nobody who takes a study in."""

    def __init__(self, app: Celery) -> None:
        self.app = app
        self._unsent: Queue[Hint | None] = Queue(MOST_UNSENT_HINTS)
        self._thread = Thread(target=self._send_all, name="hints", daemon=True)
        self._thread.start()

    def send(self, hint: Hint) -> None:
        """Send soon; call it after the commit."""
        try:
            self._unsent.put_nowait(hint)
        except Full:
            log.warning("hint.dropped", stage=hint.stage)

    def close(self) -> None:
        """Send what is left if the broker lets us, and let go of it."""
        with contextlib.suppress(Full):
            self._unsent.put_nowait(None)
        self._thread.join(timeout=3)
        self.app.close()

    def _send_all(self) -> None:
        while (hint := self._unsent.get()) is not None:
            try:
                queue.send_hint(self.app, hint)
            except Exception as error:
                # Whatever it was, the hints after it are to be sent; the sweeper makes up for this one.
                log.exception("hint.unsent", stage=hint.stage, error=type(error).__name__)
