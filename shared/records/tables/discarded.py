"""Notes of what the object store may hold and no study needs: they stand alone."""

from uuid import UUID

from sqlalchemy import (
    Index,
)
from sqlalchemy.orm import Mapped, mapped_column

from shared.records.database import Base, Moment, Sha256


class DiscardedOriginalRow(Base):
    """An original that perhaps no image names: its study was erased, or is not accepted yet."""

    __tablename__ = "discarded_originals"
    __table_args__ = (Index("ix_discarded_originals_collect_from", "collect_from"),)

    sha256: Mapped[Sha256] = mapped_column(primary_key=True)
    collect_from: Mapped[Moment]


class DiscardedStudyRow(Base):
    """An erased study whose pictures are erased once no worker can be storing more of them."""

    __tablename__ = "discarded_studies"
    __table_args__ = (Index("ix_discarded_studies_collect_from", "collect_from"),)

    study_id: Mapped[UUID] = mapped_column(primary_key=True)
    collect_from: Mapped[Moment]
