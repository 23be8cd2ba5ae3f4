"""What a client may type of a study's order: form fields by the columns' names; they win over the files'."""

import re
from datetime import date, time
from typing import Annotated, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from api.plain_text import Line, PlainText
from shared.domain.orders import Order

_DAY: Final = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
_CLOCK: Final = "^([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?$"
_UID: Final = r"^(0|[1-9][0-9]*)(\.(0|[1-9][0-9]*))+$"


def _as_day(text: object) -> object:
    # By itself pydantic takes "1767571200" for a day as well.
    if isinstance(text, str) and not re.fullmatch(_DAY, text):
        message = "a date is written YYYY-MM-DD"
        raise ValueError(message)
    return text


def _as_clock(text: object) -> object:
    if isinstance(text, str) and not re.fullmatch(_CLOCK, text):
        message = "a time is written HH:MM or HH:MM:SS, on the clock of the place"
        raise ValueError(message)
    return text


_Id = Annotated[Line, Field(max_length=64)]
_Name = Annotated[
    Line, Field(max_length=194, description="As DICOM writes a name: FAMILY^GIVEN^MIDDLE^PREFIX^SUFFIX.")
]
_Day = Annotated[date, BeforeValidator(_as_day), Field(examples=["1980-02-03"])]
_Clock = Annotated[
    time, BeforeValidator(_as_clock), Field(json_schema_extra={"format": None, "pattern": _CLOCK})
]


class OrderFields(BaseModel):
    """The fields of a study's order, as they are typed."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    accession_number: _Id | None = None
    patient_id: _Id | None = None
    patient_id_issuer: _Id | None = None
    patient_name: _Name | None = None
    patient_birth_date: _Day | None = None
    patient_sex: Literal["F", "M", "O"] | None = None
    patient_age_years: Annotated[float, Field(ge=0, le=125)] | None = None
    referring_physician: _Name | None = None
    study_instance_uid: Annotated[str, Field(max_length=64, pattern=_UID)] | None = None
    study_date: _Day | None = None
    study_time: _Clock | None = None
    body_part: Annotated[str, Field(pattern="^[A-Z0-9_ ]{1,16}$", examples=["CHEST"])] | None = None
    laterality: Literal["R", "L", "B", "U"] | None = None
    institution: _Id | None = None
    indication: Annotated[PlainText, Field(max_length=4000)] | None = None

    @property
    def typed(self) -> Order:
        """What the client says of the order."""
        return Order(**{name: getattr(self, name) for name in OrderFields.model_fields})
