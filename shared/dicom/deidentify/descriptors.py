"""The words of a description that say nothing of anybody (Clean Descriptors, PS3.15 E.3.5).

A description may hold anything: what is known to be harmless stays, and the rest goes.
"""

import re
from typing import Final

from pydicom.datadict import tag_for_keyword

DESCRIPTIONS: Final = frozenset(
    tag_for_keyword(keyword)
    for keyword in (
        "AcquisitionDeviceProcessingDescription",
        "PerformedProcedureStepDescription",
        "ProtocolName",
        "RequestedProcedureDescription",
        "ScheduledProcedureStepDescription",
        "SeriesDescription",
        "StudyDescription",
        "AcquisitionProtocolDescription",
        "DerivationDescription",
    )
)
"""Where they are looked for: what says of a radiograph which it is. The table's other texts go whole."""

_WORDS: Final = frozenset(
    re.findall(
        r"\w+",
        # English, then what views.py reads in other languages.
        "ABDOMEN ACUTE ADULT AND ANTERIOR ANTEROPOSTERIOR AP BED BEDSIDE BILATERAL BONE CHEST "
        "CLAVICLE CR CXR DECUBITUS DEG DIGITAL DR DX ERECT EXPIRATION FACE FOLLOW FRONTAL GRID HEAD "
        "IN INSPIRATION INVERTED LAT LATERAL LEFT LORDOTIC LUNG LUNGS LL LLD MOBILE NECK OBLIQUE OR "
        "ORIGINAL PA PED PEDIATRIC PORTABLE POSTERIOR POSTEROANTERIOR PROCESSED RADIOGRAPH "
        "RADIOGRAPHY RAW RIB RIBS RIGHT RL RLD ROUTINE SERIES SHOULDER SINGLE SITTING SPINE "
        "STANDARD STANDING STERNUM SUPINE THORAX THORACIC TRAUMA TWO UP UPRIGHT VIEW VIEWS WITH "
        "WITHOUT XR XRAY X RAY 1 2 3 4 ONE "
        "TORAX TÓRAX FRENTE FRONTALE FRONT LATERALE LATÉRALE PERFIL PROFIL DORSO VENTRAL VENTRO "
        "DORSAL DEBOUT COUCHÉ LIEGEND STEHEND SEITLICH BRUST POUMON PULMON PULMÓN RX PORTATIL "
        "PORTÁTIL ",
    )
)


def described(text: str) -> str:
    """Return the words of a description that may stay, in capitals; often none."""
    return " ".join(word for word in re.findall(r"\w+", text.replace("_", " ").upper()) if word in _WORDS)
