"""Retention: each kind of study is kept for its period, and its timeline says by which rule it was erased."""

from datetime import timedelta

import pytest
from sqlalchemy import func, insert, select, update

from shared.domain.reports import ReportStatus
from shared.domain.retention import RetentionKind, RetentionRule
from shared.domain.studies import (
    DEFAULT_TENANT,
    ActorKind,
    StudyEvent,
    StudyId,
    StudyStatus,
    TenantId,
    new_id,
)
from shared.records import reading, retention
from shared.records.database import Database
from shared.records.erasure import collect
from shared.records.tables import ReportDraftRow, StudyRow
from shared.settings import AuthMode
from shared.storage import Storage
from tests.support.api import ADMIN_KEY, ApiServer, a_png, complete, sent
from tests.support.builders import a_study, a_tenant, let_notes_come_due
from tests.support.stack import InfraStack

RULE = RetentionRule(completed_days=100, unfinished_days=10, signed_days=1000)


def aged(
    database: Database,
    days: float,
    status: StudyStatus = StudyStatus.COMPLETED,
    report: ReportStatus | None = ReportStatus.PRELIMINARY,
    tenant: TenantId = DEFAULT_TENANT,
) -> StudyId:
    """Write down a study to which the last thing happened so many days ago."""
    study_id = a_study(database, tenant_id=tenant)
    values = {"status": status, "report_status": report, "updated_at": func.now() - timedelta(days=days)}
    with database.session() as session:
        session.execute(update(StudyRow).where(StudyRow.id == study_id).values(values))
    return study_id


def erased(database: Database) -> set[StudyId]:
    with database.session() as session:
        return {
            StudyId(one)
            for one in session.scalars(select(StudyRow.id).where(StudyRow.erased_at.is_not(None)))
        }


def set_rule(database: Database, rule: RetentionRule, tenant: TenantId = DEFAULT_TENANT) -> None:
    with database.session() as session:
        retention.set_rule(session, tenant, rule)


@pytest.mark.parametrize(
    ("kind", "status", "report", "days"),
    [
        (RetentionKind.COMPLETED, StudyStatus.COMPLETED, ReportStatus.PRELIMINARY, 100),
        (RetentionKind.UNFINISHED, StudyStatus.REJECTED, None, 10),
        (RetentionKind.UNFINISHED, StudyStatus.FAILED, None, 10),
        (RetentionKind.UNFINISHED, StudyStatus.CANCELLED, ReportStatus.PRELIMINARY, 10),
        (RetentionKind.SIGNED, StudyStatus.COMPLETED, ReportStatus.FINAL, 1000),
        (RetentionKind.SIGNED, StudyStatus.COMPLETED, ReportStatus.AMENDED, 1000),
        (RetentionKind.SIGNED, StudyStatus.COMPLETED, ReportStatus.ENTERED_IN_ERROR, 1000),
        (RetentionKind.SIGNED, StudyStatus.FAILED, ReportStatus.FINAL, 1000),
    ],
)
def test_a_study_is_erased_after_its_period_and_no_sooner(
    database: Database, kind: RetentionKind, status: StudyStatus, report: ReportStatus | None, days: int
):
    past, kept = (aged(database, days + more, status, report) for more in (0.01, -0.01))
    set_rule(database, RULE)
    assert retention.erase_due(database, limit=10) == 1
    assert erased(database) == {past}
    with database.session() as session:
        last = reading.events(session, past)[-1]
    assert last.event is StudyEvent.ERASED
    assert (last.actor_kind, last.actor_id) == (ActorKind.SERVICE, f"retention: {kind}, {days} days")
    assert kept not in erased(database)


@pytest.mark.parametrize(
    "status", [StudyStatus.QUEUED, StudyStatus.CLASSIFIED, StudyStatus.COMPLETED, StudyStatus.FAILED]
)
def test_without_a_rule_everything_is_kept_and_with_one_what_work_goes_on_with(
    database: Database, status: StudyStatus
):
    study_id = aged(database, 5000, status, None)
    assert retention.erase_due(database, limit=10) == 0
    set_rule(database, RetentionRule())
    assert retention.erase_due(database, limit=10) == 0
    set_rule(database, RULE)
    assert retention.erase_due(database, limit=10) == status.is_final
    assert (study_id in erased(database)) == status.is_final


@pytest.mark.parametrize(("saved", "kept"), [(99, True), (101, False)])
def test_a_draft_keeps_its_study_for_the_same_period(database: Database, saved: int, *, kept: bool):
    study_id = a_study(database)
    complete(database, study_id)
    with database.session() as session:
        session.execute(update(StudyRow).values(updated_at=func.now() - timedelta(days=500)))
        draft = {"study_id": study_id, "person": "Ada", "base_version": 1, "lines": [], "revision": new_id()}
        session.execute(insert(ReportDraftRow).values(**draft, saved_at=func.now() - timedelta(days=saved)))
    set_rule(database, RULE)
    assert retention.erase_due(database, limit=10) == (not kept)


def test_one_tenant_s_rule_is_not_another_s_and_the_oldest_go_first(database: Database):
    south = a_tenant(database, "south")
    theirs = aged(database, 5000, tenant=south)
    newer, older = aged(database, 200), aged(database, 300)
    set_rule(database, RULE)
    assert retention.erase_due(database, limit=1) == 1
    assert erased(database) == {older}
    assert retention.erase_due(database, limit=10) == 1
    assert erased(database) == {older, newer}
    set_rule(database, RetentionRule(completed_days=1), south)
    assert retention.erase_due(database, limit=10) == 1
    assert erased(database) == {older, newer, theirs}


def test_an_administrator_sets_it_and_sees_before_what_it_would_erase(
    database: Database, infra: InfraStack, storage: Storage
):
    with ApiServer(infra, auth=AuthMode.REQUIRED) as api:
        admin = api.client(ADMIN_KEY)
        tenant = api.client(
            admin.post("/v1/keys", json={"name": "n", "scopes": ["read", "write"]}).json()["key"]
        )
        study_id = sent(tenant, a_png())
        complete(database, study_id)
        with database.session() as session:
            session.execute(update(StudyRow).values(updated_at=func.now() - timedelta(days=500)))
        place = f"/v1/tenants/{DEFAULT_TENANT}/retention"
        assert admin.get(place).json()["completed_days"] is None
        wanted = {"completed_days": 365}
        assert tenant.get(place).status_code == tenant.put(place, json=wanted).status_code == 403
        assert admin.put(f"/v1/tenants/{new_id()}/retention", json=wanted).status_code == 404
        assert admin.put(place, json={"completed_days": 0}).status_code == 422

        tried = admin.put(place, json=wanted, params={"dry_run": True}).json()
        assert tried["due"]["completed"]["studies"] == 1
        assert tried["due"]["completed"]["oldest"] is not None
        assert tried["due"]["signed"] == {"studies": 0, "oldest": None}
        assert admin.get(place).json()["completed_days"] is None
        assert retention.erase_due(database, limit=10) == 0

        assert admin.put(place, json=wanted).json() == admin.get(place).json()
        assert retention.erase_due(database, limit=10) == 1
        assert tenant.get(f"/v1/studies/{study_id}").status_code == 410
        assert admin.get(place).json()["due"]["completed"]["studies"] == 0
        let_notes_come_due(database)
        assert collect(database, storage) == 1
