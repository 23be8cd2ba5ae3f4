"""What all bodies share."""

from typing import Final

from pydantic import BaseModel, ConfigDict

STUDY_ID = "0199d3c4-7a10-7c44-9d6e-0d5a3c1f2b11"


class Body(BaseModel):
    """The base of all bodies."""

    model_config = ConfigDict(frozen=True, protected_namespaces=())


NOT_A_MEDICAL_DEVICE: Final = (
    "Research software. Not a medical device, not cleared or approved by any authority, and not for "
    "diagnosis or treatment. A qualified radiologist must read every image."
)
