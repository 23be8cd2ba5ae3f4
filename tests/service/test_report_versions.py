"""Versions of a report: a writer's or a person's, each made of one that was the newest."""

import threading
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as StillWaitingError
from uuid import UUID

import httpx
import pytest
from sqlalchemy import select, text, update
from sqlalchemy.exc import IntegrityError

from shared.domain.reports import Act, EditedReport, Language, Person, ReportSections
from shared.domain.studies import Actor, ActorKind, Stage, StudyEvent, StudyId, StudyStatus
from shared.errors import ConflictError
from shared.records import acts, erasure, reading, reports
from shared.records.acts import Deed
from shared.records.database import Database
from shared.records.tables import ReportRow, StudyRow
from shared.settings import AuthMode
from tests.service.test_studies import the_report
from tests.support.api import ADMIN_KEY, ApiServer, complete, sent
from tests.support.builders import SOMEBODY, a_claim
from tests.support.stack import InfraStack

ADA = "Dr. Ada Roe"
SECTIONS = {
    "technique": "Frontal view.",
    "findings": "There is a pleural effusion.",
    "impression": "Small effusion.",
}


@pytest.fixture
def study_id(client: httpx.Client, database: Database) -> StudyId:
    """A study with the report that a writer wrote."""
    study_id = StudyId(UUID(str(sent(client, indication="cough"))))
    complete(database, study_id)
    return study_id


def change(
    client: httpx.Client, study_id: StudyId, etag: str | None, *, name: str = ADA, **sections: str
) -> httpx.Response:
    return client.put(
        f"/v1/studies/{study_id}/report",
        json={"author": {"name": name}, "sections": {**SECTIONS, **sections}},
        headers={} if etag is None else {"If-Match": etag},
    )


def etag_of(client: httpx.Client, study_id: StudyId, form: str = "application/json") -> str:
    answer = client.get(f"/v1/studies/{study_id}/report", headers={"Accept": form})
    return str(answer.raise_for_status().headers["etag"])


def versions(database: Database, study_id: StudyId) -> list[tuple[int, int | None]]:
    with database.session() as session:
        statement = select(ReportRow.version, ReportRow.made_from).where(ReportRow.study_id == study_id)
        return [
            (row.version, row.made_from) for row in session.execute(statement.order_by(ReportRow.version))
        ]


def typed(made_from: int) -> Deed:
    """Build what changes a version."""
    text = EditedReport(Language.ENGLISH, ReportSections("PA.", "Effusion.", "Effusion."))
    return Deed(Act.EDITED, Person(ADA), made_from, text)


def read_again(database: Database, study_id: StudyId) -> None:
    """Have a study that was done wait for its report once more."""
    with database.session() as session:
        session.execute(update(StudyRow).where(StudyRow.id == study_id).values(status=StudyStatus.CLASSIFIED))


def test_a_person_s_version_says_who_wrote_it_in_every_form(
    client: httpx.Client, database: Database, study_id: StudyId
):
    answer = change(client, study_id, etag_of(client, study_id), findings="No pleural effusion.")
    assert answer.status_code == 200, answer.text
    body = client.get(f"/v1/studies/{study_id}/report").json()
    assert answer.json() == body
    assert answer.headers["etag"] == etag_of(client, study_id)
    assert body["author"] == {"kind": "person", "name": ADA}
    assert (body["version"], body["made_from"], body["status"]) == (2, 1, "preliminary")
    assert (body["writer"], body["verification"]) == (None, None)
    assert body["sections"]["indication"] == "cough"
    grades = {entry["text"]: entry["grade"] for entry in body["sentences"]}
    assert grades["No pleural effusion."] == "contradicts"
    assert body["warnings"][0] == "This report denies what the classifier detected: pleural effusion."
    assert body["sections"]["impression"].startswith(f"Warning: {body['warnings'][0]}\n")
    for form in ("text/plain", "text/html"):
        answer = client.get(f"/v1/studies/{study_id}/report", headers={"Accept": form})
        written = " ".join(answer.text.split())
        assert ADA in written
        assert body["warnings"][0] in written
        assert "Drafted by template 1. Findings by bundled 1.0. This version is by a person" in written


def test_the_first_version_is_a_writer_s_and_made_from_no_other(client: httpx.Client, study_id: StudyId):
    body = client.get(f"/v1/studies/{study_id}/report").json()
    assert body["author"] == {"kind": "writer", "name": "template"}
    assert (body["version"], body["made_from"]) == (1, None)


def test_of_two_editors_at_once_one_is_told_to_read_again(
    api: ApiServer, client: httpx.Client, database: Database, study_id: StudyId
):
    editors = {"Dr. Ada Roe": api.client(), "Dr. Ben Foe": api.client()}
    with ThreadPoolExecutor(len(editors)) as threads:
        for made_from in range(1, 6):
            etag, start = etag_of(client, study_id), threading.Barrier(len(editors))

            def edit(name: str, etag: str = etag, start: threading.Barrier = start) -> httpx.Response:
                start.wait(10)
                return change(editors[name], study_id, etag, name=name)

            won, lost = sorted(threads.map(edit, editors), key=lambda answer: answer.status_code)
            assert (won.status_code, lost.status_code) == (200, 412), lost.text
            assert won.json()["version"] == made_from + 1
            assert lost.json()["type"] == "/problems/changed-meanwhile"
            assert "newest" in lost.json()["advice"]
    assert versions(database, study_id) == [(1, None), (2, 1), (3, 2), (4, 3), (5, 4), (6, 5)]


def test_an_editor_waits_for_another_and_is_refused(database: Database, study_id: StudyId):
    def edit() -> int:
        with database.session() as session:
            return acts.add(session, study_id, typed(1), actor=SOMEBODY)

    with ThreadPoolExecutor(1) as threads:
        with database.session() as session:
            assert acts.add(session, study_id, typed(1), actor=SOMEBODY) == 2
            second = threads.submit(edit)
            with pytest.raises(StillWaitingError):
                second.result(0.2)
        with pytest.raises(ConflictError, match="version 1"):
            second.result(30)
    assert versions(database, study_id) == [(1, None), (2, 1)]


def test_a_study_that_is_read_again_gets_a_version_beside_an_editor_s(database: Database, study_id: StudyId):
    def edit() -> int:
        with database.session() as session:
            return acts.add(session, study_id, typed(1), actor=SOMEBODY)

    def write() -> None:
        with database.session() as session:
            reports.store(session, claim, the_report())

    read_again(database, study_id)
    claim = a_claim(database, study_id, Stage.LLM)
    with ThreadPoolExecutor(1) as threads:
        with database.session() as session:
            reports.store(session, claim, the_report())
            late = threads.submit(edit)
            with pytest.raises(StillWaitingError):
                late.result(0.2)
        with pytest.raises(ConflictError):
            late.result(30)

        read_again(database, study_id)
        claim = a_claim(database, study_id, Stage.LLM)
        with database.session() as session:
            acts.add(session, study_id, typed(2), actor=SOMEBODY)
            written = threads.submit(write)
            with pytest.raises(StillWaitingError):
                written.result(0.2)
        written.result(30)
    assert versions(database, study_id) == [(1, None), (2, None), (3, 2), (4, None)]


@pytest.mark.parametrize("etag", [None, "*"])
def test_a_change_that_names_no_version_is_refused(
    client: httpx.Client, database: Database, study_id: StudyId, etag: str | None
):
    answer = change(client, study_id, etag)
    assert (answer.status_code, answer.json()["type"]) == (428, "/problems/version-required")
    assert versions(database, study_id) == [(1, None)]


def test_a_version_goes_by_the_tag_of_any_format_and_an_old_one_is_stale(
    client: httpx.Client, study_id: StudyId
):
    first = etag_of(client, study_id)
    for form in ("text/plain", "text/html", "application/json"):
        assert change(client, study_id, f'"other", W/{etag_of(client, study_id, form)}').status_code == 200
    for stale in (first, '"other"', "2"):
        assert change(client, study_id, stale).status_code == 412


@pytest.mark.parametrize(
    ("field", "value"),
    [("impression", " \n"), ("technique", ""), ("findings", "x" * 10_001), ("findings", "a\u202eb")],
    ids=["blank", "empty", "too long", "turned"],
)
def test_text_that_is_none_is_refused(client: httpx.Client, study_id: StudyId, field: str, value: str):
    answer = change(client, study_id, etag_of(client, study_id), **{field: value})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == f"sections.{field}"


def test_an_impression_of_warnings_alone_is_refused(client: httpx.Client, study_id: StudyId):
    warned = change(client, study_id, etag_of(client, study_id), findings="No pleural effusion.").json()
    answer = change(
        client, study_id, etag_of(client, study_id), impression=f"Warning: {warned['warnings'][0]}"
    )
    assert (answer.status_code, answer.json()["type"]) == (400, "/problems/bad-input")


def test_what_has_no_report_cannot_be_changed(client: httpx.Client, database: Database, study_id: StudyId):
    answer = change(client, sent(client), '"1-json"')
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/no-report")
    etag = etag_of(client, study_id)
    client.delete(f"/v1/studies/{study_id}").raise_for_status()
    assert change(client, study_id, etag).status_code == 410


def test_an_edit_is_an_event_of_its_key_and_leaves_the_study_as_it_is(
    infra: InfraStack, database: Database, study_id: StudyId
):
    with ApiServer(infra, auth=AuthMode.REQUIRED) as api:
        client = api.client(ADMIN_KEY)
        before = client.get(f"/v1/studies/{study_id}")
        change(client, study_id, etag_of(client, study_id)).raise_for_status()
        after = client.get(f"/v1/studies/{study_id}", headers={"If-None-Match": before.headers["etag"]})
    entry = after.raise_for_status().json()["timeline"][-1]
    assert (entry["event"], entry["status"], entry["detail"]) == ("edited", "completed", "version 2")
    assert entry["actor"]["kind"] == "key"
    with database.session() as session:
        newest = reading.events(session, study_id)[-1]
    assert newest.event is StudyEvent.EDITED
    assert Actor(newest.actor_kind, newest.actor_id) == Actor(ActorKind.KEY, "admin")


def test_erasing_a_study_takes_all_its_versions_and_the_person_s_name(
    client: httpx.Client, database: Database, study_id: StudyId
):
    for _ in range(2):
        change(client, study_id, etag_of(client, study_id)).raise_for_status()
    with database.session() as session:
        assert erasure.erase(session, study_id, actor=SOMEBODY)
    assert versions(database, study_id) == []
    with pytest.raises(ConflictError, match="any more"), database.session() as session:
        acts.add(session, study_id, typed(3), actor=SOMEBODY)


@pytest.mark.parametrize(
    "values",
    [
        "author_name = 'Ada'",
        "author_kind = 'person'",
        "author_kind = 'person', author_name = 'Ada'",
        "author_kind = 'nobody'",
        "writer_id = NULL",
        "policy = NULL",
        "made_from = 1",
        "made_from = -1",
        "status = 'signed'",
    ],
)
def test_the_database_refuses_a_version_of_nobody_of_two_or_of_none(
    database: Database, study_id: StudyId, values: str
):
    with pytest.raises(IntegrityError), database.session() as session:
        session.execute(text(f"UPDATE reports SET {values}"))


def test_the_page_names_the_writer_though_a_person_wrote_last(client: httpx.Client, study_id: StudyId):
    change(client, study_id, etag_of(client, study_id)).raise_for_status()
    assert client.get("/v1/info").json()["writer"] == {"id": "template", "version": "1"}
