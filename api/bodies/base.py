"""What all bodies share."""

from collections.abc import Mapping
from typing import Final

from pydantic import BaseModel, ConfigDict

from shared.domain.reports import Language
from shared.words import in_each

STUDY_ID = "0199d3c4-7a10-7c44-9d6e-0d5a3c1f2b11"


class Body(BaseModel):
    """The base of all bodies."""

    model_config = ConfigDict(frozen=True, protected_namespaces=())


NOT_A_MEDICAL_DEVICE: Final[Mapping[Language, str]] = {
    language: words["not_a_medical_device"] for language, words in in_each("json", dict).items()
}
