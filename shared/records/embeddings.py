"""The vectors of images: written with the findings, and searched for the studies that look alike.

    write      every used image's vector, in the transaction of its findings
    encoder    the one that a study was last read with: its vectors are compared with others of its digest
    nearest    the studies of the same tenant whose images lie nearest
    lacking    why this database cannot search

Of the vectors that are in their encoder's index (`vector_indexes.py`) Postgres finds nearly all of the
nearest; those that are not in it yet are all read, and so are a tenant's where they are few.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import delete, select, text
from sqlalchemy.orm import Session

from shared.domain.embeddings import Embedding
from shared.domain.findings import ModelVersion
from shared.domain.studies import StudyId, TenantId
from shared.records.tables import EmbeddingRow, EncoderRow

_OLDEST: Final = (0, 8)
"""The pgvector that goes on searching where a condition leaves too few of the nearest."""
_MOST_IMAGES: Final = 16
"""Of a study: so many of the nearest images may be of one."""
_LOOKED_AT: Final = 200
"""Of the index's graph at once (hnsw.ef_search): with fewer it is faster, and misses more."""


_MAKE_ROOM: Final = text("""
    WITH gone AS (DELETE FROM embeddings WHERE study_id = :study_id AND encoder_digest = :digest)
    INSERT INTO encoders (digest, id, version, dimensions) VALUES (:digest, :id, :version, :dimensions)
    ON CONFLICT DO NOTHING
""")
_KEEP: Final = text("""
    INSERT INTO embeddings (study_id, image_index, encoder_digest, tenant_id, vector)
    VALUES (:study_id, :image, :digest, :tenant_id, CAST(:vector AS real[]))
""")


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A study that looks like another.

    Attributes:
        distance: of the nearest two images, by cosine: 0 for the same picture, about 1 for any.
        image: of the study that was asked about, that is nearest.
        their_image: of this study.
    """

    study_id: StudyId
    distance: float
    image: int
    their_image: int


@dataclass(frozen=True, slots=True)
class EncoderRecord:
    """An encoder, and the length of its vectors."""

    version: ModelVersion
    dimensions: int


def write(session: Session, study_id: StudyId, tenant_id: TenantId, embeddings: dict[int, Embedding]) -> None:
    """Write the vectors of a study's images, in place of those of the same encoders; the caller holds it.

    Args:
        embeddings: by the images' indexes.
    """
    for encoder, dimensions in {(one.encoder, len(one.vector)) for one in embeddings.values()}:
        known = {"id": encoder.id, "version": encoder.version, "dimensions": dimensions}
        session.execute(_MAKE_ROOM, {"study_id": study_id, "digest": encoder.digest, **known})
    for index, one in embeddings.items():
        owner = {"study_id": study_id, "image": index, "digest": one.encoder.digest, "tenant_id": tenant_id}
        session.execute(_KEEP, {**owner, "vector": _as_literal(one.vector)})


def _as_literal(vector: Sequence[float]) -> str:
    """Return an array as Postgres reads it; the driver takes ten times as long, number by number."""
    return "{" + ("%.7g," * len(vector))[:-1] % tuple(vector) + "}"


def forget(session: Session, study_id: StudyId) -> None:
    """Drop all vectors of a study: no image of it is used any more."""
    session.execute(delete(EmbeddingRow).where(EmbeddingRow.study_id == study_id))


def encoder(session: Session, study_id: StudyId) -> EncoderRecord | None:
    """Return the encoder that the study was last read with; None where it has no vector."""
    row = session.execute(
        select(EncoderRow.id, EncoderRow.version, EncoderRow.digest, EncoderRow.dimensions)
        .join(EmbeddingRow, EmbeddingRow.encoder_digest == EncoderRow.digest)
        .where(EmbeddingRow.study_id == study_id)
        .order_by(EmbeddingRow.made_at.desc())
        .limit(1)
    ).one_or_none()
    return None if row is None else EncoderRecord(ModelVersion(*row[:3]), row.dimensions)


def lacking(session: Session) -> str | None:
    """Return why no vectors can be compared in this database; None where they can."""
    version = session.scalar(
        text(
            "SELECT extversion FROM pg_extension"
            " WHERE extname = 'vector' AND to_regtype('halfvec') IS NOT NULL"
        )
    )
    if version is None:
        return "the database has no pgvector: have its administrator run CREATE EXTENSION vector in it"
    if tuple(int(part) for part in version.split(".")[:2]) < _OLDEST:
        return (
            f"the database has pgvector {version}, and 0.8 or newer is needed: ALTER EXTENSION vector UPDATE"
        )
    return None


def as_vector(column: str, dimensions: int) -> str:
    """Return the expression that is indexed: an array as a vector of half floats."""
    return f"({column}::halfvec({dimensions}))"


def nearest(
    session: Session, study_id: StudyId, encoder: EncoderRecord, *, limit: int
) -> Sequence[Neighbour]:
    """Return the tenant's studies nearest to one, the nearest first; without those entered in error.

    The database is one that `lacking` says nothing of.
    """
    # Strictly in order, and on and on until enough of them are the tenant's own and not in error.
    session.execute(text("SET LOCAL hnsw.iterative_scan = strict_order"))
    session.execute(text(f"SET LOCAL hnsw.ef_search = {_LOOKED_AT}"))
    mine, theirs = (as_vector(f"{name}.vector", encoder.dimensions) for name in ("mine", "theirs"))
    # The digest stands in the statement itself, else no plan could know that the index is for it.
    digest = f"'{encoder.version.digest}'"
    near = f"""
        SELECT theirs.study_id, theirs.image_index, {theirs} <=> {mine} AS distance
        FROM embeddings AS theirs JOIN studies ON studies.id = theirs.study_id
        WHERE theirs.encoder_digest = {digest} AND theirs.tenant_id = mine.tenant_id
            AND theirs.study_id <> mine.study_id
            AND studies.report_status IS DISTINCT FROM 'entered-in-error'
            AND %s theirs.indexed
        ORDER BY {theirs} <=> {mine} LIMIT :images
    """  # noqa: S608  dimensions and digest are of our own rows
    rows = session.execute(
        text(f"""
            SELECT DISTINCT ON (study_id) study_id, distance, image, other FROM (
                SELECT near.study_id, near.distance, mine.image_index AS image, near.image_index AS other
                FROM embeddings AS mine
                CROSS JOIN LATERAL (({near % ""}) UNION ALL ({near % "NOT"})) AS near
                WHERE mine.study_id = :study_id AND mine.encoder_digest = {digest}
            ) AS pairs
            ORDER BY study_id, distance
        """),  # noqa: S608  as above
        {"study_id": study_id, "images": limit * _MOST_IMAGES},
    ).all()
    found = (Neighbour(StudyId(row.study_id), row.distance, row.image, row.other) for row in rows)
    return sorted(found, key=lambda neighbour: (neighbour.distance, neighbour.study_id))[:limit]
