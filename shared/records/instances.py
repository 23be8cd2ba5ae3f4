"""Stored instances by what DICOM calls them."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from shared.domain.studies import TenantId
from shared.records.tables import ImageRow, StudyRow


@dataclass(frozen=True, slots=True)
class StoredInstance:
    """An instance that a study has.

    Attributes:
        sha256: its original's.
    """

    sop_class_uid: str | None
    sha256: str


def stored(
    session: Session, tenant_id: TenantId, sop_instance_uids: Collection[str]
) -> Mapping[str, StoredInstance]:
    """Return those of the instances that a study of the tenant has, by their SOP Instance UIDs."""
    statement = (
        select(ImageRow.sop_instance_uid, ImageRow.sop_class_uid, ImageRow.sha256)
        .join(StudyRow, StudyRow.id == ImageRow.study_id)
        .where(
            ImageRow.sop_instance_uid.in_(list(sop_instance_uids)),
            StudyRow.tenant_id == tenant_id,
            StudyRow.erased_at.is_(None),
        )
    )
    rows = session.execute(statement)
    return {uid: StoredInstance(sop_class, sha256) for uid, sop_class, sha256 in rows if uid is not None}
