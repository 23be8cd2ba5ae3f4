"""The vectors of images, by which studies that look alike are found, and the encoders that made them."""

from uuid import UUID

from sqlalchemy import REAL, ForeignKey, Index, String, func, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from shared.records.database import Base, Moment, Sha256
from shared.records.marks import PATIENT, SYSTEM


class EncoderRow(Base):
    """An encoder that has made a vector; the sweeper makes an index for each, where pgvector is."""

    __tablename__ = "encoders"

    digest: Mapped[Sha256] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(String(128), info=SYSTEM)
    version: Mapped[str] = mapped_column(String(64), info=SYSTEM)
    dimensions: Mapped[int]


class EmbeddingRow(Base):
    """One encoder's vector of one image.

    An array, and not pgvector's own type: the table is the same where that extension is missing, and an index
    over the array as a vector can be made whenever it comes (`records/embeddings.py`).
    """

    __tablename__ = "embeddings"
    __table_args__ = (
        # Serves the exact search among a tenant's vectors, which is as fast while they are few.
        Index("ix_embeddings_encoder_digest_tenant_id", "encoder_digest", "tenant_id"),
        # Serves the sweeper, and the search among those that are in no index yet.
        Index("ix_embeddings_waiting", "encoder_digest", "tenant_id", postgresql_where=text("NOT indexed")),
    )

    study_id: Mapped[UUID] = mapped_column(ForeignKey("studies.id", ondelete="CASCADE"), primary_key=True)
    image_index: Mapped[int] = mapped_column(primary_key=True)
    encoder_digest: Mapped[Sha256] = mapped_column(ForeignKey("encoders.digest"), primary_key=True)
    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("tenants.id"))
    """The study's own, here too so that no search leaves it."""
    vector: Mapped[list[float]] = mapped_column(ARRAY(REAL), info=PATIENT)
    made_at: Mapped[Moment] = mapped_column(server_default=func.now())
    indexed: Mapped[bool] = mapped_column(server_default=text("false"))
    """Whether it is in its encoder's index, into which the sweeper puts it: that takes longer than all else
    that is written of a study."""
