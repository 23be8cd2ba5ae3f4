"""Which DICOM instances are ours to keep: those of which a row names the original."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from shared.domain.studies import TenantId
from shared.records.tables import ImageRow, StudyRow


@dataclass(frozen=True, slots=True)
class Kept:
    """An instance that is kept: what it is, and the digest of its original."""

    sop_class_uid: str | None
    sha256: str


def kept(
    session: Session, sop_instance_uids: Collection[str], *, tenant_id: TenantId | None
) -> Mapping[str, Kept]:
    """Return those of the instances that are kept, by their UIDs; the newest of what came more than once.

    Args:
        tenant_id: whose; None means everybody's.
    """
    statement = (
        select(ImageRow.sop_instance_uid, ImageRow.sop_class_uid, ImageRow.sha256)
        .join(StudyRow, StudyRow.id == ImageRow.study_id)
        .where(ImageRow.sop_instance_uid.in_(sop_instance_uids))
        .order_by(ImageRow.study_id)
    )
    if tenant_id is not None:
        statement = statement.where(StudyRow.tenant_id == tenant_id)
    rows = session.execute(statement).all()
    return {row.sop_instance_uid: Kept(row.sop_class_uid, row.sha256) for row in rows}
