"""What is fetched from other archives: rules that ask them, and what was fetched."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, func, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from shared.domain.pulling import PullMethod
from shared.records.database import Base, Moment, Sha256, SystemText
from shared.records.marks import SYSTEM


class PullRuleRow(Base):
    """Which studies are fetched from where, how often, and how that went (`PullRule`)."""

    __tablename__ = "pull_rules"
    __table_args__ = (
        CheckConstraint("(method = 'web') = (url IS NOT NULL)", "place"),
        CheckConstraint("(method <> 'web') = (peer_id IS NOT NULL)", "peer"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("tenants.id"))
    name: Mapped[SystemText]
    method: Mapped[PullMethod]
    peer_id: Mapped[UUID | None] = mapped_column(ForeignKey("dicom_peers.id", ondelete="CASCADE"))
    url: Mapped[SystemText | None]
    key: Mapped[SystemText | None]
    """What the archive is asked with; shown to nobody."""
    modalities: Mapped[list[str]] = mapped_column(ARRAY(String(16)), info=SYSTEM)
    body_parts: Mapped[list[str]] = mapped_column(ARRAY(String(64)), info=SYSTEM)
    descriptions: Mapped[list[str]] = mapped_column(ARRAY(String(64)), info=SYSTEM)
    window: Mapped[timedelta] = mapped_column(info=SYSTEM)
    every: Mapped[timedelta] = mapped_column(info=SYSTEM)
    per_minute: Mapped[int]
    priors: Mapped[int]
    created_at: Mapped[Moment] = mapped_column(server_default=func.now())
    paused_at: Mapped[Moment | None]
    next_at: Mapped[Moment] = mapped_column(server_default=func.now())
    token: Mapped[int] = mapped_column(server_default=text("0"))
    """Of the run that holds the rule; it only ever grows."""
    lease_expires_at: Mapped[Moment | None]
    failures: Mapped[int] = mapped_column(server_default=text("0"))
    error: Mapped[SystemText | None]
    """Why the last run failed."""
    ran_at: Mapped[Moment | None]
    fetched: Mapped[int] = mapped_column(server_default=text("0"))
    """Studies so far, those that grew counted again."""


class PulledStudyRow(Base):
    """A study that was fetched, by the digest of its UID: an erased study is not fetched again."""

    __tablename__ = "pulled_studies"
    __table_args__ = (Index("ix_pulled_studies_seen_at", "seen_at"),)

    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("tenants.id"), primary_key=True)
    digest: Mapped[Sha256] = mapped_column(primary_key=True)
    instances: Mapped[int]
    """How many the archive had when all of them were in; 0 while they are being fetched."""
    prior: Mapped[bool]
    """Whether it is fetched to be compared with alone."""
    seen_at: Mapped[Moment] = mapped_column(server_default=func.now())
    """When the archive was last found to have it."""
