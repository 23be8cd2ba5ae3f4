"""Which earlier study a report is compared with: of the same patient, read to its end, and really earlier."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, time
from typing import Any

import pytest
from sqlalchemy import text, update

from shared.domain.findings import ModelVersion
from shared.domain.orders import Order
from shared.domain.priors import Prior
from shared.domain.reports import Act, Person
from shared.domain.studies import StudyId, StudyStatus, new_id
from shared.records import acts, erasure, priors, studies
from shared.records.acts import Deed
from shared.records.database import Database
from shared.records.tables import OrderRow, StudyRow
from tests.support.api import MODEL, classify, complete, report
from tests.support.builders import AN_ORDER, SOMEBODY, a_finding, a_study, a_tenant, an_image

NEWER = ModelVersion("bundled", "2.0", "e" * 64)
TODAY, BEFORE, LONG_BEFORE = date(2026, 1, 5), date(2025, 3, 1), date(2019, 7, 9)
THIS = replace(AN_ORDER, study_date=TODAY, patient_id_issuer="HOSPITAL")

Sent = Callable[..., StudyId]


@pytest.fixture
def sent(database: Database) -> Sent:
    """Return what takes in a study like this one but for what is named, with an image of its own."""

    def send(*, done: bool = True, sha256: str = "", **named: Any) -> StudyId:
        images = (an_image(sha256=sha256 or new_id().hex * 2),)
        tenant = {"tenant_id": named.pop("tenant_id")} if "tenant_id" in named else {}
        study_id = a_study(database, images=images, order=replace(THIS, **named), **tenant)
        if done:
            complete(database, study_id)
        return study_id

    return send


def before(database: Database, study_id: StudyId, *, model: ModelVersion = MODEL) -> Prior | None:
    with database.session() as session:
        study = priors.dated(session, study_id)
        assert study is not None
        return priors.latest(session, study, model_digest=model.digest)


def test_the_earlier_study_comes_with_its_day_and_what_was_found(database: Database, sent: Sent):
    earlier = sent(done=False, study_date=BEFORE)
    classify(database, earlier, [a_finding("Mass"), a_finding("Edema")])
    report(database, earlier)
    found = before(database, sent(done=False))
    assert found is not None
    assert (found.taken_on, found.same_classifier) == (BEFORE, True)
    assert found.received_on == datetime.now(UTC).date()
    assert [finding.label for finding in found.findings] == ["Edema", "Mass"]


def test_the_newest_of_several_is_taken(database: Database, sent: Sent):
    for day in (LONG_BEFORE, BEFORE, date(2020, 2, 2)):
        sent(study_date=day)
    found = before(database, sent(done=False))
    assert found is not None
    assert found.taken_on == BEFORE


@pytest.mark.parametrize(
    "other",
    [
        {"patient_id": "P-2"},
        {"patient_id": None},
        {"patient_id_issuer": "ANOTHER"},
        {"patient_id_issuer": None},
        {"patient_sex": "M"},
        {"patient_birth_date": date(1950, 1, 1)},
    ],
)
def test_what_says_it_is_of_another_patient_is_not_compared(
    database: Database, sent: Sent, other: dict[str, Any]
):
    sent(study_date=BEFORE, **{"patient_birth_date": date(1980, 5, 5), **other})
    assert before(database, sent(done=False, patient_birth_date=date(1980, 5, 5))) is None


def test_what_does_not_say_sex_or_birth_contradicts_nothing(database: Database, sent: Sent):
    sent(study_date=BEFORE, patient_sex=None)
    assert before(database, sent(done=False, patient_birth_date=date(1980, 5, 5))) is not None
    assert before(database, sent(done=False, patient_sex=None)) is not None


def test_an_id_without_an_issuer_is_one_too(database: Database, sent: Sent):
    sent(study_date=BEFORE, patient_id_issuer=None)
    assert before(database, sent(done=False, patient_id_issuer=None)) is not None


def test_another_tenants_study_is_never_seen(database: Database, sent: Sent):
    sent(study_date=BEFORE, tenant_id=a_tenant(database))
    assert before(database, sent(done=False)) is None


def test_nothing_is_looked_for_where_the_patient_is_not_known(database: Database, sent: Sent):
    study_id = sent(done=False, patient_id=None)
    with database.session() as session:
        assert priors.dated(session, study_id) is None


def test_a_study_that_is_not_read_to_its_end_is_not_waited_for(database: Database, sent: Sent):
    sent(study_date=LONG_BEFORE)
    sent(study_date=BEFORE, done=False)
    reread = sent(study_date=date(2025, 3, 2))
    with database.session() as session:
        assert studies.reread(session, reread, actor=SOMEBODY) is not None
    found = before(database, sent(done=False))
    assert found is not None
    assert found.taken_on == LONG_BEFORE


def test_a_study_whose_report_was_withdrawn_is_not_compared(database: Database, sent: Sent):
    earlier, this = sent(study_date=BEFORE), sent(done=False)
    withdrawal = Deed(Act.ENTERED_IN_ERROR, Person("Dr. Ada Roe"), 1, reason="Another patient's.")
    assert before(database, this) is not None
    with database.session() as session:
        acts.add(session, earlier, withdrawal, actor=SOMEBODY)
    assert before(database, this) is None


def test_an_erased_study_is_not_named(database: Database, sent: Sent):
    earlier, this = sent(study_date=BEFORE), sent(done=False)
    assert before(database, this) is not None
    with database.session() as session:
        erasure.erase(session, earlier, actor=SOMEBODY)
    assert before(database, this) is None


def test_what_another_version_found_is_not_handed_out(database: Database, sent: Sent):
    sent(study_date=BEFORE)
    found = before(database, sent(done=False), model=NEWER)
    assert found is not None
    assert (found.taken_on, found.same_classifier, found.findings) == (BEFORE, False, ())


def test_of_one_day_the_earlier_time_is_the_earlier_study(database: Database, sent: Sent):
    evening = sent(study_time=time(20), study_instance_uid="1.2.1")
    morning = sent(study_time=time(8), study_instance_uid="1.2.2")
    assert before(database, morning) is None
    assert before(database, evening) is not None


@pytest.mark.parametrize("times", [(None, None), (time(8), None), (None, time(8)), (time(8), time(8))])
def test_of_one_day_without_two_times_the_one_that_came_first_is_the_earlier(
    database: Database, sent: Sent, times: tuple[time | None, time | None]
):
    first, second = (sent(study_time=at) for at in times)
    assert before(database, first) is None
    assert before(database, second) is not None


def test_a_study_without_a_day_was_taken_when_it_came(database: Database, sent: Sent):
    undated = sent(study_date=None)
    dated = sent()
    assert before(database, dated) is None
    found = before(database, undated)
    assert found is not None
    assert found.taken_on == TODAY
    came = update(StudyRow).where(StudyRow.id == undated)
    with database.session() as session:
        session.execute(came.values(created_at=datetime(2024, 2, 3, 23, 30, tzinfo=UTC)))
    found = before(database, dated)
    assert found is not None
    assert (found.taken_on, found.received_on) == (None, date(2024, 2, 3))


@pytest.mark.parametrize("again", [{"study_instance_uid": "1.2.3"}, {"sha256": "a" * 64}])
def test_a_study_that_was_sent_twice_is_not_earlier_than_itself(
    database: Database, sent: Sent, again: dict[str, Any]
):
    sent(**again)
    assert before(database, sent(done=False, **again)) is None
    # Of an earlier day all the same: a file's day may be typed wrongly, its pixels cannot.
    sent(**again, study_date=BEFORE)
    assert before(database, sent(done=False, **again)) is None


def test_a_study_with_another_uid_is_another_study(database: Database, sent: Sent):
    sent(study_date=BEFORE, study_instance_uid="1.2.3")
    assert before(database, sent(done=False, study_instance_uid="1.2.4")) is not None


def test_an_id_longer_than_an_index_entry_is_an_id(database: Database, sent: Sent):
    longest = "".join(new_id().hex for _ in range(300))
    sent(study_date=BEFORE, patient_id=longest)
    assert before(database, sent(done=False, patient_id=longest)) is not None
    assert before(database, sent(done=False, patient_id=f"{longest[:-1]}-")) is None


def test_an_id_that_a_whole_archive_bears_names_nobody(database: Database, sent: Sent):
    sent(study_date=BEFORE)
    this = sent(done=False)
    insert_studies(database, priors.MOST_STUDIES - 2, THIS)
    assert before(database, this) is not None
    insert_studies(database, 1, THIS)
    assert before(database, this) is None


def test_no_table_is_read_through_for_it(database: Database, sent: Sent):
    for patient in range(20):
        insert_studies(database, 50, replace(THIS, patient_id=f"X-{patient}"))
    sent(study_date=BEFORE)
    this = sent(done=False)
    with database.session() as session:
        session.execute(text("ANALYZE"))
        study = priors.dated(session, this)
        assert study is not None
        assert priors.latest(session, study, model_digest=MODEL.digest) is not None
        read = session.execute(
            text("SELECT relname, seq_tup_read FROM pg_stat_xact_user_tables WHERE relname IN :names"),
            {"names": ("orders", "studies")},
        )
        assert {row.relname: row.seq_tup_read for row in read} == {"orders": 0, "studies": 0}


def insert_studies(database: Database, number: int, order: Order) -> None:
    """Insert studies that wait, of one patient."""
    with database.session() as session:
        template = session.get(StudyRow, a_study(database, order=order))
        assert template is not None
        shared = {"tenant_id": template.tenant_id, "priority": template.priority, "language": "en"}
        ids = [new_id() for _ in range(number - 1)]
        session.add_all(StudyRow(id=one, status=StudyStatus.QUEUED, **shared) for one in ids)
        session.flush()
        session.add_all(
            OrderRow(
                study_id=one,
                tenant_id=template.tenant_id,
                patient_id=order.patient_id,
                patient_id_issuer=order.patient_id_issuer,
            )
            for one in ids
        )
