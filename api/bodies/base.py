"""What all bodies share."""

from collections.abc import Mapping
from typing import Final

from pydantic import BaseModel, ConfigDict

from shared.domain.reports import Language

STUDY_ID = "0199d3c4-7a10-7c44-9d6e-0d5a3c1f2b11"


class Body(BaseModel):
    """The base of all bodies."""

    model_config = ConfigDict(frozen=True, protected_namespaces=())


NOT_A_MEDICAL_DEVICE: Final[Mapping[Language, str]] = {
    Language.ENGLISH: (
        "Research software. Not a medical device, not cleared or approved by any authority, and not for "
        "diagnosis or treatment. A qualified radiologist must read every image."
    ),
    Language.SPANISH: (
        "Software de investigación. No es un producto sanitario, no tiene autorización ni aprobación de "
        "ninguna autoridad y no es apto para diagnóstico ni tratamiento. Un radiólogo cualificado debe leer "
        "cada imagen."
    ),
}
