"""UPS-RS: the queue is a worklist, and a performer's Transaction UID the fence that a lease has."""

from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import func, update

from shared.domain.studies import Stage, StudyId, StudyStatus
from shared.domain.workitems import item_of, uid_of
from shared.records import claims, open_studies
from shared.records.database import Database
from shared.records.tables import StudyRow
from tests.service.test_dicomweb import STUDY, an_instance, posted
from tests.support.api import classify, report
from tests.support.builders import SOMEBODY, SWEEPER, a_claim, the_study

STATE, TRANSACTION, NAME = "00741000", "00081195", "00080018"
MINE, THEIRS = "1.2.3.1", "1.2.3.2"
KIND = {"Content-Type": "application/dicom+json"}


@pytest.fixture
def study_id(client: httpx.Client, database: Database) -> StudyId:
    """A study that waits for its first stage."""
    assert posted(client, an_instance(1), an_instance(2)).status_code == 200
    (listed,) = client.get("/v1/studies").json()["items"]
    study = StudyId(UUID(listed["id"]))
    with database.session() as session:
        assert open_studies.close(session, study, actor=SOMEBODY)
    return study


def found(client: httpx.Client, **asked: str) -> dict[str, str]:
    """Return the workitems' states by their UIDs."""
    answer = client.get("/dicomweb/workitems", params=asked)
    assert answer.status_code == 200, answer.text
    return {item[NAME]["Value"][0]: item[STATE]["Value"][0] for item in answer.json()}


def put(client: httpx.Client, uid: str, state: str, transaction: str | None = MINE) -> httpx.Response:
    body: dict[str, Any] = {STATE: {"vr": "CS", "Value": [state]}}
    if transaction is not None:
        body[TRANSACTION] = {"vr": "UI", "Value": [transaction]}
    return client.put(f"/dicomweb/workitems/{uid}/state", json=body, headers=KIND)


def refused(answer: httpx.Response, why: str) -> None:
    assert (answer.status_code, answer.headers["content-type"]) == (409, "application/problem+json")
    assert why in answer.headers["warning"]


def test_a_workitem_follows_its_study(client: httpx.Client, database: Database, study_id: StudyId):
    cnn, llm = (uid_of(study_id, stage) for stage in Stage)
    assert item_of(cnn) == (study_id, Stage.CNN)
    assert found(client) == {cnn: "SCHEDULED"}
    classify(database, study_id)
    assert found(client) == {cnn: "COMPLETED", llm: "SCHEDULED"}
    assert found(client, ProcedureStepState="SCHEDULED") == {llm: "SCHEDULED"}
    assert found(client, ScheduledProcedureStepPriority="HIGH") == {}
    assert found(client, ScheduledProcedureStepPriority="MEDIUM", limit="1", offset="1") == {llm: "SCHEDULED"}
    a_claim(database, study_id, Stage.LLM)
    assert found(client, **{STATE: "IN PROGRESS"}) == {llm: "IN PROGRESS"}
    (whole,) = client.get(f"/dicomweb/workitems/{llm}").json()
    assert (whole["00100020"]["Value"], whole["0020000D"]["Value"]) == (["P1"], [STUDY])
    (series,) = whole["00404021"]["Value"]
    assert len(series["00081199"]["Value"]) == 2
    assert TRANSACTION not in whole
    assert client.get("/dicomweb/workitems?ProcedureStepState=DONE").status_code == 400
    assert client.get("/dicomweb/workitems?PatientID=P1").status_code == 400
    for nobody in ("1.2.3", "2.25.0", "2.25.1", f"{cnn}0", uid_of(StudyId(uuid4()), Stage.CNN)):
        assert client.get(f"/dicomweb/workitems/{nobody}").status_code == 404


def test_a_performers_claim_keeps_workers_off_until_it_is_given_back(
    client: httpx.Client, database: Database, study_id: StudyId
):
    uid = uid_of(study_id, Stage.CNN)
    refused(put(client, uid, "IN PROGRESS", None), "Transaction UID is missing")
    refused(put(client, uid, "CANCELED"), "inconsistent with the current state")
    assert put(client, uid, "IN PROGRESS").status_code == 200
    assert the_study(database, study_id).status is StudyStatus.CLASSIFYING
    refused(put(client, uid, "IN PROGRESS"), "inconsistent with the current state")
    refused(put(client, uid, "CANCELED", THEIRS), "Transaction UID is incorrect")
    refused(put(client, uid, "COMPLETED"), "inconsistent with the current state")
    assert put(client, uid, "SCHEDULED").status_code == 400
    assert put(client, uid, "IN PROGRESS", "not a uid").status_code == 400
    assert put(client, uid, "CANCELED").status_code == 200
    assert found(client) == {uid: "SCHEDULED"}
    # The token has moved on with the claim: what held it once holds it no more.
    a_claim(database, study_id, Stage.CNN)
    refused(put(client, uid, "CANCELED"), "Transaction UID is incorrect")


def test_a_claim_that_is_not_renewed_runs_out(client: httpx.Client, database: Database, study_id: StudyId):
    uid = uid_of(study_id, Stage.CNN)
    assert put(client, uid, "IN PROGRESS").status_code == 200

    def run_out() -> None:
        with database.session() as session:
            session.execute(update(StudyRow).values(lease_expires_at=func.now()))

    run_out()
    renewed = client.post(f"/dicomweb/workitems/{uid}?{MINE}", json={}, headers=KIND)
    assert renewed.status_code == 200
    with database.session() as session:
        assert claims.expire_leases(session, actor=SWEEPER) == []
    refused(client.post(f"/dicomweb/workitems/{uid}?{THEIRS}", json={}, headers=KIND), "incorrect")
    refused(client.post(f"/dicomweb/workitems/{uid}", json={}, headers=KIND), "missing")
    run_out()
    with database.session() as session:
        assert len(claims.expire_leases(session, actor=SWEEPER)) == 1
    refused(client.post(f"/dicomweb/workitems/{uid}?{MINE}", json={}, headers=KIND), "inconsistent")
    assert found(client) == {uid: "SCHEDULED"}


def test_a_cancellation_ends_the_study_and_the_rest_is_not_there(
    client: httpx.Client, database: Database, study_id: StudyId
):
    uid = uid_of(study_id, Stage.CNN)
    assert client.post("/dicomweb/workitems", json={}, headers=KIND).status_code == 501
    assert client.post(f"/dicomweb/workitems/{uid}/subscribers/ME").status_code == 501
    assert client.post(f"/dicomweb/workitems/{uid}/cancelrequest").status_code == 202
    assert the_study(database, study_id).status is StudyStatus.CANCELLED
    assert found(client) == {uid: "CANCELED"}
    refused(client.post(f"/dicomweb/workitems/{uid}/cancelrequest"), "inconsistent with the current state")
    refused(put(client, uid, "IN PROGRESS"), "inconsistent with the current state")


def test_what_is_reported_is_completed(client: httpx.Client, database: Database, study_id: StudyId):
    classify(database, study_id)
    report(database, study_id)
    assert set(found(client).values()) == {"COMPLETED"}
    refused(client.post(f"/dicomweb/workitems/{uid_of(study_id, Stage.LLM)}/cancelrequest"), "inconsistent")
