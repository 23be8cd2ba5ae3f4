"""Whose study it is and what was asked for: typed or in the file, shown to who may read, and nowhere else."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from redis import Redis
from sqlalchemy import text

from shared.domain.orders import Order
from shared.records.database import Base, Database
from shared.storage import Storage
from tests.support.api import ADMIN_KEY, ApiServer, a_png, complete, files, send, sent
from tests.support.builders import the_order
from tests.support.dicoms import a_dicom
from tests.support.names import EVERY, named
from tests.support.stack import InfraStack, wait_until

TYPED = {
    "accession_number": "ZZACC-7",
    "patient_id": "ZZID-1",
    "patient_id_issuer": "ZZISSUER",
    "patient_name": "ZZDOE^JANE",
    "patient_birth_date": "1931-07-03",
    "patient_sex": "F",
    "patient_age_years": "94.5",
    "referring_physician": "ZZHOUSE^GREGORY",
    "study_instance_uid": "1.2.840.31415",
    "study_date": "2026-01-05",
    "study_time": "14:05:09",
    "body_part": "CHEST",
    "laterality": "U",
    "institution": "ZZNORTH",
    "indication": "ZZCOUGH",
}
MARKERS = ("ZZ", "1931-07-03", "1.2.840.31415")
SAYS: dict[str, Any] = {
    "AccessionNumber": "ACC-FILE",
    "PatientID": "ZZID-1",
    "IssuerOfPatientID": "FILE",
    "PatientName": "Müller^Jörg",
    "SpecificCharacterSet": "ISO_IR 192",
    "PatientBirthDate": "19310704",
    "PatientSex": "M",
    "PatientAge": "090Y",
    "ReferringPhysicianName": "FILE^DOCTOR",
    "StudyInstanceUID": "2.25.9",
    "StudyDate": "20250101",
    "StudyTime": "0930",
    "BodyPartExamined": "THORAX",
    "Laterality": "R",
    "InstitutionName": "FILE HOSPITAL",
}


@pytest.fixture
def locked(infra: InfraStack, database: Database) -> Iterator[ApiServer]:
    """Return an API that wants keys."""
    with ApiServer(infra, auth="required") as server:
        yield server


def shown(client: httpx.Client, study_id: object) -> dict[str, Any]:
    order: dict[str, Any] = client.get(f"/v1/studies/{study_id}").json()["order"]
    return order


def test_what_is_typed_is_the_order_and_wins_over_the_file(client: httpx.Client):
    typed = {**TYPED, "patient_age_years": 94.5}
    assert shown(client, sent(client, **TYPED)) == typed
    assert shown(client, sent(client, a_dicom(**SAYS), **TYPED)) == typed


def test_what_nobody_types_is_the_files(client: httpx.Client):
    assert shown(client, sent(client, a_dicom(**SAYS), accession_number="TYPED")) == {
        "accession_number": "TYPED",
        "patient_id": "ZZID-1",
        "patient_id_issuer": "FILE",
        "patient_name": "Müller^Jörg",
        "patient_birth_date": "1931-07-04",
        "patient_sex": "M",
        "patient_age_years": 90.0,
        "referring_physician": "FILE^DOCTOR",
        "study_instance_uid": "2.25.9",
        "study_date": "2025-01-01",
        "study_time": "09:30:00",
        "body_part": "THORAX",
        "laterality": "R",
        "institution": "FILE HOSPITAL",
        "indication": None,
    }


def test_a_name_in_a_file_is_kept_without_what_hides_or_turns_it(client: httpx.Client):
    file = a_dicom(SpecificCharacterSet="ISO_IR 192", PatientName="DOE\u202e^J\u200bANE")
    assert shown(client, sent(client, file))["patient_name"] == "DOE^JANE"


def test_a_name_in_any_character_set_is_the_study_s(client: httpx.Client):
    file = a_dicom(SpecificCharacterSet="ISO_IR 100", PatientName="DOE")
    found = {kind: shown(client, sent(client, named(file, EVERY[kind])))["patient_name"] for kind in EVERY}
    assert found == {kind: written.read for kind, written in EVERY.items()}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(
            (name, "x" * 65)
            for name in ("accession_number", "patient_id", "patient_id_issuer", "institution")
        ),
        *((name, "x" * 195) for name in ("patient_name", "referring_physician")),
        *(
            (name, value)
            for name in ("patient_birth_date", "study_date")
            for value in ("03.07.1931", "19310703", "1931-02-30", "1767571200", "today")
        ),
        *(("study_time", value) for value in ("25:00", "1405", "14:05:09Z", "52000")),
        *(("patient_age_years", value) for value in ("-1", "126", "nan", "old")),
        *(("study_instance_uid", value) for value in ("1.2." + "3" * 64, "1..2", "1.02", "abc")),
        ("patient_sex", "female"),
        ("laterality", "left"),
        ("body_part", "chest"),
        ("patient_name", "DOE\u202e^JANE"),
        ("institution", "a\nb"),
    ],
)
def test_a_bad_value_is_refused_by_the_field_s_name(client: httpx.Client, field: str, value: str):
    answer = send(client, **{field: value})
    assert answer.status_code == 422, answer.text
    assert [fault["field"] for fault in answer.json()["errors"]] == [field]


def test_the_document_has_every_field_and_its_bounds(client: httpx.Client):
    document = client.get("/openapi.json").json()
    body = document["paths"]["/v1/studies"]["post"]["requestBody"]["content"]["multipart/form-data"]
    properties = body["schema"]["properties"]
    assert TYPED.keys() <= properties.keys()
    assert properties["patient_name"]["maxLength"] == 194
    assert properties["patient_birth_date"]["format"] == "date"
    bounds = {"maxLength", "pattern", "enum", "format", "maximum"}
    assert all(bounds & properties[name].keys() for name in TYPED)


def test_a_key_that_may_only_send_sees_nothing_of_the_order(locked: ApiServer):
    admin = locked.client(ADMIN_KEY)
    made = admin.post("/v1/keys", json={"name": "modality", "scopes": ["write"]}).json()
    taken = locked.client(made["key"]).post("/v1/studies", files=files(a_png()), data=TYPED)
    assert taken.status_code == 202, taken.text
    assert set(taken.json()["order"].values()) == {None}
    assert not any(marker in taken.text for marker in MARKERS)
    assert shown(admin, taken.json()["id"])["patient_name"] == "ZZDOE^JANE"


def test_results_of_a_batch_say_which_order_an_item_is(client: httpx.Client):
    batch = client.post("/v1/batches", json={}).json()["id"]
    sent(client, **TYPED, batch_id=batch)
    results = f"/v1/batches/{batch}/results"
    line = json.loads(client.get(results, headers={"Accept": "application/x-ndjson"}).text)
    head, row = client.get(results, headers={"Accept": "text/csv"}).text.splitlines()[:2]
    named = dict(zip(head.split(","), row.split(","), strict=False))
    for item in (line, named):
        assert (item["accession_number"], item["study_instance_uid"]) == ("ZZACC-7", "1.2.840.31415")


def test_the_order_is_in_no_log_event_queue_metric_or_key_and_erased(
    client: httpx.Client,
    database: Database,
    infra: InfraStack,
    storage: Storage,
    capfd: pytest.CaptureFixture[str],
):
    typed, read = sent(client, **TYPED), sent(client, a_dicom(**{**SAYS, "PatientName": "ZZFILE^NAME"}))
    assert send(client, **{**TYPED, "study_date": "ZZDAY"}).status_code == 422
    assert send(client, a_dicom(**SAYS), **{**TYPED, "patient_id": "ZZOTHER"}).status_code == 422
    broker = Redis.from_url(infra.broker_url, decode_responses=True)
    queued: list[str] = []

    def is_queued() -> bool:
        queued.extend(str(broker.lrange(name, 0, -1)) for name in broker.scan_iter(_type="list"))
        return any("cnn" in hint for hint in queued)

    wait_until(is_queued, timeout=20, what="the workers to be told")
    for study_id in (typed, read):
        complete(database, study_id)
    logged: list[str] = []

    def is_logged() -> bool:
        logged.extend(capfd.readouterr())
        return "".join(logged).count("status=422") >= 2

    wait_until(is_logged, timeout=20, what="the requests to be logged")
    with database.session() as session:
        events = session.execute(text("SELECT row_to_json(study_events)::text FROM study_events")).all()
    seen = {
        "logs": "".join(logged),
        "events": str(events),
        "queues": "".join(queued),
        "metrics": client.get("/metrics").text,
        "keys": str(storage._bucket.list("")),
    }
    assert events
    assert storage._bucket.list("")
    assert {place for place, words in seen.items() if any(marker in words for marker in MARKERS)} == set()
    for study_id in (typed, read):
        assert client.delete(f"/v1/studies/{study_id}").status_code == 204
        assert the_order(database, study_id) == Order()
    assert holding(database) == set()


def holding(database: Database) -> set[str]:
    """Return the tables in which a marker is."""
    with database.session() as session:
        return {
            table.name
            for table in Base.metadata.sorted_tables
            for (row,) in session.execute(text(f"SELECT row_to_json({table.name})::text FROM {table.name}"))
            if any(marker in row for marker in MARKERS)
        }
