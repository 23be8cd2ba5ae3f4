"""What a client may say of a study to which more images may come, beside its other fields."""

from datetime import timedelta
from typing import Annotated

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from shared.records.studies import Opening
from shared.settings import ApiSettings


class OpeningFields(BaseModel):
    """The fields of a study that is opened."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    open: bool = Field(
        default=False,
        description="More images may come; no worker takes the study before it is closed.",
    )
    expected_images: Annotated[int, Field(ge=1)] | None = Field(
        default=None, description="Of an open study: with so many images it is closed at once."
    )
    close_after: Annotated[float, Field(ge=1, le=24 * 3600)] | None = Field(
        default=None,
        description="Of an open study: seconds without a new image after which it is closed.",
    )

    @field_validator("expected_images", "close_after")
    @classmethod
    def _is_open(cls, value: object, info: ValidationInfo) -> object:
        if not info.data.get("open"):
            message = "only for a study that is open: add open=true"
            raise ValueError(message)
        return value


def opening_of(fields: OpeningFields, settings: ApiSettings) -> Opening | None:
    """Return how the study is open; None for one that is sent whole.

    Raises:
        RequestValidationError: more images are expected than a study may have.
    """
    if not fields.open:
        return None
    if (fields.expected_images or 0) > settings.max_files:
        message = f"a study has at most {settings.max_files} images"
        fault = {"loc": ("body", "expected_images"), "msg": message, "type": "value_error"}
        raise RequestValidationError([fault])
    close_after = (
        settings.close_after if fields.close_after is None else timedelta(seconds=fields.close_after)
    )
    return Opening(close_after, fields.expected_images)
