"""How long a tenant's studies are kept."""

from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, func
from sqlalchemy.orm import Mapped, mapped_column

from shared.records.database import Base, Moment


class RetentionRow(Base):
    """A tenant's rule, in days after the last thing that happened to a study; None keeps for ever."""

    __tablename__ = "retention"
    __table_args__ = (CheckConstraint("least(completed_days, unfinished_days, signed_days) >= 1", "days"),)

    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("tenants.id"), primary_key=True)
    completed_days: Mapped[int | None]
    """Of a report that nobody signed."""
    unfinished_days: Mapped[int | None]
    """Of studies that were rejected or cancelled, or that failed."""
    signed_days: Mapped[int | None]
    """Of a report that somebody signed, whatever came after."""
    set_at: Mapped[Moment] = mapped_column(server_default=func.now())
