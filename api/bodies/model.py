"""The classifier that read a study, as clients see it."""

from api.bodies.base import Body
from shared.records.analyses import AnalysisRecord


class ModelId(Body):
    """The classifier that the findings are produced by."""

    id: str
    version: str
    digest: str


def model_body(analysis: AnalysisRecord) -> ModelId:
    """Return the body of a classifier's identity."""
    return ModelId(id=analysis.model_id, version=analysis.model_version, digest=analysis.model_digest)
