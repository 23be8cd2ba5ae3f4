"""Results reach real receivers: dcmtk, Orthanc, an HL7 listener, HTTP servers; what is not taken is kept."""

import json
from dataclasses import replace
from pathlib import Path

import pydicom
import pytest
from sqlalchemy import update
from standardwebhooks import Webhook

from cxr.local.state import free_port
from shared.domain.deliveries import DeliveryState, DestinationKind
from shared.domain.studies import StudyId, StudyStatus
from shared.records import deliveries, destinations, erasure
from shared.records.database import Database
from shared.records.destinations import Address
from shared.records.tables import StudyRow
from shared.storage import Storage
from tests.support import api
from tests.support.builders import AN_ORDER, SOMEBODY, a_study
from tests.support.orthanc import Orthanc, orthanc
from tests.support.outbox import (
    SECRET,
    STUDY_UID,
    a_destination,
    a_report,
    answers,
    courier,
    deliveries_of,
    let_it_be_time,
    let_three_days_pass,
    sign,
    until,
)
from tests.support.receivers import hl7_listener, http_receiver, storescp
from tests.support.services import wait_for

WAITING, DELIVERED, DEAD, SKIPPED = (
    DeliveryState.WAITING,
    DeliveryState.DELIVERED,
    DeliveryState.DEAD,
    DeliveryState.SKIPPED,
)
# pynetdicom leaves a socket that could not connect to the garbage collector.
UNCLOSED = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
DICOM = ("dicom-sr", "dicom-pdf", "dicom-sc")


def at(port: int, aet: str = "PACS") -> Address:
    return Address(host="127.0.0.1", port=port, ae_title=aet)


def instances_in(pacs: Orthanc, study_uid: str = STUDY_UID) -> list[dict[str, str]]:
    """Return what a QIDO client finds in a study of Orthanc."""
    found = pacs.client.get(
        f"/dicom-web/studies/{study_uid}/instances", headers={"Accept": "application/json"}
    )
    return [
        {tag: item[tag]["Value"][0] for tag in ("00080016", "00080018", "0020000D")} for item in found.json()
    ]


def test_several_objects_go_to_storescp_and_are_what_was_rendered(
    database: Database, storage: Storage, tmp_path: Path
):
    with storescp(tmp_path) as scp, courier(database, storage):
        a_destination(database, DestinationKind.DICOM, at(scp.port), formats=DICOM)
        study_id = a_report(database, storage)
        (record,) = until(database, study_id, DELIVERED)
        stored = [pydicom.dcmread(file) for file in scp.files()]
    assert (record.version, record.attempts, record.error) == (1, 1, None)
    assert answers(database, study_id) == [
        ("delivered", "dicom-sr: stored; dicom-pdf: stored; dicom-sc: stored")
    ]
    assert len(stored) == 3
    assert {one.StudyInstanceUID for one in stored} == {STUDY_UID}
    assert {str(one.PatientName) for one in stored} == {"Roe^Jane"}


@pytest.mark.parametrize("kind", [DestinationKind.DICOM, DestinationKind.DICOMWEB])
def test_orthanc_gets_the_report_into_the_study_it_is_of(
    database: Database, storage: Storage, tmp_path: Path, kind: DestinationKind
):
    with orthanc(tmp_path) as pacs, courier(database, storage):
        there = at(pacs.dicom_port, pacs.aet) if kind is DestinationKind.DICOM else Address(url=pacs.web)
        a_destination(database, kind, there, formats=DICOM)
        study_id = a_report(database, storage)
        until(database, study_id, DELIVERED)
        assert len(instances_in(pacs)) == 3
        # The same thing sent once more is still there once; a signed version is there beside it.
        sign(database, study_id)
        until(database, study_id, DELIVERED, DELIVERED)
        found = instances_in(pacs)
    assert len(found) == len({one["00080018"] for one in found}) == 6
    assert {one["0020000D"] for one in found} == {STUDY_UID}
    assert {one["00080016"] for one in found} >= {
        "1.2.840.10008.5.1.4.1.1.104.1",
        "1.2.840.10008.5.1.4.1.1.7",
    }


def test_what_a_pacs_refuses_is_not_called_sent(database: Database, storage: Storage, tmp_path: Path):
    # It accepts images of one kind alone: what is left is refused, and said so by name.
    accepted = tmp_path / "storescp.cfg"
    accepted.write_text(
        "[[TransferSyntaxes]]\n[Any]\nTransferSyntax1 = LittleEndianExplicit\n"
        "TransferSyntax2 = LittleEndianImplicit\n[[PresentationContexts]]\n[Some]\n"
        "PresentationContext1 = SecondaryCaptureImageStorage\\Any\n"
        "PresentationContext2 = VerificationSOPClass\\Any\n"
        "[[Profiles]]\n[Default]\nPresentationContexts = Some\n",
        encoding="ascii",
    )
    with storescp(tmp_path, "-xf", str(accepted), "Default") as scp, courier(database, storage):
        a_destination(database, DestinationKind.DICOM, at(scp.port), formats=DICOM)
        study_id = a_report(database, storage)
        (record,) = until(database, study_id, DEAD)
        assert len(scp.files()) == 1
    assert record.version is None
    assert record.error == (
        "dicom-sr: this kind of object is not accepted; dicom-pdf: this kind of object is not accepted;"
        " dicom-sc: stored"
    )


@UNCLOSED
def test_a_destination_that_is_down_holds_up_no_other_and_gets_all_when_it_is_back(
    database: Database, storage: Storage, tmp_path: Path
):
    port = free_port()
    with http_receiver() as ward, courier(database, storage):
        a_destination(database, DestinationKind.DICOM, at(port), name="pacs", formats=("dicom-sr",))
        hook = Address(url=f"{ward.url}/hook", secret=SECRET)
        a_destination(database, DestinationKind.WEBHOOK, hook, name="ward", events=("reported",))
        studies = [a_report(database, storage, study_uid=f"{STUDY_UID}.{number}") for number in range(5)]
        for study_id in studies:
            until(database, study_id, WAITING, DELIVERED)
        with database.session() as session:
            pacs = next(one for one in destinations.live(session) if one.name == "pacs")
        assert pacs.failures >= 1
        assert pacs.last_error == "it cannot be reached, or broke the association off"
        # While it is away it is tried with one delivery at a time, not with all that waits.
        attempted = sum(one.attempts for study_id in studies for one in deliveries_of(database, study_id)[:1])
        assert attempted == pacs.failures
        with storescp(tmp_path, port=port) as scp:
            let_it_be_time(database)
            for study_id in studies:
                until(database, study_id, DELIVERED, DELIVERED)
            assert len(scp.files()) == 5


def test_a_message_is_filed_once_it_is_acknowledged(database: Database, storage: Storage):
    with hl7_listener() as ward, courier(database, storage):
        address = Address(host="127.0.0.1", port=ward.port, application="RIS", facility="NORTH^1.2.3^ISO")
        a_destination(database, DestinationKind.HL7, address, formats=("hl7",))
        study_id = a_report(database, storage)
        until(database, study_id, DELIVERED)
        (message,) = ward.messages
    assert str(message["MSH"][0][5]) == "RIS"
    assert str(message["MSH"][0][9]) == "ORU^R01^ORU_R01"
    assert str(message["PID"][0][5][0][0]) == "Roe"
    assert answers(database, study_id)[0][0] == "delivered"


def test_a_message_that_is_answered_with_an_error_is_sent_again_and_is_dead_after_three_days(
    database: Database, storage: Storage
):
    with hl7_listener() as ward, courier(database, storage):
        ward.code = "AE"
        address = Address(host="127.0.0.1", port=ward.port)
        a_destination(database, DestinationKind.HL7, address, formats=("hl7",))
        study_id = a_report(database, storage)
        until(database, study_id, WAITING)
        _until_attempts(database, study_id, 1)
        let_it_be_time(database)
        _until_attempts(database, study_id, 2)
        ward.code = "AR"
        let_three_days_pass(database)
        let_it_be_time(database)
        (dead,) = until(database, study_id, DEAD)
        assert dead.error == "AR"
        assert [one for one, _ in answers(database, study_id)] == ["refused"] * 3
        # All three were the same message: who files by its control id files it once.
        assert len({str(one["MSH"][0][10]) for one in ward.messages}) == 1
        ward.code = "AA"
        with database.session() as session:
            assert deliveries.retry(session, dead.id)
        until(database, study_id, DELIVERED)


def _until_attempts(database: Database, study_id: StudyId, number: int) -> None:
    def ended() -> bool:
        return len([one for one, _ in answers(database, study_id) if one is not None]) == number

    wait_for(ended, 60, f"{number} attempts")


def test_a_fhir_server_is_sent_one_transaction(database: Database, storage: Storage):
    with http_receiver() as server, courier(database, storage):
        server.answer = lambda _: (
            200,
            {"Content-Type": "application/fhir+json"},
            b'{"resourceType":"Bundle"}',
        )
        address = Address(url=f"{server.url}/fhir", username="cxr", secret="swordfish")
        a_destination(database, DestinationKind.FHIR, address, formats=("fhir",))
        study_id = a_report(database, storage)
        until(database, study_id, DELIVERED)
        (request,) = server.requests
    assert (request.method, request.path) == ("POST", "/fhir")
    assert request.headers["content-type"] == "application/fhir+json"
    assert request.headers["authorization"] == "Basic Y3hyOnN3b3JkZmlzaA=="
    bundle = json.loads(request.content)
    assert (bundle["resourceType"], bundle["type"]) == ("Bundle", "transaction")
    asked = {entry["resource"]["resourceType"]: entry["request"] for entry in bundle["entry"]}
    assert asked["Patient"] == {
        "method": "POST",
        "url": "Patient",
        "ifNoneExist": asked["Patient"]["ifNoneExist"],
    }
    assert asked["Patient"]["ifNoneExist"].endswith("%7CP-1")
    report = next(
        one["resource"] for one in bundle["entry"] if one["resource"]["resourceType"] == "DiagnosticReport"
    )
    assert asked["DiagnosticReport"] == {"method": "PUT", "url": f"DiagnosticReport/{report['id']}"}


def test_a_notice_is_signed_keeps_its_id_and_holds_nothing_of_the_patient(
    database: Database, storage: Storage
):
    with http_receiver() as ward, courier(database, storage):
        ward.answer = lambda _: (
            (503, {"Retry-After": "0"}, b"") if len(ward.requests) == 1 else (204, {}, b"")
        )
        hook = Address(url=f"{ward.url}/hook?ward=3", secret=SECRET)
        a_destination(database, DestinationKind.WEBHOOK, hook, events=("reported", "signed"))
        study_id = a_report(database, storage)
        _until_attempts(database, study_id, 1)
        let_it_be_time(database)
        (record,) = until(database, study_id, DELIVERED)
        sign(database, study_id)
        until(database, study_id, DELIVERED, DELIVERED)
    first, again, signed = ward.requests
    for request in ward.requests:
        verified = Webhook(SECRET).verify(request.content, request.headers)
        assert verified["data"]["study_id"] == str(study_id)
        assert request.path == "/hook?ward=3"
    assert first.headers["webhook-id"] == again.headers["webhook-id"] == f"msg_{record.id}"
    assert signed.headers["webhook-id"] != first.headers["webhook-id"]
    assert [json.loads(one.content)["type"] for one in ward.requests] == [
        "study.reported",
        "study.reported",
        "study.signed",
    ]
    everything = b"".join(one.content for one in ward.requests)
    assert not any(word in everything for word in (b"Roe", b"P-1", b"A-7", STUDY_UID.encode(), b"Effusion"))


def test_a_redirect_is_not_followed_and_a_receiver_that_is_gone_is_told_no_more(
    database: Database, storage: Storage
):
    with http_receiver() as other, http_receiver() as ward, courier(database, storage):
        ward.answer = lambda _: (302, {"Location": other.url}, b"")
        a_destination(
            database, DestinationKind.WEBHOOK, Address(url=ward.url, secret=SECRET), events=("reported",)
        )
        study_id = a_report(database, storage)
        _until_attempts(database, study_id, 1)
        (waiting,) = until(database, study_id, WAITING)
        assert (
            waiting.error == "the server sends us elsewhere (302), and we do not follow: correct the address"
        )
        assert other.requests == []
        ward.answer = lambda _: (410, {}, b"moved out")
        let_it_be_time(database)
        (dead,) = until(database, study_id, DEAD)
    assert dead.error == "HTTP 410: moved out"


def test_a_report_that_was_replaced_meanwhile_is_sent_as_it_is_now_and_only_once(
    database: Database, storage: Storage, tmp_path: Path
):
    with storescp(tmp_path) as scp:
        a_destination(database, DestinationKind.DICOM, at(scp.port), formats=("dicom-sr",))
        study_id = a_report(database, storage)
        sign(database, study_id)
        with courier(database, storage):
            skipped, sent = until(database, study_id, SKIPPED, DELIVERED)
            assert skipped.error == "a newer version of the report is sent instead"
            assert sent.version == 2
            # What a writer writes after the signature is not the report: there is nothing new to send.
            _read_again(database, study_id)
            *_, last = until(database, study_id, SKIPPED, DELIVERED, SKIPPED)
        assert last.error == "version 2 is the report, and was delivered before"
        (file,) = scp.files()
    assert pydicom.dcmread(file).InstanceNumber == 2


def _read_again(database: Database, study_id: StudyId) -> None:
    with database.session() as session:
        session.execute(update(StudyRow).where(StudyRow.id == study_id).values(status=StudyStatus.CLASSIFIED))
    api.report(database, study_id)


def test_of_an_erased_study_nothing_is_sent(database: Database, storage: Storage):
    with http_receiver() as ward:
        a_destination(database, DestinationKind.WEBHOOK, Address(url=ward.url, secret=SECRET))
        erased, kept = a_report(database, storage), a_report(database, storage, study_uid=f"{STUDY_UID}.2")
        with database.session() as session:
            erasure.erase(session, erased, actor=SOMEBODY)
        with courier(database, storage):
            until(database, kept, DELIVERED)
        assert [json.loads(one.content)["data"]["study_id"] for one in ward.requests] == [str(kept)]


def test_two_couriers_send_each_thing_once(database: Database, storage: Storage):
    with http_receiver() as ward:
        a_destination(
            database, DestinationKind.WEBHOOK, Address(url=ward.url, secret=SECRET), events=("reported",)
        )
        studies = [a_report(database, storage, study_uid=f"{STUDY_UID}.{number}") for number in range(12)]
        with courier(database, storage), courier(database, storage):
            for study_id in studies:
                until(database, study_id, DELIVERED)
        told = [json.loads(one.content)["data"]["study_id"] for one in ward.requests]
    assert sorted(told) == sorted(map(str, studies))


def test_a_format_that_a_study_cannot_have_is_left_out_and_without_any_there_is_nothing_to_send(
    database: Database, storage: Storage, tmp_path: Path
):
    with hl7_listener() as ward, courier(database, storage):
        address = Address(host="127.0.0.1", port=ward.port)
        a_destination(database, DestinationKind.HL7, address, formats=("hl7",))
        study_id = a_study(database, order=replace(AN_ORDER, patient_id=None))
        api.complete(database, study_id)
        (skipped,) = until(database, study_id, SKIPPED)
        assert skipped.error == "hl7: the study names no patient id, and a hospital files a result by it"
        assert ward.messages == []


@UNCLOSED
@pytest.mark.parametrize(
    ("kind", "passes"), [(DestinationKind.DICOM, "C-ECHO is"), (DestinationKind.WEBHOOK, "a signed notice")]
)
def test_a_test_says_whether_the_destination_answers(
    database: Database, storage: Storage, tmp_path: Path, kind: DestinationKind, passes: str
):
    with storescp(tmp_path) as scp, http_receiver() as ward, courier(database, storage):
        closed = free_port()
        good, bad = (
            (at(scp.port), at(closed))
            if kind is DestinationKind.DICOM
            else (
                Address(url=ward.url, secret=SECRET),
                Address(url=f"http://127.0.0.1:{closed}", secret=SECRET),
            )
        )
        found = {}
        for name, address in (("good", good), ("bad", bad)):
            asked = a_destination(database, kind, address, name=name)
            with database.session() as session:
                destinations.ask_for_test(session, asked)

            def done(asked=asked) -> bool:
                with database.session() as session:
                    one = destinations.find(session, asked)
                assert one is not None
                found[one.name] = one
                return one.tested_at is not None

            wait_for(done, 60, "the test")
    said = {name: (one.test_passed, (one.test_answer or "")[: len(passes)]) for name, one in found.items()}
    assert said == {"good": (True, passes), "bad": (False, "it cannot be reached"[: len(passes)])}
