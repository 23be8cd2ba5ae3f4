"""The queue: Celery's configuration, the queues' names and order, and how a hint is sent.

A message is a hint that one more study waits for a stage, and names its priority alone. Losing it, or
receiving it twice, changes nothing: which study is next, and whether one is, the worker asks Postgres.
"""

from collections.abc import Iterable
from typing import Final

import structlog
from celery import Celery
from kombu import Queue
from kombu.exceptions import OperationalError
from redis import Redis

from shared.domain.studies import Priority, Stage
from shared.records.moves import Hint
from shared.settings import QueueSettings

log = structlog.get_logger()

TASKS: Final = {Stage.CNN: "cnn.classify", Stage.LLM: "llm.report"}


def queue_name(stage: Stage, priority: Priority) -> str:
    """Return the name of the queue (and Redis key) of a stage's work of one priority."""
    return f"{stage}.{priority}"


def create_app(name: str, settings: QueueSettings, *, stage: Stage | None = None) -> Celery:
    """Make a Celery app that sends hints or, where a stage is given, consumes that stage's and sends none.

    A worker has one of each: Celery adds a queue that is sent to to those that are consumed, and after the
    next reconnect a worker would take the other stage's hints and throw them away.
    """
    app = Celery(name, broker=settings.url.get_secret_value(), set_as_current=False)
    consumed = [] if stage is None else [Queue(queue_name(stage, priority)) for priority in Priority]
    app.conf.update(
        task_queues=consumed,
        task_create_missing_queues=stage is None,
        task_default_queue="unused",
        task_serializer="json",
        accept_content=["json"],
        task_ignore_result=True,
        # Acknowledged on receipt: recovery is the lease's job alone.
        task_acks_late=False,
        # A message that is only prefetched would make a later urgent study wait behind it.
        worker_disable_prefetch=True,
        worker_consumer="shared.work.consumer:PersistentConsumer",
        worker_hijack_root_logger=False,
        worker_send_task_events=False,
        worker_enable_remote_control=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_transport_options={
            # Urgent before routine before archive: in the order of `consumed`, not in turn.
            "queue_order_strategy": "priority",
            "socket_connect_timeout": 2,
            "socket_timeout": 5,
            "socket_keepalive": True,
            "visibility_timeout": 3600,
            # A hint that cannot be sent at once is left to the sweeper: no client waits for the broker.
            "max_retries": 1,
            "interval_start": 0,
        },
    )
    return app


def send_hint(app: Celery, hint: Hint) -> bool:
    """Tell the queue that one more study waits; call it after the commit.

    Returns:
        Whether the broker took it. Where it did not, the sweeper hints later: no error is worth
        failing an accepted study for.
    """
    try:
        app.send_task(
            TASKS[hint.stage],
            args=[hint.priority],
            queue=queue_name(hint.stage, hint.priority),
            # Once more on a fresh connection: the pooled one may have died with the broker it was made to.
            retry=True,
            retry_policy={"max_retries": 1, "interval_start": 0},
        )
    except (OperationalError, OSError) as error:
        log.warning("hint.unsent", stage=hint.stage, error=type(error).__name__)
        return False
    return True


def send_hints(app: Celery, hints: Iterable[Hint]) -> int:
    """Send hints until the broker refuses one; return how many it took."""
    sent = 0
    for hint in hints:
        if not send_hint(app, hint):
            break
        sent += 1
    return sent


def queue_lengths(broker: Redis) -> dict[tuple[Stage, Priority], int]:
    """Ask the broker how many hints lie in each queue.

    Raises:
        redis.RedisError: the broker cannot be reached.
    """
    queues = [(stage, priority) for stage in Stage for priority in Priority]
    with broker.pipeline(transaction=False) as pipeline:
        for stage, priority in queues:
            pipeline.llen(queue_name(stage, priority))
        return dict(zip(queues, pipeline.execute(), strict=True))


def connect_broker(settings: QueueSettings) -> Redis:
    """Return a plain client of the broker, for what Celery does not offer."""
    return Redis.from_url(settings.url.get_secret_value(), socket_connect_timeout=2, socket_timeout=5)
