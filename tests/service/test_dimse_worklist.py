"""The modality worklist, asked for by dcmtk's findscu and by pynetdicom: what the orders of HL7 announce."""

import subprocess
from collections.abc import Iterator
from datetime import date, time, timedelta
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pynetdicom.sop_class import ModalityWorklistInformationFind

from shared.domain.expected_orders import ExpectedOrder
from shared.domain.studies import DEFAULT_TENANT, Priority
from shared.records import expected, peers
from shared.records.database import Database
from shared.storage import Storage
from tests.support.gateways import Gateway, association, gateway
from tests.support.stack import InfraStack


@pytest.fixture(scope="module")
def running(
    infra: InfraStack, migrated: Database, storage: Storage, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    with gateway(infra.environment(), tmp_path_factory.mktemp("gateway")) as started:
        yield started
    assert "ROE" not in started.service.text()


@pytest.fixture
def orders(database: Database) -> None:
    for number, name, modality, day in (
        ("A1", "ROE^JANE", "DX", 28),
        ("A2", "ROE^RICHARD", "CR", 29),
        ("A3", "山田^太郎", "DX", 30),
    ):
        order = ExpectedOrder(
            accession_number=number,
            patient_id=f"P{number}",
            patient_name=name,
            patient_birth_date=date(1970, 1, 2),
            patient_sex="F",
            indication="cough",
            referring_physician="WHO^ASKS",
            priority=Priority.URGENT,
            procedure="Chest, two views",
            requested_procedure_id=f"R{number}",
            procedure_step_id=f"S{number}",
            modality=modality,
            station_ae_title="ROOM1",
            scheduled_date=date(2026, 11, day),
            scheduled_time=time(9, 30),
        )
        with database.session() as session:
            expected.record(session, DEFAULT_TENANT, order, keep=timedelta(days=30))


def asked(step: dict[str, Any] | None = None, **keys: Any) -> Dataset:
    query = Dataset()
    for keyword in ("AccessionNumber", "PatientName", "PatientID", "StudyInstanceUID"):
        setattr(query, keyword, "")
    for keyword, value in keys.items():
        setattr(query, keyword, value)
    item = Dataset()
    for keyword, value in ({"Modality": "", "ScheduledProcedureStepStartDate": ""} | (step or {})).items():
        setattr(item, keyword, value)
    query.ScheduledProcedureStepSequence = [item]
    return query


def found(running: Gateway, query: Dataset, calling: str = "ROOM1") -> list[Dataset]:
    with association(running.port, ModalityWorklistInformationFind, calling=calling) as peer:
        *entries, (last, _) = peer.send_c_find(query, ModalityWorklistInformationFind)
    assert last.Status == 0x0000
    return [entry for _, entry in entries]


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        (asked(), ["A1", "A2", "A3"]),
        (asked(PatientName="*"), ["A1", "A2", "A3"]),
        (asked(PatientName="roe*"), ["A1", "A2"]),
        (asked(PatientID="PA2"), ["A2"]),
        (asked(AccessionNumber="A?"), ["A1", "A2", "A3"]),
        (asked(AccessionNumber="B1"), []),
        (asked({"Modality": "DX"}), ["A1", "A3"]),
        (asked({"ScheduledProcedureStepStartDate": "20261129"}), ["A2"]),
        (asked({"ScheduledProcedureStepStartDate": "20261129-"}), ["A2", "A3"]),
        (asked({"ScheduledProcedureStepStartDate": "-20261129"}), ["A1", "A2"]),
        (asked({"ScheduledProcedureStepStartDate": "20261128-20261129"}), ["A1", "A2"]),
        (asked({"ScheduledStationAETitle": "ROOM2"}), []),
    ],
)
def test_what_matches_is_found_in_the_order_in_which_it_is_to_be_taken(
    running: Gateway, orders: None, query: Dataset, numbers: list[str]
):
    assert [entry.AccessionNumber for entry in found(running, query)] == numbers


def test_what_was_asked_for_is_answered_and_nothing_else(running: Gateway, orders: None):
    (entry,) = found(running, asked({"ScheduledProcedureStepID": ""}, AccessionNumber="A3"))
    assert {element.keyword for element in entry} == {
        "SpecificCharacterSet",
        "AccessionNumber",
        "PatientName",
        "PatientID",
        "StudyInstanceUID",
        "ScheduledProcedureStepSequence",
    }
    assert str(entry.PatientName) == "山田^太郎"
    (step,) = entry.ScheduledProcedureStepSequence
    assert (step.Modality, step.ScheduledProcedureStepID) == ("DX", "SA3")
    assert step.ScheduledProcedureStepStartDate == "20261130"
    # The study that is made of it has one UID, however often it is asked for.
    (again,) = found(running, asked(AccessionNumber="A3"))
    assert again.StudyInstanceUID == entry.StudyInstanceUID != ""


def test_dcmtk_finds_it_too(running: Gateway, orders: None):
    keys = ["0010,0010=ROE^J*", "0040,1003", "0032,1060", "0040,0100[0].0040,0003"]
    command = ["findscu", "-W", "-v", "-aet", "ROOM1", "-aec", "CXR", "127.0.0.1", str(running.port)]
    done = subprocess.run(
        [*command, *(word for key in keys for word in ("-k", key))],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    told = done.stdout + done.stderr
    assert done.returncode == 0, told
    for value in ("[ROE^JANE]", "[HIGH", "[Chest, two views", "[093000]"):
        assert value in told, told
    assert "RICHARD" not in told


def test_another_tenants_orders_are_none_of_its_business(running: Gateway, orders: None, database: Database):
    with database.session() as session:
        peers.add(session, "NORTH", tenant="north")
    assert found(running, asked(), calling="NORTH") == []


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_date_that_is_none_is_refused(running: Gateway, orders: None):
    with association(running.port, ModalityWorklistInformationFind) as peer:
        query = asked()
        query.ScheduledProcedureStepSequence[0].ScheduledProcedureStepStartDate = "20261399"
        ((status, _),) = peer.send_c_find(query, ModalityWorklistInformationFind)
    assert status.Status == 0xA900
