"""DICOM instances that come one by one find their study, open it again, and are taken once."""

import io
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.domain.findings import ViewPosition
from shared.domain.studies import DEFAULT_TENANT, Priority, Stage, StudyEvent, StudyId, StudyStatus, TenantId
from shared.errors import BrokenImageError, LeaseLostError
from shared.intake import files, instances
from shared.intake.files import Limits, SentFile
from shared.intake.instances import Arrival
from shared.intake.studies import Intake
from shared.intake.submission import Added, NotAdded, Refused, SeveralPatients
from shared.records import analyses, erasure, findings, open_studies, reading, reports, studies
from shared.records.database import Database
from shared.records.findings import ImageFindings
from shared.records.moves import Hint
from shared.storage import Storage
from tests.support.api import MODEL, complete, report
from tests.support.builders import SOMEBODY, a_claim, a_finding, a_tenant, the_order, the_study
from tests.support.dicoms import a_dicom, a_picture

STUDY = "2.25.4711"
LIMITS = Limits(images=4, pixels=10**6, file_bytes=10**6, total_bytes=10**6, zip_ratio=100)


@pytest.fixture
def intake(database: Database, storage: Storage) -> Intake:
    hints: list[Hint] = []
    return Intake(database, storage, hints.append)


def an_instance(number: int, **tags: Any) -> bytes:
    said: dict[str, Any] = {
        "StudyInstanceUID": STUDY,
        "SOPInstanceUID": f"2.25.{number}",
        "PatientID": "P1",
    } | tags
    return a_dicom(a_picture() + number, **said | tags)


def arrival(content: bytes, *, tenant: TenantId = DEFAULT_TENANT, most: int = 4) -> Arrival:
    checked = files.check([SentFile("1.dcm", io.BytesIO(content))], LIMITS)
    return Arrival(tenant, SOMEBODY, checked, close_after=timedelta(minutes=1), most_images=most)


def sent(intake: Intake, content: bytes, **how: object) -> StudyId:
    outcome = instances.receive(intake, arrival(content, **how))  # type: ignore[arg-type]
    assert isinstance(outcome, Added), outcome
    return outcome.study_id


def refused(intake: Intake, content: bytes) -> NotAdded:
    outcome = instances.receive(intake, arrival(content))
    assert not isinstance(outcome, Added)
    return outcome


def close(database: Database, study_id: StudyId) -> None:
    with database.session() as session:
        assert open_studies.close(session, study_id, actor=SOMEBODY)


def uids(database: Database, study_id: StudyId) -> list[str | None]:
    with database.session() as session:
        return [image.sop_instance_uid for image in reading.images(session, study_id)]


def events(database: Database, study_id: StudyId) -> list[StudyEvent]:
    with database.session() as session:
        return [event.event for event in reading.events(session, study_id)]


def test_instances_of_one_study_come_together_each_once(intake: Intake, database: Database):
    study_id = sent(intake, an_instance(1))
    assert sent(intake, an_instance(2)) == study_id
    assert sent(intake, an_instance(2)) == study_id
    # The same instance in another encoding, or written anew by a router, is that instance.
    assert sent(intake, an_instance(1, SeriesDescription="sent once more")) == study_id
    assert uids(database, study_id) == ["2.25.1", "2.25.2"]
    assert the_study(database, study_id).status is StudyStatus.OPEN
    assert the_order(database, study_id).patient_id == "P1"
    with database.session() as session:
        image = reading.images(session, study_id)[0]
    assert (image.series_instance_uid, image.transfer_syntax_uid) == ("2.25.3", "1.2.840.10008.1.2.1")
    assert image.sop_class_uid == "1.2.840.10008.5.1.4.1.1.1.1"


def test_however_many_come_at_once_they_are_one_study(intake: Intake, database: Database):
    contents = [an_instance(number) for number in (1, 2, 3, 1, 2, 3)]
    with ThreadPoolExecutor(6) as threads:
        (study_id,) = set(threads.map(lambda content: sent(intake, content), contents))
    assert sorted(uid or "" for uid in uids(database, study_id)) == ["2.25.1", "2.25.2", "2.25.3"]


def test_a_study_that_grows_after_its_report_is_read_anew_and_the_earlier_report_keeps_its_findings(
    intake: Intake, database: Database
):
    study_id = sent(intake, an_instance(1))
    close(database, study_id)
    complete(database, study_id)
    with database.session() as session:
        first = analyses.primary(session, study_id)
    assert first is not None
    # What it has already changes nothing.
    sent(intake, an_instance(1))
    assert the_study(database, study_id).status is StudyStatus.COMPLETED
    assert sent(intake, an_instance(2)) == study_id
    assert the_study(database, study_id).status is StudyStatus.OPEN
    with database.session() as session:
        assert reports.in_force(session, study_id) is not None
    close(database, study_id)
    claim = a_claim(database, study_id, Stage.CNN)
    images = [ImageFindings(index, ViewPosition.PA, [a_finding("Mass", image=index)]) for index in (0, 1)]
    with database.session() as session:
        findings.store(session, claim, images, MODEL)
    report(database, study_id)
    with database.session() as session:
        versions = [reports.version(session, study_id, number) for number in (1, 2)]
        second = analyses.primary(session, study_id)
        assert second is not None
        assert [version.analysis_id for version in versions if version] == [first.id, second.id]
        assert {one.label for one in findings.records_of(session, first.id)} == {
            "Effusion",
            "Hernia",
            "Nodule",
        }
        assert [one.label for one in findings.records_of(session, second.id)] == ["Mass", "Mass"]
    assert events(database, study_id).count(StudyEvent.REOPENED) == 1


@pytest.mark.parametrize("stage", Stage)
def test_a_worker_that_holds_the_study_loses_it_to_another_image(
    intake: Intake, database: Database, stage: Stage
):
    study_id = sent(intake, an_instance(1))
    close(database, study_id)
    claim = a_claim(database, study_id, Stage.CNN)
    seen = [ImageFindings(0, ViewPosition.PA, [a_finding()])]
    if stage is Stage.LLM:
        with database.session() as session:
            findings.store(session, claim, seen, MODEL)
        claim = a_claim(database, study_id, Stage.LLM)
    sent(intake, an_instance(2))
    with pytest.raises(LeaseLostError), database.session() as session:
        findings.refuse(session, claim, seen, BrokenImageError("late"))
    study = the_study(database, study_id)
    assert (study.status, study.lease_expires_at) == (StudyStatus.OPEN, None)


def test_a_rejected_study_opens_again_without_its_error(intake: Intake, database: Database):
    study_id = sent(intake, an_instance(1))
    close(database, study_id)
    claim = a_claim(database, study_id, Stage.CNN)
    reason = BrokenImageError("a lateral alone")
    with database.session() as session:
        findings.refuse(session, claim, [ImageFindings(0, ViewPosition.LATERAL, rejection=reason)], reason)
    assert sent(intake, an_instance(2)) == study_id
    study = the_study(database, study_id)
    assert (study.status, study.error_type) == (StudyStatus.OPEN, None)


@pytest.mark.parametrize("gone", ["cancelled", "erased"])
def test_what_a_client_took_back_or_erased_stays_so(intake: Intake, database: Database, gone: str):
    study_id = sent(intake, an_instance(1))
    with database.session() as session:
        act = studies.cancel if gone == "cancelled" else erasure.erase
        assert act(session, study_id, actor=SOMEBODY)
    assert sent(intake, an_instance(2)) != study_id
    assert the_study(database, study_id).status is StudyStatus.CANCELLED


def test_two_tenants_may_have_a_study_of_one_name(intake: Intake, database: Database):
    other = a_tenant(database)
    assert sent(intake, an_instance(1)) != sent(intake, an_instance(1), tenant=other)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_what_contradicts_the_study_or_has_no_name_is_refused(intake: Intake, database: Database):
    study_id = sent(intake, an_instance(1))
    assert isinstance(refused(intake, an_instance(2, PatientID="P2")), SeveralPatients)
    for nameless in (
        {"SOPInstanceUID": "../../x"},
        {"StudyInstanceUID": None},
        {"StudyInstanceUID": "1" * 65},
    ):
        outcome = refused(intake, an_instance(3, **nameless))
        assert isinstance(outcome, Refused)
        assert outcome.reason.file == "1.dcm"
    assert uids(database, study_id) == ["2.25.1"]


def test_no_study_grows_past_its_limit(intake: Intake, database: Database):
    study_id = sent(intake, an_instance(1), most=1)
    outcome = instances.receive(intake, arrival(an_instance(2), most=1))
    assert isinstance(outcome, Refused)
    assert uids(database, study_id) == ["2.25.1"]


def test_a_study_begins_as_its_order_says(intake: Intake, database: Database):
    first = arrival(an_instance(1))
    typed = replace(first.typed, indication="cough", accession_number="A1")
    outcome = instances.receive(intake, replace(first, priority=Priority.URGENT, typed=typed))
    assert isinstance(outcome, Added)
    order = the_order(database, outcome.study_id)
    assert the_study(database, outcome.study_id).priority is Priority.URGENT
    assert (order.indication, order.accession_number) == ("cough", "A1")
