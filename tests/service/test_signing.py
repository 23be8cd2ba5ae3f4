"""Signing, amending, adding to and withdrawing reports: who did it, on what, and what is in force."""

import threading
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text, update
from sqlalchemy.exc import IntegrityError

from shared.domain.reports import Act, Person
from shared.domain.studies import Stage, StudyId, StudyStatus
from shared.errors import TryAgainError
from shared.records import acts, drafts, reading, reports
from shared.records.acts import Deed
from shared.records.database import Database
from shared.records.tables import StudyRow
from shared.settings import AuthMode
from tests.service.test_studies import the_report
from tests.support.api import ADMIN_KEY, ApiServer, a_png, complete, sent
from tests.support.builders import SOMEBODY, a_claim
from tests.support.signing import ADA, BEN, addendum, lines_of, read, sign, tag, versions_of, withdraw
from tests.support.stack import InfraStack


@pytest.fixture
def study_id(client: httpx.Client, database: Database) -> StudyId:
    """A study with the report that a writer wrote."""
    study_id = StudyId(UUID(str(sent(client))))
    complete(database, study_id)
    return study_id


def read_again(database: Database, study_id: StudyId) -> None:
    """Have a writer write once more."""
    with database.session() as session:
        session.execute(update(StudyRow).where(StudyRow.id == study_id).values(status=StudyStatus.CLASSIFIED))
    claim = a_claim(database, study_id, Stage.LLM)
    with database.session() as session:
        reports.store(session, claim, the_report())


def report_status(client: httpx.Client, study_id: StudyId) -> str:
    return str(client.get(f"/v1/studies/{study_id}").json()["report_status"])


def test_a_report_is_signed_as_it_stands_in_one_request(client: httpx.Client, study_id: StudyId):
    before = read(client, study_id)
    assert (before["status"], before["act"], before["attestations"]) == ("preliminary", "written", [])
    assert before["ai_mark"].endswith("/trainedAlgorithmicMedia")
    answer = sign(client, study_id)
    assert answer.status_code == 200, answer.text
    body = read(client, study_id)
    assert answer.json() == body
    assert (body["version"], body["made_from"], body["status"], body["act"]) == (2, 1, "final", "signed")
    assert body["author"] == {"kind": "person", "name": ADA}
    assert (body["sections"], body["sentences"]) == (before["sections"], before["sentences"])
    assert body["ai_mark"].endswith("/compositeWithTrainedAlgorithmicMedia")
    (attestation,) = body["attestations"]
    assert attestation == {
        "act": "signed",
        "name": ADA,
        "at": body["created_at"],
        "version": 2,
        "reason": None,
    }
    assert report_status(client, study_id) == "final"


def test_an_amendment_needs_a_reason_and_is_signed_beside_what_was_signed(
    client: httpx.Client, study_id: StudyId
):
    sign(client, study_id).raise_for_status()
    refused = sign(client, study_id, name=BEN)
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "reason")
    lines = lines_of(read(client, study_id))
    lines[-1] |= {"text": "Small pleural effusion.", "decision": "changed"}
    body = sign(client, study_id, name=BEN, lines=lines, reason="Seen again.").raise_for_status().json()
    assert (body["status"], body["act"], body["made_from"]) == ("amended", "amended", 2)
    assert body["sections"]["impression"].endswith("Small pleural effusion.")
    signed = [(one["act"], one["name"], one["reason"]) for one in body["attestations"]]
    assert signed == [("signed", ADA, None), ("amended", BEN, "Seen again.")]
    assert report_status(client, study_id) == "amended"


def test_a_first_signature_takes_no_reason(client: httpx.Client, study_id: StudyId):
    answer = sign(client, study_id, reason="Why not.")
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "reason")
    assert read(client, study_id)["status"] == "preliminary"


def test_an_addendum_stands_below_what_was_signed(client: httpx.Client, study_id: StudyId):
    assert addendum(client, study_id, "Told the ward.").status_code == 409
    signed = sign(client, study_id).json()
    body = addendum(client, study_id, "Told the ward.", name=BEN).raise_for_status().json()
    assert (body["status"], body["sections"]) == ("amended", signed["sections"])
    (added,) = body["addenda"]
    assert (added["text"], added["author"], added["version"]) == ("Told the ward.", BEN, 3)
    lines = lines_of(body)
    amended = sign(client, study_id, lines=lines, reason="Seen again.").raise_for_status().json()
    assert [one["text"] for one in amended["addenda"]] == ["Told the ward."]


@pytest.mark.parametrize("signed", [True, False], ids=["signed", "preliminary"])
def test_a_withdrawn_report_stays_so(client: httpx.Client, database: Database, study_id: StudyId, signed):
    if signed:
        sign(client, study_id).raise_for_status()
    body = withdraw(client, study_id, "Another patient's.").raise_for_status().json()
    assert (body["status"], body["attestations"][-1]["reason"]) == ("entered-in-error", "Another patient's.")
    # To withdraw what nobody had signed is no signature.
    mark = "compositeWithTrainedAlgorithmicMedia" if signed else "trainedAlgorithmicMedia"
    assert body["ai_mark"].endswith(f"/{mark}")
    for answer in (
        sign(client, study_id, reason="No."),
        addendum(client, study_id, "No."),
        withdraw(client, study_id, "No."),
    ):
        assert (answer.status_code, answer.json()["type"]) == (409, "/problems/report-status")
        assert answer.json()["acts"] == []
    read_again(database, study_id)
    after = read(client, study_id)
    assert (after["status"], after["newer_reading"]) == ("entered-in-error", body["version"] + 1)
    assert report_status(client, study_id) == "entered-in-error"


def test_a_writer_s_later_version_displaces_nothing_that_was_signed(
    client: httpx.Client, database: Database, study_id: StudyId
):
    read_again(database, study_id)
    assert read(client, study_id)["version"] == 2
    signed = sign(client, study_id).json()
    seen = tag(client, study_id)
    read_again(database, study_id)
    body = read(client, study_id)
    assert (body["version"], body["status"], body["newer_reading"]) == (3, "final", 4)
    assert body["sections"] == signed["sections"]
    assert report_status(client, study_id) == "final"
    # The report is another answer by now, and still the version that they saw.
    assert tag(client, study_id) != seen
    amended = sign(client, study_id, etag=seen, reason="Seen again.").raise_for_status().json()
    assert (amended["version"], amended["made_from"], amended["newer_reading"]) == (5, 3, None)
    assert [(one["version"], one["made_from"]) for one in versions_of(client, study_id)] == [
        (1, None),
        (2, None),
        (3, 2),
        (4, None),
        (5, 3),
    ]


def test_a_batch_s_results_are_what_was_signed_with_what_was_added_below_it(
    client: httpx.Client, database: Database
):
    batch = client.post("/v1/batches", json={"name": "archive"}).raise_for_status().json()["id"]
    files = {"files": ("a.png", a_png())}
    answer = client.post(
        "/v1/studies", files=files, data={"batch_id": batch}, headers={"Idempotency-Key": "item"}
    )
    study_id = StudyId(UUID(answer.raise_for_status().json()["id"]))
    complete(database, study_id)
    sign(client, study_id).raise_for_status()
    addendum(client, study_id, "Told the ward.").raise_for_status()
    read_again(database, study_id)
    results = client.get(f"/v1/batches/{batch}/results", headers={"Accept": "application/x-ndjson"})
    report = results.raise_for_status().json()["report"]
    assert (report["version"], report["status"]) == (3, "amended")
    assert report["author"] == {"kind": "person", "name": ADA}
    assert [one["text"] for one in report["addenda"]] == ["Told the ward."]


def test_what_is_signed_cannot_be_edited(client: httpx.Client, study_id: StudyId):
    signed = sign(client, study_id).json()
    sections = {name: signed["sections"][name] for name in ("technique", "findings", "impression")}
    answer = client.put(
        f"/v1/studies/{study_id}/report",
        json={"author": {"name": ADA}, "sections": sections},
        headers={"If-Match": tag(client, study_id)},
    )
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/report-status")
    assert answer.json()["acts"] == ["amended", "addendum", "entered-in-error"]


def test_of_two_who_sign_at_once_one_is_told_which_version_there_is(
    api: ApiServer, client: httpx.Client, study_id: StudyId
):
    etag, start = tag(client, study_id), threading.Barrier(2)
    clients = {ADA: api.client(), BEN: api.client()}

    def at_once(name: str) -> httpx.Response:
        start.wait(10)
        return sign(clients[name], study_id, name=name, etag=etag)

    with ThreadPoolExecutor(2) as threads:
        won, lost = sorted(threads.map(at_once, clients), key=lambda answer: answer.status_code)
    assert (won.status_code, lost.status_code) == (200, 412), lost.text
    assert lost.json()["newest_version"] == won.json()["version"] == 2
    assert len(versions_of(client, study_id)) == 2


def test_a_signature_that_is_sent_twice_signs_once(client: httpx.Client, study_id: StudyId):
    etag = tag(client, study_id)
    sign(client, study_id, etag=etag).raise_for_status()
    again = sign(client, study_id, etag=etag)
    assert (again.status_code, again.json()["type"]) == (412, "/problems/changed-meanwhile")
    assert sign(client, study_id, etag="*").status_code == 428
    assert len(versions_of(client, study_id)) == 2


def printed(client: httpx.Client, study_id: StudyId) -> str:
    return client.get(f"/v1/studies/{study_id}/report", params={"format": "text"}).text


def test_what_contradicts_the_findings_is_warned_of_until_somebody_signs_it(
    client: httpx.Client, study_id: StudyId
):
    sections = {**read(client, study_id)["sections"], "findings": "No pleural effusion."}
    del sections["indication"]
    edited = client.put(
        f"/v1/studies/{study_id}/report",
        json={"author": {"name": ADA}, "sections": sections},
        headers={"If-Match": tag(client, study_id)},
    )
    warning = "1 sentence of this report contradicts the findings."
    assert warning in edited.raise_for_status().json()["warnings"]
    assert "[CONTRADICTS" in printed(client, study_id)
    body = sign(client, study_id).raise_for_status().json()
    assert (body["status"], body["warnings"]) == ("final", ["synthetic image"])
    assert "contradicts" in {sentence["grade"] for sentence in body["sentences"]}
    assert warning not in body["sections"]["impression"]
    assert "No pleural effusion." in printed(client, study_id)
    assert "CONTRADICTS" not in printed(client, study_id).upper()


def test_a_contradiction_is_signed_and_graded(client: httpx.Client, study_id: StudyId):
    lines = lines_of(read(client, study_id))
    lines.append({"section": "findings", "text": "No pleural effusion.", "of": None, "decision": "added"})
    body = sign(client, study_id, lines=lines).raise_for_status().json()
    assert body["status"] == "final"
    grades = {sentence["text"]: sentence["grade"] for sentence in body["sentences"]}
    assert grades["No pleural effusion."] == "contradicts"
    assert body["warnings"] == ["synthetic image"]


def test_lines_that_are_not_the_version_s_are_refused(client: httpx.Client, study_id: StudyId):
    lines = lines_of(read(client, study_id))
    for wrong, why in ((lines[1:], "no line"), ([*lines, lines[0]], "earlier line")):
        answer = sign(client, study_id, lines=wrong)
        assert (answer.status_code, answer.json()["type"]) == (400, "/problems/bad-input")
        assert why in answer.json()["detail"]


def test_the_events_tell_what_was_done_and_by_which_key(client: httpx.Client, study_id: StudyId):
    sign(client, study_id).raise_for_status()
    addendum(client, study_id, "Told the ward.").raise_for_status()
    sign(client, study_id, reason="Seen again.").raise_for_status()
    withdraw(client, study_id, "Another patient's.").raise_for_status()
    timeline = client.get(f"/v1/studies/{study_id}").json()["timeline"]
    told = [(entry["event"], entry["status"], entry["detail"]) for entry in timeline[-4:]]
    assert told == [
        ("signed", "completed", "version 2"),
        ("addendum", "completed", "version 3"),
        ("amended", "completed", "version 4"),
        ("entered-in-error", "completed", "version 5"),
    ]


def test_whose_key_it_is_signs(infra: InfraStack, database: Database, study_id: StudyId):
    with ApiServer(infra, auth=AuthMode.REQUIRED) as api:
        admin = api.client(ADMIN_KEY)

        def key(name: str, *scopes: str) -> tuple[str, httpx.Client]:
            made = admin.post("/v1/keys", json={"name": name, "scopes": scopes}).raise_for_status().json()
            return made["id"], api.client(made["key"])

        _, sender = key("the ward", "read", "write")
        key_id, ada = key(ADA, "read", "review")
        refused = sign(sender, study_id, name=None)
        assert (refused.status_code, refused.json()["scope"]) == (403, "review")
        assert ada.post("/v1/studies", files={"files": ("a.png", a_png())}).json()["scope"] == "write"
        other = sign(ada, study_id, name=BEN)
        assert (other.status_code, other.json()["type"]) == (403, "/problems/other-person")
        _, first = key("the first key", "read", "write", "admin")
        for nobody_s in (admin, first):
            nobody = sign(nobody_s, study_id, name=None)
            assert (nobody.status_code, nobody.json()["errors"][0]["field"]) == (422, "author")
        told = [client.get("/v1/info").json()["reviewer"] for client in (ada, admin, first, api.client())]
        assert told == [ADA, None, None, None]
        body = sign(ada, study_id, name=None).raise_for_status().json()
        assert body["attestations"][0]["name"] == ADA
        admin.delete(f"/v1/keys/{key_id}").raise_for_status()
        revoked = ada.post(
            f"/v1/studies/{study_id}/report/error", json={"reason": "No."}, headers={"If-Match": '"2-json"'}
        )
        assert revoked.status_code == 401
    with database.session() as session:
        report, entry = reports.in_force(session, study_id), reading.events(session, study_id)[-1]
    assert report is not None
    assert (report.version, entry.actor_id, entry.actor_name) == (2, key_id, ADA)


def test_of_an_act_that_breaks_off_nothing_stays(client: httpx.Client, database: Database, study_id: StudyId):
    etag = tag(client, study_id)
    lines = lines_of(read(client, study_id))
    draft = {"author": {"name": ADA}, "base_version": 1, "lines": lines}
    client.put(f"/v1/studies/{study_id}/report/draft", json=draft).raise_for_status()

    def sign_and_be_cut_off() -> None:
        with database.session() as session:
            acts.add(session, study_id, Deed(Act.SIGNED, Person(ADA), 1), actor=SOMEBODY)
            own = session.scalar(text("SELECT pg_backend_pid()"))
            with database.session() as other:
                other.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": own})

    with pytest.raises(TryAgainError):
        sign_and_be_cut_off()
    assert len(versions_of(client, study_id)) == 1
    assert report_status(client, study_id) == "preliminary"
    with database.session() as session:
        assert drafts.find(session, study_id, Person(ADA)) is not None
    assert sign(client, study_id, etag=etag).status_code == 200


@pytest.mark.parametrize(
    "values",
    [
        "act = 'signed'",
        "act = 'written'",
        "status = 'preliminary'",
        "reason = NULL",
        "addendum = 'Told the ward.'",
        "act = 'addendum', addendum = NULL",
        "made_from = NULL",
    ],
)
def test_the_database_refuses_an_act_that_is_none(
    client: httpx.Client, database: Database, study_id: StudyId, values: str
):
    sign(client, study_id).raise_for_status()
    sign(client, study_id, reason="Seen again.").raise_for_status()
    with pytest.raises(IntegrityError), database.session() as session:
        session.execute(text(f"UPDATE reports SET {values} WHERE version = 3"))
