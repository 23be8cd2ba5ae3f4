"""The work that there is as gauges: set by the sweeper, and by an API whose own /metrics is open."""

from shared.operations import telemetry
from shared.records import waiting
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


def clear_all() -> None:
    """Tell nothing rather than what was: the work could not be counted."""
    for gauge in (telemetry.WAITING, telemetry.RUNNING, telemetry.OLDEST):
        gauge.clear()
