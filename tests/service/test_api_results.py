"""Findings, reports and pictures over HTTP."""

from io import BytesIO

import hl7
import httpx
import pikepdf
import pydicom
import pytest
from prometheus_client.parser import text_string_to_metric_families

from shared.domain.findings import FindingStatus
from shared.domain.studies import StudyId
from shared.errors import UnusableImageError
from shared.labels import LABELS
from shared.records.database import Database
from shared.storage import Storage, heatmap_key, preview_key
from tests.support.api import MODEL, classify, complete, give_up, reject, sent
from tests.support.builders import a_finding
from tests.support.pictured import a_heatmap, a_radiograph
from tests.support.signing import ADA, sign


@pytest.fixture
def study_id(client: httpx.Client, database: Database) -> StudyId:
    study_id = sent(client, indication="cough", patient_id="P-1")
    complete(database, study_id)
    return study_id


@pytest.mark.parametrize("path", ["findings", "report"])
def test_what_is_not_there_yet_is_a_202_that_says_when_to_ask(client: httpx.Client, path: str):
    answer = client.get(f"/v1/studies/{sent(client)}/{path}")
    assert (answer.status_code, answer.content) == (202, b"")
    assert int(answer.headers["retry-after"]) >= 1


def test_findings_name_every_label_once_for_the_study_and_each_image(client: httpx.Client, study_id: StudyId):
    body = client.get(f"/v1/studies/{study_id}/findings").json()
    assert body["model"] == {"id": "bundled", "version": "1.0", "digest": "d" * 64}
    by_label = {entry["label"]: entry for entry in body["findings"]}
    assert {label: entry["status"] for label, entry in by_label.items()} == {
        "Effusion": "present",
        "Nodule": "uncertain",
        "Hernia": "absent",
    }
    effusion = by_label["Effusion"]
    assert (effusion["name"], effusion["probability"], effusion["threshold"]) == (
        "Pleural effusion",
        0.8,
        0.5,
    )
    assert (effusion["uncertain_from"], effusion["image"]) == (0.3, 0)
    assert effusion["place"] == {"side": "right", "zone": "lower", "as_displayed": True}
    assert by_label["Nodule"]["place"] is None
    codes = LABELS["Effusion"]
    assert effusion["codes"] == {
        "snomed_ct": codes.snomed_ct.code if codes.snomed_ct else None,
        "radlex": codes.radlex.code if codes.radlex else None,
    }
    assert effusion["links"]["heatmap"] == f"/v1/studies/{study_id}/images/0/heatmaps/Effusion.png"
    assert by_label["Hernia"]["links"]["heatmap"] is None
    assert body["images"][0]["findings"] == body["findings"]


def test_findings_are_there_before_the_report(client: httpx.Client, database: Database):
    study_id = sent(client)
    classify(database, study_id)
    assert client.get(f"/v1/studies/{study_id}/findings").status_code == 200
    assert client.get(f"/v1/studies/{study_id}/report").status_code == 202


def test_a_label_of_a_model_s_own_is_shown_as_it_is(client: httpx.Client, database: Database):
    study_id = sent(client)
    classify(database, study_id, [a_finding("Pericardial_Fat", FindingStatus.ABSENT)])
    (entry,) = client.get(f"/v1/studies/{study_id}/findings").json()["findings"]
    assert (entry["name"], entry["codes"]) == ("Pericardial_Fat", {"snomed_ct": None, "radlex": None})


def test_the_report_as_json(client: httpx.Client, study_id: StudyId):
    answer = client.get(f"/v1/studies/{study_id}/report")
    body = answer.json()
    assert body["sections"] == {
        "indication": "cough",
        "technique": "Frontal view.",
        "comparison": "",
        "findings": "There is a pleural effusion.",
        "impression": "Pleural effusion.",
    }
    assert (body["version"], body["status"], body["language"]) == (1, "preliminary", "en")
    assert body["writer"] == {"id": "template", "version": "1"}
    assert body["verification"] == {
        "verdict": "passed",
        "policy": "strict",
        "attempts": 1,
        "fallback": False,
    }
    assert "Not a medical device" in body["not_a_medical_device"]
    assert answer.headers["vary"] == "Accept"


def test_the_report_as_text_and_html_by_accept(client: httpx.Client, study_id: StudyId):
    text = client.get(f"/v1/studies/{study_id}/report", headers={"Accept": "text/plain"})
    assert text.headers["content-type"].startswith("text/plain")
    page = client.get(
        f"/v1/studies/{study_id}/report",
        headers={"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"},
    )
    assert page.headers["content-type"].startswith("text/html")
    for part in ("There is a pleural effusion.", "cough", "P-1", "NOT A MEDICAL DEVICE"):
        assert part in text.text
        assert part in page.text
    assert page.headers["content-security-policy"].startswith("default-src 'none'; style-src 'sha256-")


def test_a_format_that_there_is_not_is_a_406_that_names_those_that_exist(
    client: httpx.Client, study_id: StudyId
):
    answer = client.get(f"/v1/studies/{study_id}/report", headers={"Accept": "application/rtf"})
    assert (answer.status_code, answer.json()["type"]) == (406, "/problems/not-acceptable")
    exist = {"application/json", "text/plain", "text/html", "application/pdf"}
    assert exist <= set(answer.json()["formats"])


def test_the_report_on_paper_by_accept_with_the_pictures_that_are_kept(
    client: httpx.Client, storage: Storage, study_id: StudyId
):
    address, asked = f"/v1/studies/{study_id}/report", {"Accept": "application/pdf"}
    answer = client.get(address, headers=asked)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/pdf")
    assert answer.headers["content-disposition"] == f'inline; filename="report-{study_id}.pdf"'
    assert pictures_in(answer.content) == 0
    storage.put_artefact(preview_key(study_id, 0), a_radiograph())
    storage.put_artefact(heatmap_key(study_id, 0, "d" * 64, "Effusion"), a_heatmap())
    # The radiograph with its box, and once more with the heatmap over it.
    assert pictures_in(client.get(address, headers=asked).content) == 2


def pictures_in(paper: bytes) -> int:
    with pikepdf.open(BytesIO(paper)) as pdf:
        return sum(
            item.get("/S") == "/Figure" for item in pdf.objects if isinstance(item, pikepdf.Dictionary)
        )


def test_the_report_as_an_hl7_message_by_its_name(client: httpx.Client, study_id: StudyId):
    answer = client.get(f"/v1/studies/{study_id}/report", params={"format": "hl7"})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/hl7-v2")
    read = hl7.parse(answer.content.decode())
    assert str(read.segment("PID")(3)(1)(1)) == "P-1"
    assert str(read.segment("OBR")(25)) == "P"


def test_the_report_as_a_fhir_document_by_accept(client: httpx.Client, study_id: StudyId):
    answer = client.get(f"/v1/studies/{study_id}/report", headers={"Accept": "application/fhir+json"})
    assert answer.headers["content-type"].startswith("application/fhir+json")
    resources = [entry["resource"] for entry in answer.json()["entry"]]
    assert [each["resourceType"] for each in resources[:2]] == ["Composition", "DiagnosticReport"]
    assert "There is a pleural effusion." in resources[1]["text"]["div"]


def test_a_signed_report_says_in_fhir_who_signed_and_in_airai_what_became_of_each_finding(
    client: httpx.Client, study_id: StudyId
):
    sign(client, study_id).raise_for_status()
    address = f"/v1/studies/{study_id}/report"
    fhir = client.get(address, params={"format": "fhir"}).raise_for_status().json()
    composition, filed = (entry["resource"] for entry in fhir["entry"][:2])
    assert (composition["status"], filed["status"]) == ("final", "final")
    assert [attester["mode"] for attester in composition["attester"]] == ["legal"]
    people = [entry["resource"] for entry in fhir["entry"]]
    names = [each["name"][0]["text"] for each in people if each["resourceType"] == "Practitioner"]
    assert names == [ADA]
    airai = client.get(address, params={"format": "airai"}).raise_for_status().json()
    assert {one["label"]: one["assessment"] for one in airai["assessments"]} == {
        "Effusion": "accepted",
        "Nodule": "rejected",
    }
    assert [act["name"] for act in airai["assessed_by"]] == [ADA]


@pytest.mark.parametrize("name", ["dicom-sr", "basic-sr", "dicom-pdf"])
def test_the_report_as_a_dicom_object(client: httpx.Client, study_id: StudyId, name: str):
    answer = client.get(f"/v1/studies/{study_id}/report", params={"format": name})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/dicom")
    assert answer.headers["content-disposition"].endswith('.dcm"')
    dataset = pydicom.dcmread(BytesIO(answer.content))
    assert (dataset.Manufacturer, dataset.PatientID) == ("CXR Reporter", "P-1")


def test_boxes_where_there_are_none_are_a_409_that_says_why(client: httpx.Client, study_id: StudyId):
    answer = client.get(f"/v1/studies/{study_id}/report", params={"format": "gsps"})
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/format-not-possible")
    assert "nothing that has a box" in answer.json()["detail"]
    assert "dicom-sr" in answer.json()["formats"]
    assert "gsps" not in answer.json()["formats"]


def test_findings_that_nobody_has_assessed_are_a_409_that_names_other_formats(
    client: httpx.Client, study_id: StudyId
):
    answer = client.get(f"/v1/studies/{study_id}/report", params={"format": "airai"})
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/format-not-possible")
    assert "nobody has assessed the findings" in answer.json()["detail"]


def test_a_format_by_its_name_wins_over_accept_and_has_a_version_of_its_own(
    client: httpx.Client, study_id: StudyId
):
    address = f"/v1/studies/{study_id}/report"
    named = client.get(address, params={"format": "text"}, headers={"Accept": "text/html"})
    assert named.text == client.get(address, headers={"Accept": "text/plain"}).text
    assert named.headers["content-disposition"] == f'inline; filename="report-{study_id}.txt"'
    assert client.get(address, params={"format": "json"}).json()["version"] == 1
    tag = {"If-None-Match": named.headers["etag"]}
    assert client.get(address, params={"format": "text"}, headers=tag).status_code == 304
    assert client.get(address, params={"format": "html"}, headers=tag).status_code == 200
    unknown = client.get(address, params={"format": "docx"})
    assert unknown.status_code == 406
    assert {"json", "text", "html"} <= set(unknown.json()["formats"])


@pytest.mark.parametrize("accept", ["application/json", "text/plain", "text/html"])
def test_a_report_the_client_has_is_a_304(client: httpx.Client, study_id: StudyId, accept: str):
    path = f"/v1/studies/{study_id}/report"
    first = client.get(path, headers={"Accept": accept})
    again = client.get(path, headers={"Accept": accept, "If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    other = "text/plain" if accept == "text/html" else "text/html"
    answer = client.get(path, headers={"Accept": other, "If-None-Match": first.headers["etag"]})
    assert answer.status_code == 200


def test_a_study_that_ended_without_a_report_says_why(client: httpx.Client, database: Database):
    rejected, failed, cancelled = sent(client), sent(client), sent(client)
    reject(database, rejected, UnusableImageError("not a chest radiograph", file="image0.png"))
    give_up(database, failed)
    batch = client.post("/v1/batches", json={}).json()
    cancelled = sent(client, batch_id=batch["id"])
    client.post(batch["links"]["cancel"])
    for study_id, status, said in (
        (rejected, "rejected", "not a chest radiograph"),
        (failed, "failed", "codec crashed"),
        (cancelled, "cancelled", "cancelled"),
    ):
        report = client.get(f"/v1/studies/{study_id}/report")
        assert (report.status_code, report.json()["type"]) == (409, "/problems/no-report")
        assert said in report.json()["detail"]
        findings = client.get(f"/v1/studies/{study_id}/findings")
        assert (findings.status_code, findings.json()["type"]) == (409, "/problems/no-findings")
        assert findings.json()["study_status"] == status
    assert client.get(f"/v1/studies/{rejected}/report").json()["file"] == "image0.png"


def test_pictures_come_from_the_object_store_with_a_version(
    client: httpx.Client, study_id: StudyId, storage: Storage
):
    storage.put_artefact(preview_key(study_id, 0), b"\x89PNG preview")
    storage.put_artefact(heatmap_key(study_id, 0, MODEL.digest, "Effusion"), b"\x89PNG heatmap")
    for path, content in (
        (f"/v1/studies/{study_id}/images/0/preview.png", b"\x89PNG preview"),
        (f"/v1/studies/{study_id}/images/0/heatmaps/Effusion.png", b"\x89PNG heatmap"),
    ):
        answer = client.get(path)
        assert (answer.content, answer.headers["content-type"]) == (content, "image/png")
        assert answer.headers["cache-control"].startswith("private")
        again = client.get(path, headers={"If-None-Match": answer.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("images/1/preview.png", 404),
        ("images/1/original", 404),
        ("images/0/heatmaps/Hernia.png", 404),
        ("images/0/heatmaps/Mass.png", 404),
        ("images/0/heatmaps/..%2F..%2Fsecret.png", 404),
        ("images/0/heatmaps/a%20b.png", 422),
        ("images/-1/preview.png", 422),
        ("images/x/preview.png", 422),
        ("images/0/preview.png", 404),
    ],
)
def test_a_picture_that_is_not_there_is_a_problem(
    client: httpx.Client, study_id: StudyId, path: str, status: int
):
    answer = client.get(f"/v1/studies/{study_id}/{path}")
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")


def test_a_preview_that_is_not_made_yet_says_when_to_ask(client: httpx.Client):
    answer = client.get(f"/v1/studies/{sent(client)}/images/0/preview.png")
    assert (answer.status_code, "queued" in answer.json()["detail"]) == (404, True)
    assert answer.headers["retry-after"]


def test_the_info_names_who_spoke_last(client: httpx.Client, database: Database):
    assert client.get("/v1/info").json()["model"] is None
    complete(database, sent(client))
    info = client.get("/v1/info").json()
    assert (info["model"]["id"], info["writer"]["id"]) == ("bundled", "template")


def test_metrics_count_by_route_and_hold_no_id(client: httpx.Client, study_id: StudyId):
    client.get(f"/v1/studies/{study_id}")
    metrics = client.get("/metrics").text
    assert 'cxr_http_requests_total{method="GET",route="/v1/studies/{study_id}",status="200"}' in metrics
    assert str(study_id) not in metrics
    assert "cxr_http_request_seconds_bucket" in metrics


def test_the_open_metrics_and_the_info_tell_of_the_work(client: httpx.Client, database: Database):
    def told(name: str, **labels: str) -> float | None:
        families = text_string_to_metric_families(client.get("/metrics").text)
        samples = [one for family in families for one in family.samples if one.name == name]
        return next((one.value for one in samples if one.labels == labels), None)

    study_id = sent(client)
    assert told("cxr_studies_waiting", stage="cnn", priority="routine") == 1
    assert told("cxr_studies_running", stage="cnn") == 0
    assert told("cxr_oldest_waiting_seconds", stage="cnn") == pytest.approx(0, abs=60)
    work = client.get("/v1/info").json()["work"]
    assert (work["waiting"], work["running"]) == ({"cnn": 1, "llm": 0}, {"cnn": 0, "llm": 0})
    before = work["studies_per_hour"]

    complete(database, study_id)

    assert told("cxr_studies_waiting", stage="cnn", priority="routine") == 0
    work = client.get("/v1/info").json()["work"]
    assert (work["waiting"]["cnn"], work["oldest_seconds"]) == (0, 0)
    assert work["studies_per_hour"] == pytest.approx(before + 1)
