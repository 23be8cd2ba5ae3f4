"""A patient goes through everything, is erased by one command, and nothing of theirs is left anywhere."""

import json
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import httpx
import pytest
from pydicom import dcmread
from pydicom.filewriter import dcmwrite

from shared.domain.studies import StudyId
from shared.records.database import Database
from shared.records.erasure import collect
from shared.settings import DatabaseSettings, StorageSettings
from shared.storage import Storage
from tests.support.builders import let_notes_come_due
from tests.support.signing import addendum, lines_of, read, sign
from tests.support.stack import FullStack
from tests.support.traces import Traces

PATIENT, ISSUER = "ZQPATIENT7731", "ZQISSUER7732"
PERSON = "Dr. ZQPERSON7733"
TYPED = {
    "indication": "ZQINDICATION7734 since Monday",
    "accession_number": "ZQACC7735",
    "referring_physician": "ZQREFERRER7736^R",
    "path": "ward/ZQPATH7737/one.dcm",
}
HEADER = {
    "PatientName": "ZQNAME7738^JANE",
    "PatientBirthDate": "19310703",
    "StudyInstanceUID": "1.2.826.7739.1",
    "SeriesInstanceUID": "1.2.826.7739.2",
    "SOPInstanceUID": "1.2.826.7739.3",
    "InstitutionName": "ZQHOSPITAL7740",
    "PatientComments": "ZQCOMMENT7741",
    "StudyDescription": "ZQDESCRIPTION7742",
}
FILE, KEY, WORDS = "ZQFILE7743.dcm", "ZQKEY7744", "ZQADDENDUM7745"
VALUES = [
    *(PATIENT, ISSUER, "ZQPERSON7733", "ZQINDICATION7734", "ZQACC7735", "ZQREFERRER7736", "ZQPATH7737"),
    *("ZQNAME7738", "19310703", "1931-07-03", "1.2.826.7739", "ZQHOSPITAL7740", "ZQCOMMENT7741"),
    *("ZQDESCRIPTION7742", "ZQFILE7743", KEY, WORDS),
]


@pytest.fixture
def http(stack: FullStack) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=stack.url, timeout=120) as client:
        yield client


def a_radiograph(sample: Path) -> bytes:
    dataset = dcmread(sample)
    for keyword, value in {**HEADER, "PatientID": PATIENT, "IssuerOfPatientID": ISSUER}.items():
        setattr(dataset, keyword, value)
    dataset.private_block(0x0009, "ZQNAME7738", create=True).add_new(1, "LO", "ZQNAME7738")
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    written = BytesIO()
    dcmwrite(written, dataset, enforce_file_format=True)
    return written.getvalue()


def send(http: httpx.Client, batch: str, content: bytes, *, key: str, **fields: str) -> str:
    data = {**TYPED, "batch_id": batch, **fields}
    answer = http.post(
        "/v1/studies", files=[("files", (FILE, content))], data=data, headers={"Idempotency-Key": key}
    )
    assert answer.status_code in (200, 202), answer.text
    return str(answer.json()["id"])


def live_through_everything(http: httpx.Client, stack: FullStack, samples: Path) -> list[str]:
    """Make two studies of the patient: one read, signed and written on, one refused."""
    batch = http.post("/v1/batches", json={"name": "March"}).json()["id"]
    read_one = send(http, batch, a_radiograph(samples / "chest-4.dcm"), key=KEY)
    named = {"patient_id": PATIENT, "patient_id_issuer": ISSUER}
    refused = send(http, batch, a_radiograph(samples / "chest-4.dcm")[:3000], key=f"{KEY}-2", **named)
    with stack.client() as client:
        assert client.wait(read_one, timeout=300).status == "completed"
        assert client.wait(refused, timeout=300).status == "rejected"
        label = next(one.label for one in client.findings(read_one).findings if one.status != "absent")
        assert client.heatmap(read_one, label)
    for form in ("text/html", "application/pdf", "application/fhir+json", "application/dicom"):
        http.get(f"/v1/studies/{read_one}/report", headers={"Accept": form})
    http.get(f"/v1/batches/{batch}/results", headers={"Accept": "text/csv"})
    study_id = StudyId(read_one)  # type: ignore[arg-type]
    assert sign(http, study_id, name=PERSON).is_success
    assert addendum(http, study_id, f"Told {WORDS}.", name=PERSON).is_success
    draft = {"author": {"name": PERSON}, "lines": lines_of(read(http, study_id)), "base_version": 1}
    http.put(f"/v1/studies/{read_one}/report/draft", json=draft)
    return [read_one, refused]


@pytest.mark.timeout(1200)
def test_nothing_of_an_erased_patient_is_left_anywhere(stack: FullStack, http: httpx.Client, samples: Path):
    studies = live_through_everything(http, stack, samples)
    traces = Traces(VALUES)
    before = traces.found(stack)
    assert set().union(*before.values()) >= set(VALUES) - {"19310703"}, before
    # While the patient is there their data lie where they belong, and nowhere else.
    assert {place.split(" ")[0] for place in before} <= {"database", "object"}, before
    assert not [place for place in before if place == "key of an object"]

    done = stack.run("patients", "erase", PATIENT, "--issuer", ISSUER, "--yes", "--json")
    assert json.loads(done.stdout) == {"studies": 2, "others": 0}, done.stderr
    assert [http.get(f"/v1/studies/{one}").status_code for one in studies] == [410, 410]
    settings = stack.infra_environment()
    database = Database(DatabaseSettings(url=settings["CXR_DATABASE_URL"]))
    storage = Storage(
        StorageSettings(
            endpoint=settings["CXR_STORAGE_ENDPOINT"],
            access_key=settings["CXR_STORAGE_ACCESS_KEY"],
            secret_key=settings["CXR_STORAGE_SECRET_KEY"],
        )
    )
    # What the sweeper does within ten minutes.
    let_notes_come_due(database)
    collect(database, storage)
    database.close()

    assert traces.found(stack) == {}
    again = stack.run("patients", "erase", PATIENT, "--issuer", ISSUER, "--yes", "--json")
    assert json.loads(again.stdout) == {"studies": 0, "others": 0}
