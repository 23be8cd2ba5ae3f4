"""Findings as clients see them, of an image and of a study."""

from pydantic import Field

from api.bodies.base import STUDY_ID, Body
from api.bodies.image import heatmap_path
from api.bodies.model import ModelId
from shared.domain.findings import FindingStatus, Place, Side, ViewPosition, Zone
from shared.labels import LABELS, name_of
from shared.records.findings import FindingRecord
from shared.records.reading import StudyRecord


class Codes(Body):
    """A label's codes in the common vocabularies."""

    snomed_ct: str | None
    radlex: str | None


class FindingLinks(Body):
    """Where a finding's pictures are."""

    heatmap: str | None = Field(description="The class activation map; null where there is none.")


class PlaceBody(Body):
    """Where in the chest a finding is."""

    side: Side | None = Field(
        description="The patient's side; null where the model's card lets none be said."
    )
    zone: Zone | None = Field(description="The height in the lungs; null likewise.")
    as_displayed: bool = Field(
        description="Whether the file does not say which side is which: then the side is the one on which a "
        "radiograph is usually displayed."
    )


class FindingEntry(Body):
    """What the classifier says about one label."""

    label: str = Field(examples=["Effusion"])
    name: str = Field(examples=["Pleural effusion"])
    probability: float = Field(
        ge=0, le=1, description="Calibrated, unless `warnings` say that nobody has done so."
    )
    threshold: float = Field(ge=0, le=1, description="At or above it the finding is present.")
    uncertain_from: float = Field(ge=0, le=1, description="At or above it, below the threshold: uncertain.")
    status: FindingStatus
    image: int | None = Field(description="The image that shows it best.")
    box: list[float] | None = Field(
        description="Left, top, right, bottom, as fractions of the image.", examples=[[0.55, 0.6, 0.9, 0.93]]
    )
    place: PlaceBody | None = Field(
        description="Where it is, when it is present or uncertain and its place was found surely enough."
    )
    codes: Codes
    links: FindingLinks


class ImageFindings(Body):
    """The findings of one image."""

    index: int
    view: ViewPosition | None
    findings: list[FindingEntry]


class Findings(Body):
    """One entry for every label of the model, for the study and for each image."""

    study_id: str = Field(examples=[STUDY_ID])
    model: ModelId
    warnings: list[str] = Field(description="What makes the findings less sure, in the study's language.")
    findings: list[FindingEntry]
    images: list[ImageFindings]


def finding_entry(row: FindingRecord, study: StudyRecord) -> FindingEntry:
    """Write a finding down."""
    label = LABELS.get(row.label)
    heatmap = heatmap_path(study.id, row.image_index, row.label) if row.heatmap else None
    return FindingEntry(
        label=row.label,
        name=name_of(row.label, study.language),
        probability=row.probability,
        threshold=row.threshold,
        uncertain_from=row.uncertain_from,
        status=row.status,
        image=row.image_index,
        box=list(row.box) if row.box else None,
        place=place_body(row.place),
        codes=Codes(
            snomed_ct=label.snomed_ct.code if label and label.snomed_ct else None,
            radlex=label.radlex.code if label and label.radlex else None,
        ),
        links=FindingLinks(heatmap=heatmap),
    )


def place_body(place: Place | None) -> PlaceBody | None:
    """Return a place as clients see it."""
    return (
        None
        if place is None
        else PlaceBody(side=place.side, zone=place.zone, as_displayed=place.as_displayed)
    )
