"""Whose study it is and what was asked for, as clients see it; none of it is for a key that may not read."""

from dataclasses import asdict
from datetime import date
from typing import Literal

from pydantic import Field

from api.bodies.base import Body
from shared.domain import orders


class Patient(Body):
    """What is known of a study's patient: typed, or in the files; for keys that may read."""

    id: str | None = Field(default=None, description="As it was sent, else as the files have it.")
    sex: Literal["F", "M", "O"] | None = None
    age_years: float | None = Field(default=None, description="At the study; a fraction for infants.")


class Order(Body):
    """Whose study it is and what was asked for: typed, or in the files; for keys that may read."""

    accession_number: str | None = None
    patient_id: str | None = None
    patient_id_issuer: str | None = None
    patient_name: str | None = Field(default=None, examples=["DOE^JANE"])
    patient_birth_date: date | None = None
    patient_sex: Literal["F", "M", "O"] | None = None
    patient_age_years: float | None = None
    referring_physician: str | None = None
    study_instance_uid: str | None = None
    study_date: date | None = None
    study_time: str | None = Field(default=None, description="HH:MM:SS, on the clock of the place.")
    body_part: str | None = None
    laterality: Literal["R", "L", "B", "U"] | None = None
    institution: str | None = None
    indication: str | None = None


def patient_body(order: orders.Order) -> Patient:
    """Write down what is known of a study's patient."""
    return Patient.model_validate(asdict(order.patient))


def order_body(order: orders.Order) -> Order:
    """Write an order down."""
    said = {name: getattr(order, name) for name in Order.model_fields}
    clock = order.study_time.isoformat("seconds") if order.study_time else None
    return Order.model_validate({**said, "study_time": clock})
