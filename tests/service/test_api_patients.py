"""Whose study it is: files of several patients are not made one study, and what is known of one is shown."""

import io
import json
import zipfile
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from shared.domain.orders import Order
from shared.domain.studies import StudyId
from shared.records.database import Database
from shared.records.tables import StudyRow
from tests.support.api import ADMIN_KEY, ApiServer, a_png, complete, sent
from tests.support.builders import the_order
from tests.support.dicoms import a_dicom
from tests.support.stack import InfraStack, wait_until

ONE = {
    "PatientID": "CASE-1",
    "StudyInstanceUID": "2.25.11",
    "PatientSex": "F",
    "PatientAge": "045Y",
    "StudyDate": "20260105",
}
OTHER = {**ONE, "PatientID": "CASE-2", "StudyInstanceUID": "2.25.12"}
NOBODY = {"id": None, "sex": None, "age_years": None}


def post(
    client: httpx.Client, key: str | None = None, /, form: dict[str, Any] | None = None, **sent_files: bytes
) -> httpx.Response:
    """Send files by their names, `a` as a.dcm."""
    headers = {"Idempotency-Key": key} if key else {}
    parts = [("files", (f"{name}.dcm", content)) for name, content in sent_files.items()]
    return client.post("/v1/studies", files=parts, data=form or {}, headers=headers)


def dicom(**tags: Any) -> bytes:
    """Make a file; None leaves a tag out."""
    built_in = {"StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"}
    return a_dicom(**{name: value for name, value in tags.items() if value is not None or name in built_in})


def refused(answer: httpx.Response, code: str = "several-patients") -> dict[str, Any]:
    assert (answer.status_code, answer.json()["type"]) == (422, f"/problems/{code}"), answer.text
    return answer.json()


def studies_in(database: Database) -> int:
    with database.session() as session:
        return len(session.scalars(select(StudyRow.id)).all())


def test_files_of_two_patients_are_refused_by_name_and_nothing_is_taken_in(
    client: httpx.Client, database: Database, capfd: pytest.CaptureFixture[str]
):
    body = refused(post(client, one=dicom(**ONE), also=dicom(**ONE), two=dicom(**OTHER)))
    assert body["groups"] == [["one.dcm", "also.dcm"], ["two.dcm"]]
    assert body["positions"] == [[0, 1], [2]]
    assert body["differs"] == ["PatientID", "StudyInstanceUID"]
    assert all(word in body["detail"] for word in ("one.dcm", "two.dcm", "PatientID"))
    assert "mixed" in body["advice"]
    assert studies_in(database) == 0
    logged: list[str] = []

    def is_logged() -> bool:
        logged.extend(capfd.readouterr())
        return "status=422" in "".join(logged)

    wait_until(is_logged, timeout=20, what="the request to be logged")
    assert not any(word in "".join(logged) for word in ("CASE-", "one.dcm"))


@pytest.mark.parametrize(
    ("differs", "other"),
    [
        (["PatientID"], {"PatientID": "CASE-2"}),
        (["StudyInstanceUID"], {"StudyInstanceUID": "2.25.99", "StudyDate": "20250105"}),
        (["IssuerOfPatientID"], {"IssuerOfPatientID": "ELSEWHERE"}),
        (["PatientSex"], {"PatientSex": "M"}),
        (["PatientBirthDate"], {"PatientBirthDate": "19800203"}),
    ],
)
def test_each_header_that_tells_two_patients_or_studies_apart_is_named(
    client: httpx.Client, differs: list[str], other: dict[str, str]
):
    whole = {**ONE, "IssuerOfPatientID": "HERE", "PatientBirthDate": "19800202"}
    assert refused(post(client, a=dicom(**whole), b=dicom(**(whole | other))))["differs"] == differs


@pytest.mark.parametrize(
    "other",
    [
        {"PatientID": "case-1 "},
        {"PatientID": " CASE-1"},
        {"PatientID": None},
        {"StudyInstanceUID": None},
        {"PatientSex": None, "IssuerOfPatientID": "HERE"},
        {"SeriesInstanceUID": "2.25.77", "SOPInstanceUID": "2.25.78", "StudyDate": None},
    ],
)
def test_writing_it_differently_or_not_at_all_is_no_difference(client: httpx.Client, other: dict[str, Any]):
    assert post(client, a=dicom(**ONE), b=dicom(**(ONE | other))).is_success


def test_a_picture_without_a_header_contradicts_nothing(client: httpx.Client):
    assert post(client, a=dicom(**ONE), b=a_png()).is_success
    groups = refused(post(client, a=dicom(**ONE), b=a_png(), c=dicom(**OTHER), d=a_png(1)))["groups"]
    assert groups == [["a.dcm"], ["b.dcm"], ["c.dcm"], ["d.dcm"]]


def test_two_patients_in_a_zip_are_refused_as_well(client: httpx.Client):
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as written:
        written.writestr("IM1", dicom(**ONE))
        written.writestr("IM2", dicom(**OTHER))
    body = refused(client.post("/v1/studies", files=[("files", ("cd.zip", archive.getvalue()))]))
    assert (body["groups"], body["positions"]) == ([["IM1"], ["IM2"]], [[0], [0]])


def test_an_item_of_a_batch_is_refused_too_and_its_key_stays_free(client: httpx.Client):
    batch = client.post("/v1/batches", json={}).json()["id"]
    two: dict[str, Any] = {"one": dicom(**ONE), "two": dicom(**OTHER)}
    refused(post(client, "item", **two, form={"batch_id": batch}))
    assert client.get(f"/v1/batches/{batch}").json()["total"] == 0
    assert post(client, "item", **two, form={"batch_id": batch, "mixed": "true"}).is_success


def test_what_is_meant_can_be_said_under_the_same_key(client: httpx.Client, database: Database):
    two: dict[str, Any] = {"one": dicom(**ONE), "two": dicom(**{**OTHER, "PatientSex": "M"})}
    refused(post(client, "key", **two))
    taken = post(client, "key", **two, form={"mixed": "true"})
    assert taken.status_code == 202
    # Only what all of them say is the study's.
    assert taken.json()["patient"] == {"id": None, "sex": None, "age_years": 45}
    again = post(client, "key", **two, form={"mixed": "true"})
    assert (again.headers["idempotency-replayed"], again.json()["id"]) == ("true", taken.json()["id"])
    assert refused(post(client, "key", **two), "idempotency-key-reused")
    assert studies_in(database) == 1


def test_a_typed_patient_that_is_not_the_file_s_is_refused_unless_it_is_meant(client: httpx.Client):
    typed = {"patient_id": "CASE-2"}
    body = refused(post(client, one=dicom(**ONE), form=typed), "other-patient")
    assert body["files"] == ["one.dcm"]
    assert "CASE" not in body["detail"]
    meant = post(client, one=dicom(**ONE), form={**typed, "mixed": "true"})
    assert meant.json()["patient"]["id"] == "CASE-2"
    assert post(client, one=dicom(**ONE), form={"patient_id": "case-1"}).json()["patient"]["id"] == "case-1"
    assert post(client, one=a_png(), form=typed).json()["patient"]["id"] == "CASE-2"


def test_what_is_typed_or_in_the_file_is_shown_in_every_form_and_erased(
    client: httpx.Client, database: Database
):
    study_id = sent(client, dicom(**ONE))
    complete(database, study_id)
    patient = {"id": "CASE-1", "sex": "F", "age_years": 45.0}
    study = client.get(f"/v1/studies/{study_id}").json()
    listed = client.get("/v1/studies").json()["items"][0]
    report = client.get(f"/v1/studies/{study_id}/report").json()
    assert study == listed
    for body in (study, listed, report):
        assert (body["patient"], body["study_date"]) == (patient, "2026-01-05")
    for media_type in ("text/plain", "text/html"):
        text = client.get(f"/v1/studies/{study_id}/report", headers={"Accept": media_type}).text
        assert "CASE-1, female, 45 years" in text
        assert "2026-01-05" in text
    assert client.delete(f"/v1/studies/{study_id}").status_code == 204
    assert the_order(database, study_id) == Order()


def test_a_picture_without_a_header_has_no_patient_and_no_date(client: httpx.Client):
    body = client.get(f"/v1/studies/{sent(client)}").json()
    assert (body["patient"], body["study_date"]) == (NOBODY, None)


@pytest.mark.parametrize(
    ("tags", "age_years"),
    [
        ({"PatientAge": "006M"}, 0.5),
        ({"PatientAge": None, "PatientBirthDate": "20200105"}, 6.0),
        ({"PatientAge": None, "PatientBirthDate": "20300105"}, None),
        ({"PatientAge": None}, None),
    ],
)
def test_the_age_is_the_file_s_or_told_by_the_dates(
    client: httpx.Client, tags: dict[str, Any], age_years: float | None
):
    body = post(client, one=dicom(**{**ONE, **tags})).json()
    assert body["patient"]["age_years"] == (age_years and pytest.approx(age_years, abs=0.01))


def test_an_id_of_any_alphabet_is_read_and_what_hides_or_turns_it_is_left_out(client: httpx.Client):
    in_utf8 = dicom(**{**ONE, "SpecificCharacterSet": "ISO_IR 192", "PatientID": "Größe-7"})
    assert post(client, one=in_utf8).json()["patient"]["id"] == "Größe-7"
    turned = dicom(**{**ONE, "SpecificCharacterSet": "ISO_IR 192", "PatientID": "A\u202e\x1b[1m\0B"})
    assert post(client, one=turned).json()["patient"]["id"] == "A[1mB"
    twice = dicom(**{**ONE, "PatientID": ["A", "B"]})
    assert post(client, one=twice).json()["patient"]["id"] == "A\\B"


def test_a_key_that_may_only_send_does_not_read_the_patient(infra: InfraStack, database: Database):
    with ApiServer(infra, auth="required") as api:
        made = api.client(ADMIN_KEY).post("/v1/keys", json={"name": "modality", "scopes": ["write"]}).json()
        sender = api.client(made["key"])
        taken = post(sender, one=dicom(**ONE))
        assert (taken.status_code, taken.json()["patient"], taken.json()["study_date"]) == (202, NOBODY, None)
        seen = api.client(ADMIN_KEY).get(f"/v1/studies/{taken.json()['id']}").json()
        assert seen["patient"]["id"] == "CASE-1"


def test_results_of_a_batch_name_the_patient(client: httpx.Client, database: Database):
    batch = client.post("/v1/batches", json={}).json()["id"]
    study_id = StudyId(post(client, "item", one=dicom(**ONE), form={"batch_id": batch}).json()["id"])
    complete(database, study_id)
    results = f"/v1/batches/{batch}/results"
    line = json.loads(client.get(results, headers={"Accept": "application/x-ndjson"}).text)
    assert line["patient"] == {"id": "CASE-1", "sex": "F", "age_years": 45.0}
    assert line["study_date"] == "2026-01-05"
    head, row = client.get(results, headers={"Accept": "text/csv"}).text.splitlines()[:2]
    named = dict(zip(head.split(","), row.split(","), strict=False))
    assert (named["patient_id"], named["patient_sex"], named["patient_age_years"], named["study_date"]) == (
        "CASE-1",
        "F",
        "45",
        "2026-01-05",
    )
