"""How long a study waits whose worker was killed."""

from shared.work.faults import Point
from tests.faults.conftest import Line

RECOVERY_SECONDS = 30


def test_a_killed_workers_study_goes_on_within_thirty_seconds(line: Line):
    # One lease after the last heartbeat, one sweep, and the way through the queue, as it is configured.
    assert line.kill_worker(Point.CNN_BEFORE_COMMIT) < RECOVERY_SECONDS
