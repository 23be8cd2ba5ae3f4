"""The work that there is as gauges: set by the sweeper, and by an API whose own /metrics is open."""

from shared.operations import telemetry
from shared.records import delivery_lists, waiting
from shared.records.database import Database


def set_all(database: Database) -> None:
    """Count the work that there is, for operators and for what scales the workers.

    Raises:
        TryAgainError: Postgres is away.
    """
    with database.session() as session:
        for (stage, priority), number in waiting.count_all_waiting(session).items():
            telemetry.WAITING.labels(stage, priority).set(number)
        for stage, number in waiting.count_running(session).items():
            telemetry.RUNNING.labels(stage).set(number)
            telemetry.OLDEST.labels(stage).set(waiting.longest_wait(session, stage).total_seconds())
        for kind, backlog in delivery_lists.backlog(session).items():
            telemetry.OWED.labels(kind).set(backlog.waiting)
            telemetry.DEAD.labels(kind).set(backlog.dead)
            telemetry.OWED_SINCE.labels(kind).set(backlog.oldest.total_seconds())


def clear_all() -> None:
    """Tell nothing rather than what was: the work could not be counted."""
    gauges = (telemetry.WAITING, telemetry.RUNNING, telemetry.OLDEST)
    for gauge in (*gauges, telemetry.OWED, telemetry.DEAD, telemetry.OWED_SINCE):
        gauge.clear()
