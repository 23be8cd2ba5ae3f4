"""An order of the hospital fills in the study that comes of it, whichever comes first, and no other."""

from datetime import date, time, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update

from shared.domain.expected_orders import ExpectedOrder, OrderStatus
from shared.domain.orders import Order
from shared.domain.studies import DEFAULT_TENANT, Priority, Stage, StudyEvent, StudyId, TenantId
from shared.intake import orders
from shared.intake.studies import Intake
from shared.records import erasure, expected, patients, reading, worklist
from shared.records.database import Database
from shared.records.moves import Hint
from shared.records.patients import PatientId
from shared.records.tables import ExpectedOrderRow
from shared.records.worklist import WorklistQuery
from shared.storage import Storage
from tests.service.test_instances import an_instance, sent
from tests.support.api import complete
from tests.support.builders import SOMEBODY, a_study, a_tenant, the_order, the_study

ORDER = ExpectedOrder(
    accession_number="A1",
    placer_number="P1",
    filler_number="F1",
    patient_id="P1",
    patient_id_issuer="HOSP",
    patient_name="DOE^JANE",
    patient_birth_date=date(1970, 1, 2),
    patient_sex="F",
    indication="cough for a week",
    referring_physician="WHO^ASKS",
    priority=Priority.URGENT,
)


@pytest.fixture
def intake(database: Database, storage: Storage) -> Intake:
    hints: list[Hint] = []
    return Intake(database, storage, hints.append)


def ordered(database: Database, tenant: TenantId = DEFAULT_TENANT, **said: Any) -> ExpectedOrder:
    order = ExpectedOrder(**{name: getattr(ORDER, name) for name in ORDER.__slots__} | said)
    with database.session() as session:
        return expected.record(session, tenant, order, keep=timedelta(days=30))


def late(database: Database, **said: Any) -> list[Hint]:
    return orders.settle(database, DEFAULT_TENANT, ordered(database, **said), actor=SOMEBODY)


def told(database: Database, study_id: StudyId) -> list[tuple[StudyEvent, str | None]]:
    of_orders = {StudyEvent.ORDERED, StudyEvent.ORDER_MISMATCH}
    with database.session() as session:
        return [
            (one.event, one.detail) for one in reading.events(session, study_id) if one.event in of_orders
        ]


def all_orders(database: Database) -> list[ExpectedOrder]:
    query = WorklistQuery()
    with database.session() as session:
        return list(worklist.find_worklist(session, DEFAULT_TENANT, query))


def test_a_study_that_begins_is_filled_in_by_its_order_and_goes_first(intake: Intake, database: Database):
    ordered(database)
    study_id = sent(intake, an_instance(1, AccessionNumber="A1", PatientName="ROE^JANE"))
    order = the_order(database, study_id)
    assert (order.indication, order.referring_physician) == ("cough for a week", "WHO^ASKS")
    assert order.patient_name == "ROE^JANE"  # the file's own word stays
    assert the_study(database, study_id).priority is Priority.URGENT
    expect = (StudyEvent.ORDERED, "birth date, sex, referring physician, indication, urgent")
    assert told(database, study_id) == [expect]
    sent(intake, an_instance(2, AccessionNumber="A1"))
    assert told(database, study_id) == [expect]


def test_an_order_that_comes_after_its_study_fills_it_in_until_there_is_a_report(
    intake: Intake, database: Database
):
    read, waits = (a_study(database, order=Order(accession_number="A1", patient_id="P1")) for _ in range(2))
    complete(database, read)
    before = the_order(database, read)
    assert late(database) == [Hint(Stage.CNN, Priority.URGENT)]
    assert the_order(database, waits).indication == "cough for a week"
    assert the_study(database, waits).priority is Priority.URGENT
    assert the_order(database, read) == before
    assert late(database) == []
    assert len(told(database, waits)) == 1


@pytest.mark.parametrize("first", ["order", "study"])
@pytest.mark.parametrize(
    "other",
    [
        {"patient_id": "P2"},
        {"patient_birth_date": date(1971, 1, 2)},
        {"patient_id": None, "patient_sex": "M"},
    ],
    ids=["id", "birth date", "sex"],
)
def test_another_patient_s_order_is_noted_once_and_never_applied(
    intake: Intake, database: Database, first: str, other: dict[str, Any]
):
    tags = {"AccessionNumber": "A1", "PatientBirthDate": "19700102", "PatientSex": "F"}
    if first == "order":
        ordered(database, **other)
    study_id = sent(intake, an_instance(1, **tags))
    late(database, **other)
    late(database, **other)
    sent(intake, an_instance(2, **tags))
    assert the_order(database, study_id).indication is None
    assert the_study(database, study_id).priority is Priority.ROUTINE
    assert told(database, study_id) == [(StudyEvent.ORDER_MISMATCH, None)]


@pytest.mark.parametrize(
    "said",
    [
        {"accession_number": None, "filler_number": "A1"},
        {"accession_number": None, "filler_number": None, "placer_number": "A1"},
        {"accession_number": "B1", "study_instance_uid": "2.25.4711"},
        {"patient_id": "OTHER", "other_patient_ids": ("P1",)},
        {"patient_id": "p1 "},
    ],
    ids=["filler", "placer", "study uid", "further id", "written otherwise"],
)
def test_what_a_study_s_order_is_found_by(intake: Intake, database: Database, said: dict[str, Any]):
    ordered(database, **said)
    study_id = sent(intake, an_instance(1, AccessionNumber="A1"))
    assert the_order(database, study_id).indication == "cough for a week"


@pytest.mark.parametrize(
    "said",
    [{"accession_number": "A2"}, {"accession_number": "A10"}, {"accession_number": "a1"}],
    ids=["another", "longer", "case"],
)
def test_another_number_is_another_order(intake: Intake, database: Database, said: dict[str, Any]):
    ordered(database, **said)
    study_id = sent(intake, an_instance(1, AccessionNumber="A1"))
    assert (the_order(database, study_id).indication, told(database, study_id)) == (None, [])


def test_orders_are_a_tenant_s_own_and_archive_work_stays_so(intake: Intake, database: Database):
    ordered(database, tenant=a_tenant(database))
    study_id = sent(intake, an_instance(1, AccessionNumber="A1"))
    assert the_order(database, study_id).indication is None
    archived = a_study(
        database, priority=Priority.ARCHIVE, order=Order(accession_number="A1", patient_id="P1")
    )
    assert late(database) == []
    assert the_study(database, archived).priority is Priority.ARCHIVE
    assert the_order(database, archived).indication == "cough for a week"


def test_a_later_message_changes_what_it_names_and_a_cancelled_order_fills_in_nothing(
    intake: Intake, database: Database
):
    ordered(database, accession_number=None, filler_number=None)
    # The filler answers the placer's order with numbers of its own.
    changed = ordered(database, indication=None, priority=None, referring_physician="NEW^ONE")
    assert (changed.indication, changed.priority) == ("cough for a week", Priority.URGENT)
    assert [one.referring_physician for one in all_orders(database)] == ["NEW^ONE"]
    ordered(database, status=OrderStatus.CANCELLED)
    assert all_orders(database) == []
    study_id = sent(intake, an_instance(1, AccessionNumber="A1"))
    assert the_order(database, study_id).indication is None
    # The number is given to somebody else: nothing of the first patient is left.
    ordered(database, patient_id="P9", indication=None, patient_name=None)
    (order,) = all_orders(database)
    assert (order.patient_id, order.patient_name, order.indication) == ("P9", None, None)


def test_what_is_cancelled_unheard_is_not_kept(database: Database):
    ordered(database, status=OrderStatus.CANCELLED)
    ordered(database, accession_number="A2", filler_number="F2", placer_number="P2", patient_id="P2")
    with database.session() as session:
        assert session.scalar(select(func.count()).select_from(ExpectedOrderRow)) == 1


def test_a_patient_is_merged_and_a_study_under_the_old_id_still_finds_its_order(
    intake: Intake, database: Database
):
    ordered(database)
    renamed = ExpectedOrder(patient_id="P7", patient_name="NEW^NAME")
    with database.session() as session:
        assert expected.merge_patient(session, DEFAULT_TENANT, old="P1", new="P8", issuer="ELSEWHERE") == 0
        for _ in range(2):
            expected.merge_patient(session, DEFAULT_TENANT, old="P1", new="P7", issuer=None)
        assert expected.change_patient(session, DEFAULT_TENANT, renamed) == 1
    (order,) = all_orders(database)
    assert (order.patient_id, order.patient_id_issuer) == ("P7", "HOSP")
    assert (order.other_patient_ids, order.patient_name) == (("P1",), "NEW^NAME")
    study_id = sent(intake, an_instance(1, AccessionNumber="A1"))
    assert the_order(database, study_id).indication == "cough for a week"


def test_orders_go_with_their_study_with_their_patient_and_with_time(intake: Intake, database: Database):
    ordered(database)
    ordered(database, accession_number="A2", filler_number="F2", placer_number="P2")
    ordered(database, accession_number="A3", filler_number="F3", placer_number="P3", patient_id="P3")
    study_id = sent(intake, an_instance(1, AccessionNumber="A1"))
    with database.session() as session:
        assert erasure.erase(session, study_id, actor=SOMEBODY)
    assert {one.number for one in all_orders(database)} == {"A2", "A3"}
    patients.erase(database, PatientId(DEFAULT_TENANT, "p1", "HOSP"), actor=SOMEBODY)
    assert {one.number for one in all_orders(database)} == {"A3"}
    with database.session() as session:
        assert expected.forget_expired(session) == 0
        session.execute(update(ExpectedOrderRow).values(expires_at=func.now() - timedelta(seconds=1)))
        assert expected.forget_expired(session) == 1
    assert all_orders(database) == []


def test_an_order_is_kept_from_the_day_on_which_it_is_scheduled(database: Database):
    ordered(database, scheduled_date=date(2099, 1, 1))
    with database.session() as session:
        until = session.scalar(select(ExpectedOrderRow.expires_at))
    assert until is not None
    assert until.date() == date(2099, 1, 31)


def test_the_worklist_is_asked_as_a_modality_asks(database: Database):
    planned = [
        ("A1", "DOE^JANE", "DX", date(2026, 1, 5), time(9)),
        ("A2", "DOE^JOHN", "DX", date(2026, 1, 5), time(8)),
        ("A3", "RO_E^ANN", "CR", date(2026, 1, 6), None),
        ("A4", "ROSE^ANN", None, None, None),
    ]
    for number, name, modality, day, clock in planned:
        ordered(
            database,
            accession_number=number,
            filler_number=None,
            placer_number=None,
            patient_name=name,
            modality=modality,
            scheduled_date=day,
            scheduled_time=clock,
        )
    for query, numbers in (
        (WorklistQuery(), ["A2", "A1", "A3", "A4"]),
        (WorklistQuery(modality="DX"), ["A2", "A1"]),
        (WorklistQuery(patient_name="doe*"), ["A2", "A1"]),
        (WorklistQuery(patient_name="RO_E*"), ["A3"]),
        (WorklistQuery(patient_name="RO?E^ANN"), ["A3", "A4"]),
        (WorklistQuery(scheduled_from=date(2026, 1, 6)), ["A3"]),
        (WorklistQuery(scheduled_until=date(2026, 1, 5), accession_number="A1"), ["A1"]),
        (WorklistQuery(patient_id="%"), []),
    ):
        with database.session() as session:
            found = worklist.find_worklist(session, DEFAULT_TENANT, query)
        assert [one.number for one in found] == numbers, query
