"""Which study a person is to read next."""

from datetime import timedelta

import httpx
from sqlalchemy import func, update

from shared.domain.findings import ViewPosition
from shared.domain.studies import Priority, StudyId, StudyStatus
from shared.records import findings
from shared.records.database import Database
from shared.records.findings import ImageFindings
from shared.records.tables import ReportDraftRow, StudyRow
from tests.support.api import MODEL, complete, report, sent
from tests.support.builders import a_claim, a_finding
from tests.support.signing import ADA, BEN, lines_of, read, sign


def next_for(client: httpx.Client, name: str | None = ADA, *skip: StudyId) -> str | None:
    params = {"skip": [str(study_id) for study_id in skip], **({"author": name} if name else {})}
    answer = client.get("/v1/reviews/next", params=params).raise_for_status()
    return str(answer.json()["id"]) if answer.status_code == 200 else None


def done(client: httpx.Client, database: Database, **fields: str) -> StudyId:
    study_id = sent(client, **fields)
    complete(database, study_id)
    return study_id


def flagged(client: httpx.Client, database: Database) -> StudyId:
    study_id = sent(client)
    claim = a_claim(database, study_id)
    image = ImageFindings(0, ViewPosition.PA, [a_finding("Pneumothorax")])
    with database.session() as session:
        findings.store(session, claim, [image], MODEL, ["Pneumothorax"])
    report(database, study_id)
    return study_id


def draft(client: httpx.Client, study_id: StudyId, name: str) -> None:
    lines = lines_of(read(client, study_id))
    body = {"author": {"name": name}, "base_version": 1, "lines": lines}
    client.put(f"/v1/studies/{study_id}/report/draft", json=body).raise_for_status()


def test_critical_first_then_by_priority_then_the_oldest(client: httpx.Client, database: Database):
    assert next_for(client) is None
    archive = done(client, database, priority=Priority.ARCHIVE)
    routine = done(client, database)
    later = done(client, database)
    urgent = done(client, database, priority=Priority.URGENT)
    critical = flagged(client, database)
    sent(client, priority=Priority.URGENT)  # still under way
    for expected in (critical, urgent, routine, later, archive):
        assert next_for(client) == str(expected)
        sign(client, expected).raise_for_status()
    assert next_for(client) is None


def test_what_another_has_open_is_left_to_them_for_a_while(client: httpx.Client, database: Database):
    first, second = done(client, database), done(client, database)
    draft(client, first, ADA)
    assert next_for(client, ADA) == str(first)
    assert next_for(client, BEN) == next_for(client, None) == str(second)
    assert next_for(client, ADA, first) == str(second)
    assert next_for(client, ADA, first, second) is None
    with database.session() as session:
        session.execute(update(ReportDraftRow).values(saved_at=func.now() - timedelta(minutes=16)))
    assert next_for(client, BEN) == str(first)


def test_what_is_read_again_waits_for_its_new_report(client: httpx.Client, database: Database):
    study_id = done(client, database)
    with database.session() as session:
        session.execute(update(StudyRow).values(status=StudyStatus.CLASSIFIED))
    assert next_for(client) is None
    report(database, study_id)
    assert next_for(client) == str(study_id)


def test_studies_are_listed_by_their_report_s_status(client: httpx.Client, database: Database):
    signed, unsigned, erased, none = (
        done(client, database),
        done(client, database),
        done(client, database),
        sent(client),
    )
    sign(client, signed).raise_for_status()
    client.delete(f"/v1/studies/{erased}").raise_for_status()

    def listed(status: str) -> list[str]:
        page = client.get("/v1/studies", params={"report_status": status}).raise_for_status().json()
        return [study["id"] for study in page["items"]]

    assert (listed("final"), listed("preliminary"), listed("amended")) == ([str(signed)], [str(unsigned)], [])
    assert client.get(f"/v1/studies/{none}").json()["report_status"] is None
    assert client.get("/v1/studies", params={"report_status": "signed"}).status_code == 422
    with database.session() as session:
        assert session.get_one(StudyRow, erased).report_status is None


def test_what_waits_is_counted_and_the_critical_apart(client: httpx.Client, database: Database):
    done(client, database, priority=Priority.URGENT)
    signed, critical = done(client, database), flagged(client, database)
    sent(client)  # without a report so far
    sign(client, signed).raise_for_status()
    assert client.get("/v1/reviews/waiting").json() == {"unsigned": 2, "critical": 1}
    sign(client, critical).raise_for_status()
    assert client.get("/v1/reviews/waiting").json() == {"unsigned": 1, "critical": 0}
