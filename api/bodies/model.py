"""The classifier that read a study, as clients see it."""

from api.bodies.base import Body
from shared.records.analyses import AnalysisRecord


class ModelId(Body):
    """The classifier that spoke."""

    id: str
    version: str
    digest: str


def model_body(analysis: AnalysisRecord) -> ModelId:
    """Write down which classifier spoke."""
    return ModelId(id=analysis.model_id, version=analysis.model_version, digest=analysis.model_digest)
