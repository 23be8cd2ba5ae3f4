"""Threads of a worker that are kept for what is urgent, however much other work holds all the others.

Celery has one pool of threads for all queues: it takes urgent hints first, but when every thread holds a
study of the archive there is no thread to take them. A lane is one more thread, with a connection of its own,
that takes the hints of some priorities only:

    urgent            a thread that urgent studies alone may hold
    urgent, routine   a thread that the archive may not hold
"""

import threading
from collections.abc import Callable, Sequence
from typing import Final

import structlog
from celery import Celery
from kombu import Connection, Consumer, Message, Queue
from kombu.mixins import ConsumerMixin
from kombu.transport.base import StdChannel
from typing_extensions import override

from shared.domain.studies import Priority, Stage
from shared.work.consumer import persistent
from shared.work.queue import queue_name

log = structlog.get_logger()

LANES: Final = ((Priority.URGENT,), (Priority.URGENT, Priority.ROUTINE))


class Lanes:
    """The lanes of one worker; they take hints from `start` to `stop`."""

    def __init__(self, app: Celery, stage: Stage, work: Callable[[Priority], object]) -> None:
        """Start nothing yet.

        Args:
            work: does what a hint of this priority asks for.
        """
        self._lanes = [_Lane(app.connection_for_read(), stage, priorities, work) for priorities in LANES]
        self._threads = [threading.Thread(target=lane.run, name="lane", daemon=True) for lane in self._lanes]

    def start(self) -> None:
        """Begin to take hints."""
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Take no more; what was begun goes on."""
        for lane in self._lanes:
            lane.should_stop = True

    def join(self) -> None:
        """Wait until what was begun has ended."""
        for thread in self._threads:
            thread.join()


class _Lane(ConsumerMixin):
    """Takes one hint at a time, and connects again for as long as the broker is away."""

    def __init__(
        self,
        connection: Connection,
        stage: Stage,
        priorities: Sequence[Priority],
        work: Callable[[Priority], object],
    ) -> None:
        self.connection = connection  # ConsumerMixin's own name
        self._queues = [Queue(queue_name(stage, priority)) for priority in priorities]
        self._work = work

    @override
    def create_connection(self) -> Connection:
        """Connect again, as the pool of all other threads does."""
        return persistent(super().create_connection())

    @override
    def get_consumers(self, Consumer: Callable[..., Consumer], channel: StdChannel) -> Sequence[Consumer]:
        return [Consumer(self._queues, on_message=self._take, no_ack=True, accept=["json"])]

    def _take(self, message: Message) -> None:
        # As Celery does with a task that raises: the lane must live on.
        try:
            arguments, *_ = message.payload
            self._work(Priority(arguments[0]))
        except Exception as error:
            log.exception("lane.failed", error=type(error).__name__)
