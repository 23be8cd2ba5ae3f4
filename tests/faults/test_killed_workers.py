"""kill -9 of a worker, at a point of its work that the test chooses."""

import signal
import time

import pytest

from shared.domain.studies import StudyEvent, StudyStatus
from shared.records import reading
from shared.work.faults import Point
from tests.faults.conftest import Line
from tests.support.services import wait_for

SHORT_LEASE = {"CXR_QUEUE_LEASE": "PT4S", "CXR_QUEUE_HEARTBEAT": "PT1S"}
"""Recovery is a matter of the lease: most tests need not wait for one of twenty seconds."""


@pytest.mark.parametrize("point", sorted({*Point} - {Point.CNN_DECODING}))  # that is a child's
def test_the_study_of_a_worker_killed_at_any_point_is_reported_once(line: Line, point: Point):
    line.environment |= SHORT_LEASE
    line.kill_worker(point)


def test_a_worker_that_hangs_and_comes_back_late_changes_nothing(line: Line):
    line.environment |= SHORT_LEASE
    sleeper = line.start_all(stopping={"worker_llm": Point.LLM_BEFORE_WRITE})["worker_llm"]
    (study_id,) = line.submit()
    sleeper.wait_until_stopped_at_its_point()
    sleeper.process.send_signal(signal.SIGSTOP)
    # The other one holds the study just then: the status is what it was, and the token alone is the fence.
    holder = line.start("worker_llm", stop_at=Point.LLM_BEFORE_WRITE)
    holder.wait_until_stopped_at_its_point()
    sleeper.go_on()
    sleeper.process.send_signal(signal.SIGCONT)
    wait_for(lambda: "study.handled" in sleeper.text(), 60, "the sleeper to try to write")
    assert '"outcome": "lease-lost"' in sleeper.text()
    assert line.status(study_id) is StudyStatus.REPORTING
    holder.go_on()
    line.wait([study_id], 60)
    assert line.check() == {StudyStatus.COMPLETED: 1}


def test_sigterm_finishes_what_was_begun_and_takes_nothing_more(line: Line):
    running = line.start_all()
    line.submit(20)
    first = running["worker_cnn"]
    while not any(line.status(s) is not StudyStatus.QUEUED for s in line.submitted):
        time.sleep(0.02)
    assert first.terminate() == 0
    line.start("worker_cnn")
    line.wait(line.submitted, 60)
    assert line.check() == {StudyStatus.COMPLETED: 20}
    for study_id in line.submitted:
        with line.database.session() as session:
            assert StudyEvent.LEASE_EXPIRED not in {
                event.event for event in reading.events(session, study_id)
            }


def test_what_is_not_finished_when_a_worker_has_to_stop_is_given_back_at_once(line: Line):
    line.environment |= {"CXR_QUEUE_DRAIN": "PT1S"}
    stopping = line.start_all(stopping={"worker_llm": Point.LLM_BEFORE_WRITE})["worker_llm"]
    (study_id,) = line.submit()
    stopping.wait_until_stopped_at_its_point()
    assert stopping.terminate() == 0
    assert line.status(study_id) is StudyStatus.CLASSIFIED
    line.start("worker_llm")
    line.wait([study_id], 60)
    assert line.check() == {StudyStatus.COMPLETED: 1}
    with line.database.session() as session:
        events = [event.event for event in reading.events(session, study_id)]
    assert StudyEvent.RELEASED in events
    assert StudyEvent.LEASE_EXPIRED not in events
