"""Studies that are small to send and take long: who has sent none waits for none, and all of them end."""

import time

from shared.domain.studies import Priority, StudyEvent, StudyStatus
from shared.records import claims, reading, studies
from tests.faults.conftest import Line
from tests.support.builders import SOMEBODY, a_tenant
from tests.support.services import Service, wait_for

BUDGETS = {"CXR_MODEL_FILE_BUDGET": "PT5S", "CXR_MODEL_STUDY_BUDGET": "PT12S", "CXR_MODEL_CONCURRENCY": "4"}
SHORT_LEASE = {"CXR_QUEUE_LEASE": "PT2S", "CXR_QUEUE_HEARTBEAT": "PT0.5S"}


def start_burning(line: Line, how: str) -> Service:
    return line.start("tests.support.burning", "burns.jpg", how)


def test_urgent_and_routine_work_goes_on_beside_an_archive_that_burns_every_thread_and_decoder(line: Line):
    line.environment |= BUDGETS
    heavy = line.submit(8, file="burns.jpg", priority=Priority.ARCHIVE, images=16)
    start_burning(line, "60")
    line.start("worker_llm")
    line.start("shared.work.sweeper")
    wait_for(lambda: line.status(heavy[0]) is StudyStatus.CLASSIFYING, 30, "the archive to be begun")
    started = time.monotonic()
    urgent = line.submit(priority=Priority.URGENT)
    line.wait(urgent, 40)
    waited = time.monotonic() - started
    # Three of the archive's files, where all of them take 8 studies x 12 s.
    assert waited < 20, f"the urgent study waited {waited:.0f} s"
    line.wait(line.submit(tenant_id=a_tenant(line.database)), 40)
    assert not all(line.status(study).is_final for study in heavy), "the attack was over too soon to say"
    line.wait(heavy[:1], 60)
    with line.database.session() as session:
        study = reading.study(session, heavy[0])
    assert study is not None
    assert (study.status, study.error_file) == (StudyStatus.REJECTED, "burns.jpg")
    assert "more than 12 s of processor time" in (study.error_detail or "")


def test_a_cancelled_study_frees_its_decoder_and_its_thread(line: Line):
    line.environment |= {"CXR_QUEUE_HEARTBEAT": "PT1S", "CXR_MODEL_CONCURRENCY": "1"}
    worker = start_burning(line, "600")
    (heavy,) = line.submit(file="burns.jpg", images=16, priority=Priority.ARCHIVE)
    wait_for(lambda: line.status(heavy) is StudyStatus.CLASSIFYING, 30, "the study to be begun")
    with line.database.session() as session:
        assert studies.cancel(session, heavy, actor=SOMEBODY)
    # By its budget the file alone would go on for thirty seconds of a processor.
    wait_for(lambda: '"outcome": "lease-lost"' in worker.text(), 15, "the worker to let go of it")
    (next_one,) = line.submit(priority=Priority.ARCHIVE)
    wait_for(lambda: line.status(next_one) is StudyStatus.CLASSIFIED, 15, "the next study to be looked at")


def test_a_study_that_kills_its_worker_each_time_ends_as_failed(line: Line):
    line.environment |= SHORT_LEASE
    line.start("shared.work.sweeper")
    (deadly,) = line.submit(file="burns.jpg")
    workers = [start_burning(line, "killed")]

    def start_again_what_died() -> None:
        if workers[-1].process.poll() is not None:
            workers.append(start_burning(line, "killed"))

    line.wait([deadly], 240, meanwhile=start_again_what_died)
    with line.database.session() as session:
        study = reading.study(session, deadly)
        events = [event.event for event in reading.events(session, deadly)]
    assert study is not None
    assert study.status is StudyStatus.FAILED
    assert "died each time" in (study.error_detail or "")
    assert events.count(StudyEvent.CLAIMED) == 1 + claims.MAX_EXPIRED_ALONE
