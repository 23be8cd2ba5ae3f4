"""Builds the values that tests need, each with sensible defaults."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, text, update

from shared.domain.findings import Finding, FindingStatus, Place
from shared.domain.orders import Order
from shared.domain.reports import Act, AuthorKind, Language, ReportStatus
from shared.domain.studies import (
    DEFAULT_TENANT,
    DEFAULT_TENANT_NAME,
    Actor,
    ActorKind,
    BatchId,
    Priority,
    Stage,
    StudyId,
    StudyStatus,
    TenantId,
    new_id,
)
from shared.records import claims, reading, studies, tenants
from shared.records.claims import Claim
from shared.records.database import Base, Database
from shared.records.reading import ImageRecord, StudyRecord
from shared.records.reports import ReportRecord
from shared.records.studies import NewStudy, StoredImage
from shared.records.tables import DiscardedOriginalRow, DiscardedStudyRow, StudyRow, TenantRow

LEASE = timedelta(seconds=20)
SOMEBODY = Actor(ActorKind.KEY, "0199d3c4-7a10-7c44-9d6e-0d5a3c1f2b11")
WORKER = Actor(ActorKind.SERVICE, "worker")
SWEEPER = Actor(ActorKind.SERVICE, "sweeper")
AN_ORDER = Order(
    patient_id="P-1",
    patient_sex="F",
    patient_age_years=45.0,
    study_date=date(2026, 1, 5),
    indication="cough",
)


def empty_tables(database: Database) -> None:
    """Leave what a new installation has: no row but the default tenant's."""
    tables = ", ".join(
        table.name for table in Base.metadata.sorted_tables if table is not TenantRow.__table__
    )
    with database.session() as session:
        session.execute(text(f"TRUNCATE {tables} RESTART IDENTITY CASCADE"))
        session.execute(delete(TenantRow).where(TenantRow.id != DEFAULT_TENANT))
        session.execute(update(TenantRow).values(name=DEFAULT_TENANT_NAME))


def a_tenant(database: Database, name: str = "another hospital") -> TenantId:
    """Return a tenant beside the default one."""
    with database.session() as session:
        return tenants.find_or_make(session, name)


def an_image(file: str = "chest.png", sha256: str = "0" * 64) -> StoredImage:
    """Build an image as the API stores it."""
    return StoredImage(file=file, sha256=sha256, size=100, media_type="image/png", width=64, height=64)


def an_image_record(**fields: Any) -> ImageRecord:
    """Build an image as it is read."""
    usual = dict.fromkeys(ImageRecord.__dataclass_fields__)
    return ImageRecord(**{**usual, "warnings": (), "attributes": {}, **fields})


def a_report_record(**fields: Any) -> ReportRecord:
    """Build a report as it is read."""
    usual = dict.fromkeys(ReportRecord.__dataclass_fields__, "")
    made = {
        "study_id": StudyId(new_id()),
        "version": 1,
        "language": Language.ENGLISH,
        "made_from": None,
        "act": Act.WRITTEN,
        "status": ReportStatus.PRELIMINARY,
        "author_kind": AuthorKind.WRITER,
        "author_name": None,
        "warnings": (),
        "failures": (),
        "attempts": 1,
        "fallback": False,
        "created_at": datetime(2026, 1, 2, tzinfo=UTC),
    }
    return ReportRecord(**{**usual, **made, **fields})


def a_study_record(**fields: Any) -> StudyRecord:
    """Build a study as it is read: one that is done."""
    now = datetime(2026, 1, 2, tzinfo=UTC)
    usual = dict.fromkeys(StudyRecord.__dataclass_fields__)
    made = {"id": StudyId(new_id()), "status": StudyStatus.COMPLETED, "created_at": now, "updated_at": now}
    return StudyRecord(**{**usual, **made, **fields})


def a_study(
    database: Database,
    *,
    priority: Priority = Priority.ROUTINE,
    images: tuple[StoredImage, ...] = (an_image(),),
    batch_id: BatchId | None = None,
    tenant_id: TenantId = DEFAULT_TENANT,
    order: Order = AN_ORDER,
    language: Language = Language.ENGLISH,
) -> StudyId:
    """Accept a study, and return its id."""
    study_id = StudyId(new_id())
    new = NewStudy(
        id=study_id,
        tenant_id=tenant_id,
        priority=priority,
        language=language,
        images=images,
        order=order,
        batch_id=batch_id,
    )
    with database.session() as session:
        studies.accept(session, new, actor=SOMEBODY)
    return study_id


def a_claim(
    database: Database, study_id: StudyId, stage: Stage = Stage.CNN, lease: timedelta = LEASE
) -> Claim:
    """Claim this very study, which waits."""
    this = (StudyRow.id == study_id) & (StudyRow.status == stage.waiting)
    with database.session() as session:
        claim = claims.take(session, this, lease=lease, actor=WORKER)
    assert claim is not None
    return claim


def the_study(database: Database, study_id: StudyId) -> StudyRow:
    """Read a study's row."""
    with database.session() as session:
        row = session.get(StudyRow, study_id)
    assert row is not None
    return row


def the_order(database: Database, study_id: StudyId) -> Order:
    """Read a study's order; nothing is known once it is erased."""
    with database.session() as session:
        view = reading.view(session, StudyId(UUID(str(study_id))))
    assert view is not None
    return view.order


def let_time_pass(database: Database, by: timedelta = timedelta(minutes=1)) -> None:
    """Let every study have waited for so long as it is."""
    with database.session() as session:
        session.execute(
            update(StudyRow).values(not_before=StudyRow.not_before - by, updated_at=StudyRow.updated_at - by)
        )


def let_notes_come_due(database: Database) -> None:
    """Let the collector look at everything that was noted for it."""
    with database.session() as session:
        for rows in (DiscardedOriginalRow, DiscardedStudyRow):
            session.execute(update(rows).values(collect_from=func.now()))


def a_finding(
    label: str = "Effusion",
    status: FindingStatus = FindingStatus.PRESENT,
    *,
    probability: float | None = None,
    image: int | None = 0,
    place: Place | None = None,
) -> Finding:
    """Build a finding whose probability fits its status."""
    usual = {FindingStatus.PRESENT: 0.8, FindingStatus.UNCERTAIN: 0.4, FindingStatus.ABSENT: 0.1}
    return Finding(
        label=label,
        probability=usual[status] if probability is None else probability,
        threshold=0.5,
        uncertain_from=0.3,
        status=status,
        image=image,
        place=place,
    )
