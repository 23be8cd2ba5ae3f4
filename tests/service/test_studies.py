"""Claims, leases and outcomes on the real Postgres, with real threads."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select, text, update

from shared.domain.findings import ModelVersion, Place, Side, ViewPosition, Zone
from shared.domain.orders import Order
from shared.domain.reports import Language, Report, ReportSections, Verification, WriterVersion
from shared.domain.studies import LeaseToken, Priority, Stage, StudyEvent, StudyId, StudyStatus
from shared.errors import LeaseLostError, NotAnImageError, TryAgainError
from shared.records import claims, erasure, events, findings, moves, reading, reports, studies, waiting
from shared.records.claims import Claim
from shared.records.database import Database
from shared.records.findings import ImageFindings
from shared.records.leases import renew
from shared.records.tables import (
    AnalysisRow,
    DiscardedOriginalRow,
    FindingRow,
    ImageRow,
    ReportRow,
    StudyEventRow,
    StudyRow,
)
from shared.settings import DatabaseSettings
from tests.support.builders import (
    LEASE,
    SOMEBODY,
    SWEEPER,
    WORKER,
    a_claim,
    a_finding,
    a_study,
    a_tenant,
    an_image,
    let_time_pass,
    the_order,
    the_study,
)

MODEL = ModelVersion("tiny", "1", "d" * 64)
EXPIRED = timedelta(seconds=-1)
FOUND = [
    a_finding(),
    a_finding("Mass", place=Place(Side.LEFT, Zone.UPPER)),
    a_finding("Nodule", place=Place(Side.BOTH)),
]


def the_report() -> Report:
    return Report(
        language=Language.ENGLISH,
        sections=ReportSections("PA.", "Clear lungs.", "Normal."),
        writer=WriterVersion("template", "1"),
        verification=Verification("passed", attempts=1, fallback=False),
    )


def image_findings() -> list[ImageFindings]:
    return [ImageFindings(index=0, view=ViewPosition.PA, findings=FOUND, heatmaps=frozenset({"Effusion"}))]


def test_of_many_threads_exactly_one_gets_the_claim(database: Database):
    study_id = a_study(database)
    start = threading.Barrier(16)

    def race(_: int) -> Claim | None:
        start.wait()
        with database.session() as session:
            return claims.claim(session, Stage.CNN, Priority.ROUTINE, lease=LEASE, actor=WORKER)

    with ThreadPoolExecutor(16) as threads:
        taken = [claim for claim in threads.map(race, range(16)) if claim]
    assert [claim.token for claim in taken] == [1]
    assert the_study(database, study_id).claims == 1


def test_a_study_walks_the_whole_line_and_its_timeline_tells_it(database: Database):
    study_id = a_study(database)
    claim = a_claim(database, study_id)
    with database.session() as session:
        hint = findings.store(session, claim, image_findings(), MODEL)
    assert hint == moves.Hint(Stage.LLM, Priority.ROUTINE)
    claim = a_claim(database, study_id, Stage.LLM)
    with database.session() as session:
        reports.store(session, claim, the_report())
    with database.session() as session:
        view = reading.view(session, study_id)
        report = reports.in_force(session, study_id)
        assert findings.of_study(session, study_id) == {0: FOUND}
    assert view is not None
    assert report is not None
    assert (report.version, report.findings) == (1, "Clear lungs.")
    assert view.study.status is StudyStatus.COMPLETED
    assert view.analysis is not None
    assert view.analysis.model == MODEL
    assert the_study(database, study_id).lease_expires_at is None
    assert [event.status.value for event in view.events] == [
        *("queued", "classifying", "classified", "reporting", "completed")
    ]


def test_a_worker_that_comes_back_late_writes_nothing(database: Database):
    study_id = a_study(database)
    late = a_claim(database, study_id, lease=EXPIRED)
    with database.session() as session:
        assert claims.expire_leases(session, actor=SWEEPER) == [moves.Hint(Stage.CNN, Priority.ROUTINE)]
    current = a_claim(database, study_id)
    assert current.token > late.token
    with pytest.raises(LeaseLostError), database.session() as session:
        findings.store(session, late, image_findings(), MODEL)
    with database.session() as session:
        assert session.scalar(select(func.count()).select_from(FindingRow)) == 0
        findings.store(session, current, image_findings(), MODEL)
    assert the_study(database, study_id).status is StudyStatus.CLASSIFIED


def test_two_workers_that_finish_at_once_leave_one_report(database: Database):
    study_id = a_study(database)
    claim = a_claim(database, study_id)
    with database.session() as session:
        findings.store(session, claim, image_findings(), MODEL)
    claim = a_claim(database, study_id, Stage.LLM)
    start = threading.Barrier(2)

    def finish(_: int) -> bool:
        start.wait()
        try:
            with database.session() as session:
                reports.store(session, claim, the_report())
        except LeaseLostError:
            return False
        return True

    with ThreadPoolExecutor(2) as threads:
        assert sorted(threads.map(finish, range(2))) == [False, True]
    with database.session() as session:
        assert session.scalar(select(func.count()).select_from(ReportRow)) == 1


def test_the_claim_of_a_dead_worker_uses_up_no_attempt_and_is_tried_alone(database: Database):
    study_id = a_study(database)
    lose_its_worker(database, study_id)
    row = the_study(database, study_id)
    assert (row.status, row.failures, row.expired_alone, row.alone) == (StudyStatus.QUEUED, 0, 0, True)


@pytest.mark.parametrize("stage", Stage)
def test_a_study_that_takes_its_worker_along_each_time_ends_as_failed(database: Database, stage: Stage):
    study_id = a_study(database)
    if stage is Stage.LLM:
        claim = a_claim(database, study_id)
        with database.session() as session:
            findings.store(session, claim, image_findings(), MODEL)
    lose_its_worker(database, study_id, stage)
    for _ in range(claims.MAX_EXPIRED_ALONE - 1):
        assert lose_its_worker(database, study_id, stage) == [moves.Hint(stage, Priority.ROUTINE)]
    assert the_study(database, study_id).status is stage.waiting
    assert lose_its_worker(database, study_id, stage) == []
    row = the_study(database, study_id)
    assert row.status is StudyStatus.FAILED
    assert "died each time" in (row.error_detail or "")
    with database.session() as session:
        assert studies.retry(session, study_id, actor=SOMEBODY) is not None
    assert the_study(database, study_id).expired_alone == 0


def test_a_try_that_ends_well_makes_good_for_those_that_died(database: Database):
    study_id = a_study(database)
    for _ in range(claims.MAX_EXPIRED_ALONE):
        lose_its_worker(database, study_id)
    claim = a_claim(database, study_id)
    with database.session() as session:
        findings.store(session, claim, image_findings(), MODEL)
    row = the_study(database, study_id)
    assert (row.status, row.expired_alone, row.alone) == (StudyStatus.CLASSIFIED, 0, False)


def lose_its_worker(database: Database, study_id: StudyId, stage: Stage = Stage.CNN) -> list[moves.Hint]:
    a_claim(database, study_id, stage, lease=EXPIRED)
    with database.session() as session:
        return claims.expire_leases(session, actor=SWEEPER)


def test_a_worker_leaves_studies_waiting_that_it_has_no_place_for(database: Database):
    burdened = a_tenant(database)
    alone, theirs, ours = a_study(database), a_study(database, tenant_id=burdened), a_study(database)
    lose_its_worker(database, alone)
    later = claims.Later(alone=True, tenants=frozenset({burdened}))

    def take(later: claims.Later) -> StudyId | None:
        with database.session() as session:
            claim = claims.claim(session, Stage.CNN, Priority.ROUTINE, lease=LEASE, actor=WORKER, later=later)
        return claim.study_id if claim else None

    assert [take(later) for _ in range(2)] == [ours, None]
    assert [take(claims.NOTHING) for _ in range(3)] == [alone, theirs, None]


def test_only_failures_alone_count_and_the_last_one_makes_it_failed(database: Database):
    study_id = a_study(database)
    seen = []
    for _ in range(4):
        claim = a_claim(database, study_id)
        with database.session() as session:
            status = claims.fail(session, claim, error="ValueError", max_failures=3)
        seen.append((claim.alone, claim.failures, status.value))
    assert seen == [(False, 0, "queued"), (True, 0, "queued"), (True, 1, "queued"), (True, 2, "failed")]
    with database.session() as session:
        assert studies.retry(session, study_id, actor=SOMEBODY) is not None
    row = the_study(database, study_id)
    assert (row.status, row.failures, row.error_detail) == (StudyStatus.QUEUED, 0, None)
    with database.session() as session:
        assert studies.retry(session, study_id, actor=SOMEBODY) is None


def test_a_failure_in_one_stage_does_not_count_in_the_next(database: Database):
    study_id = a_study(database)
    for _ in range(2):
        claim = a_claim(database, study_id)
        with database.session() as session:
            claims.fail(session, replace(claim, alone=True), error="x", max_failures=3)
    claim = a_claim(database, study_id)
    with database.session() as session:
        findings.store(session, claim, image_findings(), MODEL)
    row = the_study(database, study_id)
    assert (row.failures, row.alone) == (0, False)


def test_a_rejected_study_names_file_and_reason(database: Database):
    study_id = a_study(database)
    claim = a_claim(database, study_id)
    with database.session() as session:
        claims.reject(session, claim, NotAnImageError("it is a text", file="a.txt"))
    row = the_study(database, study_id)
    assert row.status is StudyStatus.REJECTED
    assert (row.error_type, row.error_detail, row.error_file) == ("not-an-image", "it is a text", "a.txt")


def test_a_cancelled_study_is_lost_to_its_worker(database: Database):
    study_id = a_study(database)
    claim = a_claim(database, study_id)
    with database.session() as session:
        assert studies.cancel(session, study_id, actor=SOMEBODY)
        assert not studies.cancel(session, study_id, actor=SOMEBODY)
    with database.session() as session:
        assert renew(session, {study_id: claim.token}, lease=LEASE) == [study_id]
    with pytest.raises(LeaseLostError), database.session() as session:
        claims.finish(session, claim, StudyEvent.CLASSIFIED)


def test_a_heartbeat_renews_what_is_ours_and_names_what_is_not(database: Database):
    ours, theirs = a_study(database), a_study(database)
    held = {ours: a_claim(database, ours).token, theirs: LeaseToken(a_claim(database, theirs).token - 1)}
    before = the_study(database, ours).lease_expires_at
    with database.session() as session:
        assert renew(session, held, lease=timedelta(hours=1)) == [theirs]
    after = the_study(database, ours).lease_expires_at
    assert before is not None
    assert after is not None
    assert after - before > timedelta(minutes=50)
    left = the_study(database, theirs).lease_expires_at
    assert left is not None
    assert left < after


def test_a_row_that_somebody_is_writing_holds_up_no_other_renewal(database: Database):
    busy, free = a_study(database), a_study(database)
    held = {study_id: a_claim(database, study_id).token for study_id in (busy, free)}
    with database.session() as other:
        other.execute(select(StudyRow).where(StudyRow.id == busy).with_for_update())
        with database.session() as session:
            session.execute(text("SET LOCAL lock_timeout = '1s'"))
            assert renew(session, held, lease=timedelta(hours=1)) == []
    first, later = (the_study(database, study_id).lease_expires_at for study_id in (busy, free))
    assert first is not None
    assert later is not None
    assert later > first


def the_next(database: Database, stage: Stage = Stage.CNN, priority: Priority = Priority.ROUTINE):
    with database.session() as session:
        claim = claims.claim(session, stage, priority, lease=LEASE, actor=WORKER)
    return claim and claim.study_id


def test_studies_are_taken_in_the_order_they_came_whatever_became_of_their_hints(database: Database):
    first, second, third = (a_study(database) for _ in range(3))
    urgent = a_study(database, priority=Priority.URGENT)
    claim = a_claim(database, second)
    with database.session() as session:
        findings.store(session, claim, image_findings(), MODEL)
    assert [the_next(database) for _ in range(3)] == [first, third, None]
    assert the_next(database, priority=Priority.URGENT) == urgent
    assert the_next(database, Stage.LLM) == second


def test_a_study_that_is_being_taken_holds_up_nobody(database: Database):
    first, second = a_study(database), a_study(database)
    with database.session() as session:
        taken = claims.claim(session, Stage.CNN, Priority.ROUTINE, lease=LEASE, actor=WORKER)
        assert taken is not None
        assert taken.study_id == first
        assert the_next(database) == second
        session.rollback()
    assert the_next(database) == first


def test_a_study_that_was_given_back_for_a_while_is_not_taken_before(database: Database):
    given_back, other = a_study(database), a_study(database)
    claim = a_claim(database, given_back)
    with database.session() as session:
        claims.release(session, claim, after=timedelta(minutes=1), why="S3 is away")
    assert [the_next(database), the_next(database)] == [other, None]
    let_time_pass(database)
    assert the_next(database) == given_back


def test_waiting_studies_are_counted_by_stage_and_priority(database: Database):
    for priority in (Priority.ROUTINE, Priority.ROUTINE, Priority.ARCHIVE):
        a_study(database, priority=priority)
    a_claim(database, a_study(database))
    with database.session() as session:
        counted = waiting.count_all_waiting(session)
    assert {key: number for key, number in counted.items() if number} == {
        (Stage.CNN, Priority.ROUTINE): 2,
        (Stage.CNN, Priority.ARCHIVE): 1,
    }
    assert len(counted) == 6


def test_only_what_could_have_been_taken_for_a_while_is_overdue(database: Database):
    minute = timedelta(minutes=1)

    def overdue(most: int = 9) -> int:
        with database.session() as session:
            counted = waiting.count_overdue(session, Stage.CNN, Priority.ROUTINE, since=minute, most=most)
            assert waiting.is_overdue(session, Stage.CNN, since=minute) == (counted > 0)
        return counted

    released = a_study(database)
    claim = a_claim(database, released)
    with database.session() as session:
        claims.release(session, claim, after=1.5 * minute, why="S3 is away")
    a_claim(database, a_study(database))
    a_study(database)
    assert overdue() == 0
    let_time_pass(database, minute)
    a_study(database)
    assert overdue() == 1
    let_time_pass(database, 2 * minute)
    assert (overdue(), overdue(most=2)) == (3, 2)


def test_erasing_leaves_the_timeline_and_nothing_of_the_patient(database: Database):
    study_id = a_study(database, images=(an_image("DOE_JANE.png", "a" * 64),))
    claim = a_claim(database, study_id)
    with database.session() as session:
        findings.store(session, claim, image_findings(), MODEL)
    with database.session() as session:
        assert erasure.erase(session, study_id, actor=SOMEBODY)
        assert not erasure.erase(session, study_id, actor=SOMEBODY)
    row = the_study(database, study_id)
    assert (the_order(database, study_id), row.status) == (Order(), StudyStatus.CANCELLED)
    with database.session() as session:
        for table in (ImageRow, AnalysisRow, FindingRow, ReportRow):
            assert session.scalar(select(func.count()).select_from(table)) == 0
        assert session.scalars(select(DiscardedOriginalRow.sha256)).all() == ["a" * 64]
        assert reading.events(session, study_id)[-1].event is StudyEvent.ERASED


def test_pages_go_on_where_the_last_one_ended_while_studies_come_in(database: Database):
    ids = [a_study(database) for _ in range(5)]
    with database.session() as session:
        first = reading.page(session, limit=2)
    a_study(database)
    with database.session() as session:
        second = reading.page(session, limit=10, before=first[-1].study.id)
    assert [view.study.id for view in [*first, *second]] == ids[::-1]


def test_the_database_refuses_a_report_of_no_known_status(database: Database):
    study_id = a_study(database)
    finding, claim = image_findings(), a_claim(database, study_id)
    with database.session() as session:
        findings.store(session, claim, finding, MODEL)
    claim = a_claim(database, study_id, Stage.LLM)
    with database.session() as session:
        reports.store(session, claim, the_report())
    with pytest.raises(Exception, match=r"ck_reports_(reportstatus|deed)"), database.session() as session:
        session.execute(text("UPDATE reports SET status = 'signed'"))


def test_the_database_refuses_a_lease_without_a_working_status(database: Database):
    study_id = a_study(database)
    with pytest.raises(Exception, match="ck_studies_lease"), database.session() as session:
        session.execute(
            update(StudyRow).where(StudyRow.id == study_id).values(status=StudyStatus.CLASSIFYING)
        )


def test_the_timeline_wakes_whoever_listens(database: Database):
    study_id = a_study(database)
    listener = database.engine.raw_connection()
    try:
        connection = listener.driver_connection
        assert connection is not None
        connection.autocommit = True
        listener.cursor().execute(f"LISTEN {events.CHANNEL}")
        a_claim(database, study_id)
        listener.cursor().execute("SELECT 1")
        assert [notice.payload for notice in connection.notifies] == [str(study_id)]
    finally:
        listener.invalidate()


def test_a_server_that_is_only_to_be_read_from_is_a_passing_error_and_is_left(database: Database):
    study_id = a_study(database)
    connected_to: list[int | None] = []

    def write_to_a_standby() -> None:
        with database.session() as session:
            connected_to.append(session.scalar(select(func.pg_backend_pid())))
            session.execute(text("SET TRANSACTION READ ONLY"))
            studies.cancel(session, study_id, actor=SOMEBODY)

    with pytest.raises(TryAgainError):
        write_to_a_standby()
    with database.session() as session:
        assert [session.scalar(select(func.pg_backend_pid()))] != connected_to
        assert studies.cancel(session, study_id, actor=SOMEBODY)


def test_a_database_that_is_away_is_a_passing_error():
    away = Database(DatabaseSettings(url="postgresql+psycopg2://cxr@127.0.0.1:1/cxr"))
    with pytest.raises(TryAgainError), away.session() as session:
        session.execute(select(StudyEventRow))
