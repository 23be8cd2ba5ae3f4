"""Two studies of one patient: what the second one's report says of the first, in each of its forms."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import httpx
import pytest

from shared.domain.findings import FindingStatus, ModelVersion, ViewPosition
from shared.domain.reports import Departures, Language
from shared.domain.studies import Stage, StudyId, new_id
from shared.records import erasure, findings, studies
from shared.records.database import Database
from shared.records.findings import ImageFindings
from shared.settings import ReportSettings
from shared.work.handling import Outcome, Workplace
from tests.support.api import MODEL
from tests.support.builders import AN_ORDER, SOMEBODY, a_claim, a_finding, a_study, a_tenant, an_image
from worker_llm.pipeline import write_reports
from worker_llm.tasks import Reporter, report_on
from worker_llm.writers.template import TemplateWriter

NEWER = ModelVersion("bundled", "2.0", "e" * 64)
NAMED = "Chest radiograph of 2025-03-01."

Read = Callable[..., StudyId]


@pytest.fixture
def read(workplace: Workplace) -> Read:
    """Return what takes in a study of one patient, finds these labels on it and has its report written."""
    reporter = Reporter(
        lambda request, _: write_reports(
            [request], TemplateWriter(), attempts=1, departures=Departures.REFUSE
        )[0],
        ReportSettings(),
    )

    def run(
        day: date,
        *detected: str,
        model: ModelVersion = MODEL,
        possible: tuple[str, ...] = (),
        critical: tuple[str, ...] = (),
        **how: Any,
    ) -> StudyId:
        order = replace(AN_ORDER, study_date=day, **how.pop("order", {}))
        images = (an_image(sha256=new_id().hex * 2),)
        study_id = a_study(workplace.database, images=images, order=order, **how)
        found = [a_finding(label, probability=0.95) for label in detected]
        found += [a_finding(label, FindingStatus.UNCERTAIN) for label in possible]
        absent = {"Pneumothorax", "Effusion", "Cardiomegaly"} - {*detected, *possible}
        found += [a_finding(label, FindingStatus.ABSENT, probability=0.05) for label in sorted(absent)]
        claim = a_claim(workplace.database, study_id)
        with workplace.database.session() as session:
            findings.store(session, claim, [ImageFindings(0, ViewPosition.PA, found)], model, critical)
        claim = a_claim(workplace.database, study_id, Stage.LLM)
        assert report_on(claim, workplace, reporter) is Outcome.DONE
        return study_id

    return run


BEFORE, NOW = date(2025, 3, 1), date(2026, 1, 5)


def comparison(client: httpx.Client, study_id: StudyId) -> str:
    answer = client.get(f"/v1/studies/{study_id}/report", headers={"Accept": "application/json"})
    said: str = answer.raise_for_status().json()["sections"]["comparison"]
    return said


def test_the_second_report_says_what_has_changed_since_the_first(client: httpx.Client, read: Read):
    first = read(BEFORE, "Effusion", "Cardiomegaly")
    second = read(NOW, "Pneumothorax", "Cardiomegaly")
    assert comparison(client, first) == "None available."
    assert comparison(client, second) == (
        f"{NAMED} New: pneumothorax. No longer detected: pleural effusion. Unchanged: cardiomegaly."
    )
    for form in ("text/plain", "text/html"):
        shown = client.get(f"/v1/studies/{second}/report", headers={"Accept": form}).text
        assert NAMED in shown
        assert "New: pneumothorax." in shown
    sentences = client.get(f"/v1/studies/{second}/report").json()["sentences"]
    compared = [(one["text"], one["labels"]) for one in sentences if one["section"] == "comparison"]
    assert compared[:2] == [(NAMED, []), ("New: pneumothorax.", ["Pneumothorax"])]


def test_what_is_critical_is_said_first(client: httpx.Client, read: Read):
    study_id = read(NOW, "Effusion", "Pneumothorax", critical=("Pneumothorax",))
    said = client.get(f"/v1/studies/{study_id}/report").json()["sections"]["impression"]
    assert said.startswith("Critical finding: ")
    assert "neumothorax" in said.splitlines()[0]
    study_id = read(NOW, "Effusion", "Pneumothorax")
    assert "Critical" not in client.get(f"/v1/studies/{study_id}/report").json()["sections"]["impression"]


def test_a_person_who_changes_nothing_of_a_critical_report_is_warned_of_nothing(
    client: httpx.Client, read: Read
):
    # The recommendation names them in the order of the impression, where the critical one comes first.
    study_id = read(NOW, possible=("Pneumonia", "Effusion"), critical=("Effusion",))
    path = f"/v1/studies/{study_id}/report"
    written = client.get(path)
    body = {"author": {"name": "Dr. Ada Roe"}, "sections": written.json()["sections"]}
    body["sections"].pop("indication")
    changed = client.put(path, json=body, headers={"If-Match": written.headers["etag"]}).raise_for_status()
    assert changed.json()["warnings"] == written.json()["warnings"] == []
    assert changed.json()["sections"] == written.json()["sections"]


def test_a_report_in_spanish_compares_in_spanish(client: httpx.Client, read: Read):
    read(BEFORE)
    study_id = read(NOW, "Pneumothorax", language=Language.SPANISH)
    assert comparison(client, study_id) == (
        "Radiografía de tórax del 2025-03-01. De nueva aparición: neumotórax."
    )


def test_nothing_is_said_where_nobody_knows_the_patient(client: httpx.Client, read: Read):
    read(BEFORE, order={"patient_id": None})
    assert comparison(client, read(NOW, order={"patient_id": None})) == ""


def test_another_tenants_patient_is_another_patient(client: httpx.Client, database: Database, read: Read):
    read(BEFORE, tenant_id=a_tenant(database))
    assert comparison(client, read(NOW)) == "None available."


def test_an_erased_study_is_not_named(client: httpx.Client, database: Database, read: Read):
    first = read(BEFORE)
    with database.session() as session:
        assert erasure.erase(session, first, actor=SOMEBODY)
    assert comparison(client, read(NOW)) == "None available."


def test_a_study_that_is_still_read_is_not_waited_for(client: httpx.Client, database: Database, read: Read):
    first = read(BEFORE)
    with database.session() as session:
        assert studies.reread(session, first, actor=SOMEBODY) is not None
    assert comparison(client, read(NOW)) == "None available."


def test_what_another_version_of_the_classifier_found_is_named_and_not_compared(
    client: httpx.Client, read: Read
):
    read(BEFORE, "Effusion")
    assert comparison(client, read(NOW, model=NEWER)) == (
        f"{NAMED} Another version of the classifier read it, so the findings are not compared."
    )
