"""The fate of a claim, for everything that work can do."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import structlog

from shared.domain.studies import Priority, Stage, StudyStatus
from shared.errors import BrokenImageError, TryAgainError
from shared.records import studies
from shared.records.claims import Claim
from shared.records.database import Database
from shared.settings import QueueSettings
from shared.work import queue
from shared.work.handling import Outcome, Workplace, handle
from shared.work.heartbeat import Heartbeat
from tests.support.builders import SOMEBODY, WORKER, a_claim, a_study, the_study


@pytest.fixture
def workplace(database: Database, queue_settings: QueueSettings) -> Iterator[Workplace]:
    quick = queue_settings.model_copy(update={"heartbeat": queue_settings.heartbeat / 100})
    heartbeat = Heartbeat(database, quick)
    yield Workplace(database, queue.create_app("test", queue_settings), heartbeat, queue_settings, WORKER)
    heartbeat.stop()


def failing(error: Exception):
    def work(_claim: Claim) -> Outcome:
        raise error

    return work


def hinted(workplace: Workplace, work: Callable[[Claim], Outcome]) -> Outcome:
    return handle(Stage.CNN, Priority.ROUTINE, workplace, work)


def test_a_hint_does_nothing_where_someone_else_holds_the_study(workplace: Workplace):
    study_id = a_study(workplace.database)
    a_claim(workplace.database, study_id)
    must_not_run = failing(AssertionError("worked without a lease"))
    assert hinted(workplace, must_not_run) is Outcome.NOTHING_WAITS
    assert the_study(workplace.database, study_id).status is StudyStatus.CLASSIFYING


def test_the_same_message_twice_at_once_is_worked_on_once(workplace: Workplace):
    a_study(workplace.database)
    start = threading.Barrier(8)
    runs: list[Claim] = []

    def work(claim: Claim) -> Outcome:
        runs.append(claim)
        return Outcome.DONE

    def race(_: int) -> Outcome:
        start.wait()
        return hinted(workplace, work)

    with ThreadPoolExecutor(8) as threads:
        outcomes = list(threads.map(race, range(8)))
    assert len(runs) == 1
    assert sorted(outcomes) == sorted([Outcome.DONE] + [Outcome.NOTHING_WAITS] * 7)


def test_bad_input_ends_in_rejected_with_its_reason(workplace: Workplace):
    study_id = a_study(workplace.database)
    work = failing(BrokenImageError("cut off after 10 bytes", file="a.dcm"))
    assert hinted(workplace, work) is Outcome.REJECTED
    row = the_study(workplace.database, study_id)
    assert (row.status, row.error_type, row.error_file) == (StudyStatus.REJECTED, "broken-image", "a.dcm")


def test_something_that_is_away_releases_the_study_unharmed(workplace: Workplace):
    study_id = a_study(workplace.database)
    assert hinted(workplace, failing(TryAgainError("S3 is away"))) is Outcome.RELEASED
    row = the_study(workplace.database, study_id)
    assert (row.status, row.failures, row.alone) == (StudyStatus.QUEUED, 0, False)


def test_a_bug_is_tried_alone_and_then_given_up_without_telling_what_it_held(workplace: Workplace):
    study_id = a_study(workplace.database)
    alone = []
    for _ in range(4):

        def work(claim: Claim) -> Outcome:
            alone.append(claim.alone)
            message = "PatientName=DOE^JANE"
            raise KeyError(message)

        assert hinted(workplace, work) is Outcome.FAILED_ATTEMPT
    row = the_study(workplace.database, study_id)
    assert alone == [False, True, True, True]
    assert (row.status, row.error_detail) == (StudyStatus.FAILED, "KeyError")


def test_the_heartbeat_tells_work_that_its_study_was_cancelled(workplace: Workplace):
    study_id = a_study(workplace.database)

    def work(claim: Claim) -> Outcome:
        with workplace.database.session() as session:
            studies.cancel(session, study_id, actor=SOMEBODY)
        for _ in range(200):
            workplace.heartbeat.check(study_id, claim.token)
            threading.Event().wait(0.02)
        return Outcome.DONE

    assert hinted(workplace, work) is Outcome.LEASE_LOST
    assert the_study(workplace.database, study_id).status is StudyStatus.CANCELLED


def test_the_study_is_named_in_every_log_line_of_its_work_and_in_no_later_one(workplace: Workplace):
    study_id = a_study(workplace.database)
    with structlog.testing.capture_logs(processors=[structlog.contextvars.merge_contextvars]) as lines:
        hinted(workplace, failing(TryAgainError("x")))
        structlog.get_logger().info("after")
    assert {line.get("study_id") for line in lines[:-1]} == {str(study_id)}
    assert "study_id" not in lines[-1]
