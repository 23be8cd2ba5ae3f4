"""The outbox: what is owed of an event is written with it or not at all, claimed by one, sent in order."""

from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import func, select, update

from shared.domain.deliveries import AttemptOutcome, DeliveryState, DestinationKind
from shared.domain.findings import FindingStatus, ViewPosition
from shared.domain.reports import Act, Person
from shared.domain.studies import DEFAULT_TENANT, Priority, Stage, StudyEvent, StudyId, TenantId
from shared.errors import BadInputError, NameTakenError
from shared.records import acts, deliveries, delivery_lists, destinations, erasure, events, findings
from shared.records.acts import Deed
from shared.records.database import Database
from shared.records.deliveries import Claim
from shared.records.destinations import Address, Rules
from shared.records.findings import ImageFindings
from shared.records.tables import DeliveryAttemptRow, DeliveryRow, StudyEventRow
from tests.support import api
from tests.support.builders import SOMEBODY, a_claim, a_finding, a_study, a_tenant

LEASE = timedelta(seconds=20)
PACS = Address(host="127.0.0.1", port=104, ae_title="PACS")
NOTICE = Address(url="https://ward.example/hook", secret="whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz")


def a_destination(
    database: Database,
    kind: DestinationKind = DestinationKind.DICOM,
    *,
    name: str = "pacs",
    tenant_id: TenantId = DEFAULT_TENANT,
    events: tuple[str, ...] = ("reported", "signed", "amended"),
    **rules,
) -> UUID:
    address = NOTICE if kind is DestinationKind.WEBHOOK else PACS
    formats = () if kind is DestinationKind.WEBHOOK else ("dicom-sr",)
    with database.session() as session:
        made = destinations.create(session, tenant_id, name, kind, address, Rules(formats, events, **rules))
    return made.id


def a_report(database: Database, **study) -> StudyId:
    study_id = a_study(database, **study)
    api.complete(database, study_id)
    return study_id


def sign(database: Database, study_id: StudyId, *, version: int = 1, act: Act = Act.SIGNED) -> None:
    deed = Deed(act, Person("Ada"), version, reason=None if act is Act.SIGNED else "Seen again.")
    with database.session() as session:
        acts.add(session, study_id, deed, actor=SOMEBODY)


def rows(database: Database) -> list[DeliveryRow]:
    with database.session() as session:
        return list(session.scalars(select(DeliveryRow).order_by(DeliveryRow.event_id, DeliveryRow.id)))


def states(database: Database) -> list[tuple[str, str]]:
    return [(row.event, row.state) for row in rows(database)]


def claim(database: Database, destination_id: UUID, *, most: int = 10) -> list[Claim]:
    with database.session() as session:
        return list(deliveries.claim(session, destination_id, most=most, lease=LEASE))


def let_the_lease_run_out(database: Database) -> None:
    with database.session() as session:
        session.execute(
            update(DeliveryRow)
            .where(DeliveryRow.lease_expires_at.is_not(None))
            .values(lease_expires_at=func.now() - timedelta(seconds=1))
        )


def test_an_event_and_what_is_owed_of_it_are_written_together(database: Database):
    destination = a_destination(database)
    study_id = a_report(database)
    (row,) = rows(database)
    assert (row.study_id, row.destination_id, row.event) == (study_id, destination, StudyEvent.REPORTED)
    assert (row.state, row.attempts, row.version) == (DeliveryState.WAITING, 0, None)
    assert row.give_up_at - row.created_at == timedelta(days=3)
    assert row.id.version == 7
    with database.session() as session:
        event = session.get(StudyEventRow, row.event_id)
        assert event is not None
        assert (event.event, event.study_id) == (StudyEvent.REPORTED, study_id)


def test_an_event_that_is_not_committed_leaves_nothing_owed(database: Database):
    a_destination(database)
    study_id = a_report(database)

    with pytest.raises(RuntimeError, match="breaks off"):
        _sign_and_break_off(database, study_id)
    assert states(database) == [("reported", "waiting")]


def _sign_and_break_off(database: Database, study_id: StudyId) -> None:
    with database.session() as session:
        events.add(session, study_id, StudyEvent.SIGNED, actor=SOMEBODY)
        assert session.scalar(select(func.count()).select_from(DeliveryRow)) == 2
        message = "it breaks off"
        raise RuntimeError(message)


def test_where_no_destination_is_nothing_is_owed(database: Database):
    a_report(database)
    assert rows(database) == []


def test_the_rules_choose_by_event_priority_label_and_tenant(database: Database):
    a_destination(database, name="all")
    a_destination(database, name="signed", events=("signed",))
    a_destination(database, name="urgent", priorities=("urgent", "archive"))
    a_destination(database, name="effusion", labels=("Hernia", "Effusion"))
    a_destination(database, name="hernia", labels=("Hernia",))
    a_destination(database, name="theirs", tenant_id=a_tenant(database))
    names = {
        priority: {record.destination for record in listed(database, a_report(database, priority=priority))}
        for priority in (Priority.ROUTINE, Priority.URGENT)
    }
    assert names == {
        Priority.ROUTINE: {"all", "effusion"},
        Priority.URGENT: {"all", "effusion", "urgent"},
    }


def listed(database: Database, study_id: StudyId):
    with database.session() as session:
        return delivery_lists.of_study(session, study_id)


def test_a_critical_finding_is_owed_in_the_transaction_that_stores_it(database: Database):
    hook = a_destination(
        database,
        DestinationKind.WEBHOOK,
        events=("critical",),
        labels=("Pneumothorax",),
        priorities=("urgent",),
    )
    study_id = a_study(database)
    api.classify(database, study_id, [a_finding("Effusion", FindingStatus.PRESENT)])
    assert rows(database) == []
    other = a_study(database)
    held = a_claim(database, other, Stage.CNN)
    image = ImageFindings(index=0, view=ViewPosition.PA, findings=[a_finding("Pneumothorax")])
    with database.session() as session:
        findings.store(session, held, [image], api.MODEL, critical=("Pneumothorax",))
    assert [(row.study_id, row.destination_id) for row in rows(database)] == [(other, hook)]


def test_a_study_that_ends_without_a_report_is_told_of(database: Database):
    a_destination(database, DestinationKind.WEBHOOK, events=("rejected", "gave-up"))
    api.reject(database, a_study(database), BadInputError("no chest"))
    api.give_up(database, a_study(database))
    assert states(database) == [("rejected", "waiting"), ("gave-up", "waiting")]


def test_a_claim_is_one_courier_s_and_its_outcome_asks_for_the_token(database: Database):
    destination = a_destination(database)
    a_report(database)
    (first,) = claim(database, destination)
    assert claim(database, destination) == []
    let_the_lease_run_out(database)
    (second,) = claim(database, destination)
    assert (second.id, second.attempts, second.lease_token) == (first.id, 2, first.lease_token + 1)
    with database.session() as session:
        assert not deliveries.is_held(session, first)
        assert not deliveries.delivered(session, first, answer="late", version=1)
        assert deliveries.delivered(session, second, answer="taken", version=1)
    (row,) = rows(database)
    assert (row.state, row.version, row.lease_expires_at) == (DeliveryState.DELIVERED, 1, None)
    with database.session() as session:
        attempts = session.scalars(select(DeliveryAttemptRow).order_by(DeliveryAttemptRow.number)).all()
    assert [(one.number, one.outcome, one.answer) for one in attempts] == [
        (1, None, None),
        (2, AttemptOutcome.DELIVERED, "taken"),
    ]


def test_of_a_study_s_reports_the_newest_event_stands_for_all_that_wait(database: Database):
    destination = a_destination(database)
    study_id = a_report(database)
    (preliminary,) = claim(database, destination)
    sign(database, study_id)
    # The first is on its way: the final one may not overtake it, nor be overtaken.
    assert claim(database, destination) == []
    sign(database, study_id, version=2, act=Act.AMENDED)
    with database.session() as session:
        deliveries.failed(
            session, preliminary, AttemptOutcome.REFUSED, answer="no", again_after=timedelta(hours=1)
        )
    (newest,) = claim(database, destination)
    assert newest.event is StudyEvent.AMENDED
    assert states(database) == [("reported", "skipped"), ("signed", "skipped"), ("amended", "sending")]


def test_notices_go_one_by_one_in_their_order(database: Database):
    destination = a_destination(database, DestinationKind.WEBHOOK)
    study_id = a_report(database)
    sign(database, study_id)
    other = a_report(database)
    first = claim(database, destination)
    assert [(one.study_id, one.event) for one in first] == [
        (study_id, StudyEvent.REPORTED),
        (other, StudyEvent.REPORTED),
    ]
    assert claim(database, destination) == []
    with database.session() as session:
        deliveries.delivered(session, first[0], answer="", version=None)
    assert [one.event for one in claim(database, destination)] == [StudyEvent.SIGNED]


def test_what_is_refused_for_good_or_for_three_days_is_dead_until_somebody_retries_it(database: Database):
    destination = a_destination(database)
    a_report(database)
    a_report(database)
    first, second = claim(database, destination)
    with database.session() as session:
        deliveries.failed(session, first, AttemptOutcome.REFUSED, answer="no such patient", again_after=None)
        session.execute(
            update(DeliveryRow).where(DeliveryRow.id == second.id).values(give_up_at=func.now() - LEASE)
        )
    let_the_lease_run_out(database)
    (second,) = claim(database, destination)
    with database.session() as session:
        deliveries.failed(session, second, AttemptOutcome.AWAY, answer="away", again_after=timedelta(0))
    assert states(database) == [("reported", "dead")] * 2
    assert claim(database, destination) == []
    with database.session() as session:
        assert deliveries.retry(session, first.id)
        assert not deliveries.retry(session, first.id)
        assert deliveries.retry_all(session, destination) == 1
    again = claim(database, destination)
    assert {one.id for one in again} == {first.id, second.id}
    assert all(one.give_up_at > one.created_at + timedelta(days=3) for one in again)


def test_what_waits_for_a_destination_that_is_away_is_given_up_though_nobody_tried_it(database: Database):
    away, calm = a_destination(database, name="away"), a_destination(database, name="calm")
    a_report(database)
    with database.session() as session:
        session.execute(update(DeliveryRow).values(give_up_at=func.now() - LEASE))
        destinations.note_away(session, away, hold=timedelta(hours=1), error="refused")
        assert [one for one, _ in deliveries.due(session)] == [calm]
        assert deliveries.give_up(session) == 1
    found = {row.destination_id: row.state for row in rows(database)}
    assert found == {away: DeliveryState.DEAD, calm: DeliveryState.WAITING}


def test_what_is_paused_waits_and_what_is_removed_is_sent_no_more(database: Database):
    destination = a_destination(database)
    with database.session() as session:
        destinations.pause(session, destination)
    a_report(database)
    with database.session() as session:
        assert deliveries.due(session) == []
        assert deliveries.claim(session, destination, most=1, lease=LEASE) == ()
        destinations.resume(session, destination)
        assert [one for one, _ in deliveries.due(session)] == [destination]
        assert destinations.remove(session, destination)
        assert not destinations.remove(session, destination)
    a_report(database)
    assert states(database) == [("reported", "skipped")]
    a_destination(database)  # its name is free again
    with pytest.raises(NameTakenError):
        a_destination(database)


def test_an_erased_study_is_owed_nothing_and_what_is_on_its_way_is_held_no_more(database: Database):
    destination = a_destination(database)
    study_id = a_report(database)
    (held,) = claim(database, destination)
    with database.session() as session:
        assert erasure.erase(session, study_id, actor=SOMEBODY)
    with database.session() as session:
        assert not deliveries.is_held(session, held)
        assert not deliveries.delivered(session, held, answer="", version=1)
        assert session.scalar(select(func.count()).select_from(DeliveryAttemptRow)) == 0
    assert rows(database) == []


def test_the_backlog_is_counted_by_the_kind(database: Database):
    a_destination(database)
    a_destination(database, DestinationKind.WEBHOOK, name="hook")
    a_report(database)
    with database.session() as session:
        session.execute(
            update(DeliveryRow)
            .where(DeliveryRow.destination_id == destinations.live(session)[1].id)
            .values(state=DeliveryState.DEAD)
        )
        counted = delivery_lists.backlog(session)
    assert {kind: (one.waiting, one.dead) for kind, one in counted.items() if one.waiting or one.dead} == {
        DestinationKind.DICOM: (1, 0),
        DestinationKind.WEBHOOK: (0, 1),
    }
    assert counted[DestinationKind.DICOM].oldest > timedelta(0)
