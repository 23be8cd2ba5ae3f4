"""One image of a study as clients see it, and the addresses of its pictures."""

from typing import Literal

from pydantic import Field

from api.bodies.base import Body
from shared.domain.findings import ViewPosition, ViewSource
from shared.domain.reports import Language
from shared.domain.studies import StudyId
from shared.records.reading import ImageRecord
from shared.reporting import warnings


class StudyError(Body):
    """Why a study, or one of its images, could not be used."""

    type: str = Field(examples=["not-an-image"])
    detail: str
    file: str | None


class ImageLinks(Body):
    """Where the pictures are."""

    preview: str
    original: str


class Image(Body):
    """One image of a study."""

    index: int
    file: str = Field(description="The name that the client gave the file.")
    media_type: str
    width: int = Field(description="As shown: what EXIF or the quality gate turns is turned.")
    height: int
    orientation: tuple[str, str] | None = Field(
        default=None,
        description="Towards which side of the patient a row runs, then a column: A, P, R, L, H, F (DICOM).",
        examples=[["L", "F"]],
    )
    view: ViewPosition | None
    view_source: ViewSource | None = Field(
        default=None, description="What the view is known from; a view from the `image` alone is a guess."
    )
    status: Literal["pending", "used", "rejected"]
    error: StudyError | None
    warnings: list[str] = Field(
        description="What makes its findings less sure, or was done to the image, in the study's language."
    )
    links: ImageLinks


def study_path(study_id: object) -> str:
    """Return the address of a study."""
    return f"/v1/studies/{study_id}"


def image_body(image: ImageRecord, language: Language) -> Image:
    """Write an image down."""
    path = f"{study_path(image.study_id)}/images/{image.index}"
    return Image(
        index=image.index,
        file=image.file,
        media_type=image.media_type,
        width=image.width,
        height=image.height,
        orientation=image.attributes.get("orientation"),
        view=image.view,
        view_source=image.view_source,
        status="pending" if image.used is None else "used" if image.used else "rejected",
        error=error_body(image.error_type, image.error_detail, image.file),
        warnings=warnings.in_words(image.warnings, language),
        links=ImageLinks(preview=f"{path}/preview.png", original=f"{path}/original"),
    )


def error_body(code: str | None, detail: str | None, file: str | None) -> StudyError | None:
    """Write down why something was not used; None when nothing was wrong."""
    return StudyError(type=code, detail=detail or "", file=file) if code else None


def heatmap_path(study_id: StudyId, index: int, label: str) -> str:
    """Return the address of a heatmap."""
    return f"{study_path(study_id)}/images/{index}/heatmaps/{label}.png"
