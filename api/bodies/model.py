"""The classifier that read a study, as clients see it."""

from api.bodies.base import Body
from shared.records.reading import StudyRecord


class ModelId(Body):
    """The classifier that spoke."""

    id: str
    version: str
    digest: str


def model_body(study: StudyRecord) -> ModelId | None:
    """Write down which classifier spoke; None when none has yet."""
    if study.model_id is None:
        return None
    return ModelId(id=study.model_id, version=study.model_version or "", digest=study.model_digest or "")
