"""Drafts of reports: saved again and again by one person in one window, seen by others, gone once signed."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import httpx
import pytest

from shared.domain.reports import Person
from shared.domain.studies import StudyId
from shared.errors import ConflictError
from shared.records import drafts, erasure
from shared.records.database import Database
from shared.records.tables import ReportRow
from tests.support.api import ApiServer, complete, sent
from tests.support.builders import SOMEBODY
from tests.support.signing import ADA, BEN, lines_of, read, sign, tag


@pytest.fixture
def study_id(client: httpx.Client, database: Database) -> StudyId:
    """A study with the report that a writer wrote."""
    study_id = StudyId(UUID(str(sent(client))))
    complete(database, study_id)
    return study_id


def save(
    client: httpx.Client,
    study_id: StudyId,
    lines: list[dict[str, Any]] | None = None,
    *,
    name: str = ADA,
    etag: str | None = None,
    base_version: int = 1,
) -> httpx.Response:
    """Keep a draft; without lines, one of the report as it stands."""
    return client.put(
        f"/v1/studies/{study_id}/report/draft",
        json={
            "author": {"name": name},
            "base_version": base_version,
            "lines": lines_of(read(client, study_id)) if lines is None else lines,
        },
        headers={"If-Match": etag} if etag else {},
    )


def find(client: httpx.Client, study_id: StudyId, *, name: str = ADA) -> httpx.Response:
    return client.get(f"/v1/studies/{study_id}/report/draft", params={"author": name})


def test_a_draft_is_graded_at_each_save_and_signed_with_the_time_of_its_first(
    client: httpx.Client, database: Database, study_id: StudyId
):
    first = save(client, study_id).raise_for_status()
    body = first.json()
    assert body["author"] == {"kind": "person", "name": ADA}
    assert (body["base_version"], body["stale"], body["others"]) == (1, False, [])
    assert {line["decision"] for line in body["lines"]} == {"open"}
    lines = lines_of(read(client, study_id), "accepted")
    lines[1] |= {"text": "No pleural effusion."}
    lines.append({"section": "impression", "text": "Possible nodule.", "of": None, "decision": "open"})
    second = save(client, study_id, lines, etag=first.headers["etag"]).raise_for_status()
    assert second.json() == find(client, study_id).raise_for_status().json()
    assert second.headers["etag"] == find(client, study_id).headers["etag"] != first.headers["etag"]
    graded = [(line["text"], line["decision"], line["grade"]) for line in second.json()["lines"][1:]]
    assert graded == [
        ("No pleural effusion.", "changed", "contradicts"),
        ("Pleural effusion.", "accepted", "unsupported"),
        ("Possible nodule.", "added", "supported"),
    ]
    assert second.json()["lines"][2]["evidence"][0]["label"] == "Effusion"
    assert second.json()["opened_at"] == body["opened_at"] < second.json()["saved_at"]

    signed = sign(client, study_id, lines=sent_back(second)).raise_for_status().json()
    assert signed["sections"]["findings"] == "No pleural effusion."
    assert find(client, study_id).status_code == 404
    with database.session() as session:
        row = session.get(ReportRow, (study_id, 2))
        assert row is not None
        assert row.opened_at.isoformat().replace("+00:00", "Z") == body["opened_at"]  # type: ignore[union-attr]
        decisions = [line["decision"] for line in row.lines]
    assert decisions == ["accepted", "changed", "accepted", "added"]


def sent_back(answer: httpx.Response) -> list[dict[str, Any]]:
    names = ("section", "text", "of", "decision")
    return [{name: line[name] for name in names} for line in answer.json()["lines"]]


def test_of_two_windows_of_one_person_the_older_is_told(client: httpx.Client, study_id: StudyId):
    first = save(client, study_id).raise_for_status()
    another_window = save(client, study_id)
    assert another_window.status_code == 412
    assert "you have a draft of this report already" in another_window.json()["detail"]
    save(client, study_id, etag=first.headers["etag"]).raise_for_status()
    late = save(client, study_id, etag=first.headers["etag"])
    assert (late.status_code, late.json()["type"]) == (412, "/problems/changed-meanwhile")
    assert "in another window" in late.json()["detail"]
    assert save(client, study_id, etag='"1-json"').status_code == 412


def test_of_two_windows_at_once_one_begins(api: ApiServer, client: httpx.Client, study_id: StudyId):
    start, lines = threading.Barrier(2), lines_of(read(client, study_id))
    clients = [api.client(), api.client()]

    def begin(client: httpx.Client) -> int:
        start.wait(10)
        return save(client, study_id, lines).status_code

    with ThreadPoolExecutor(2) as threads:
        assert sorted(threads.map(begin, clients)) == [200, 412]


def test_others_are_seen_and_a_draft_of_what_they_signed_is_stale(client: httpx.Client, study_id: StudyId):
    save(client, study_id, name=BEN).raise_for_status()
    mine = save(client, study_id).raise_for_status()
    assert [other["name"] for other in mine.json()["others"]] == [BEN]
    seen = tag(client, study_id)
    sign(client, study_id, name=BEN).raise_for_status()
    stale = find(client, study_id).raise_for_status().json()
    assert (stale["stale"], stale["others"]) == (True, [])
    refused = sign(client, study_id, etag=seen)
    assert (refused.status_code, refused.json()["newest_version"]) == (412, 2)
    again = save(client, study_id, etag=mine.headers["etag"], base_version=2).raise_for_status().json()
    assert (again["base_version"], again["stale"]) == (2, False)
    assert again["opened_at"] == mine.json()["opened_at"]


def test_a_draft_is_discarded(client: httpx.Client, study_id: StudyId):
    etag = save(client, study_id).raise_for_status().headers["etag"]
    for _ in range(2):
        client.delete(f"/v1/studies/{study_id}/report/draft", params={"author": ADA}).raise_for_status()
    assert find(client, study_id).status_code == 404
    assert save(client, study_id, etag=etag).status_code == 412
    save(client, study_id).raise_for_status()


def test_a_draft_of_what_is_not_there_is_refused(client: httpx.Client, study_id: StudyId):
    assert save(client, study_id, base_version=2).status_code == 404
    assert save(client, sent(client), []).status_code == 409
    assert client.get(f"/v1/studies/{study_id}/report/draft").status_code == 422


def test_what_was_withdrawn_takes_no_draft(client: httpx.Client, study_id: StudyId):
    lines = lines_of(read(client, study_id))
    client.post(
        f"/v1/studies/{study_id}/report/error",
        json={"author": {"name": ADA}, "reason": "Another patient's."},
        headers={"If-Match": tag(client, study_id)},
    ).raise_for_status()
    assert save(client, study_id, lines).json()["type"] == "/problems/report-status"


def test_erasing_a_study_takes_its_drafts(client: httpx.Client, database: Database, study_id: StudyId):
    save(client, study_id).raise_for_status()
    lines = lines_of(read(client, study_id))
    client.delete(f"/v1/studies/{study_id}").raise_for_status()
    assert find(client, study_id).status_code == 410
    with database.session() as session:
        assert drafts.find(session, study_id, Person(ADA)) is None
    with pytest.raises(ConflictError, match="erased"), database.session() as session:
        drafts.save(session, study_id, Person(ADA), (), base_version=1, replaces=None)
    assert lines


def test_an_erasure_waits_for_a_draft_that_is_being_saved(database: Database, study_id: StudyId):
    def erase() -> bool:
        with database.session() as session:
            return erasure.erase(session, study_id, actor=SOMEBODY)

    with ThreadPoolExecutor(1) as threads:
        with database.session() as session:
            drafts.save(session, study_id, Person(ADA), (), base_version=1, replaces=None)
            erased = threads.submit(erase)
        assert erased.result(30)
    with database.session() as session:
        assert drafts.find(session, study_id, Person(ADA)) is None
