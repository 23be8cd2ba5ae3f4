"""The report as coded findings: Comprehensive 3D SR by TID 1500, as IHE AI Results wants it.

    language · observers · procedure
    image library            the images that have UIDs
    imaging measurements     one group for what is present or uncertain: code, place, probability, box
    qualitative evaluations  what is absent, and the text of the report

What is absent has no group of its own: who looks at a group's finding alone would take it for found.
Without UIDs of images (PNG, JPEG, or a file that lacks them) the findings stand without boxes: the templates
let images be left out.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any, Final

import numpy as np
from highdicom.sr import (
    AlgorithmIdentification,
    CodeContentItem,
    ContentItem,
    ContentSequence,
    CoordinatesForMeasurement,
    FindingSite,
    GraphicTypeValues,
    ImageContentItem,
    ImageRegion,
    Measurement,
    MeasurementsAndQualitativeEvaluations,
    NumContentItem,
    PlanarROIMeasurementsAndQualitativeEvaluations,
    QualitativeEvaluation,
    RelationshipTypeValues,
    SourceImageForMeasurementGroup,
    SourceImageForRegion,
    TrackingIdentifier,
)
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

from shared.domain.findings import Box, FindingStatus
from shared.rendering.dicom.codes import (
    ARTIFICIAL_INTELLIGENCE,
    CHEST_RADIOGRAPH,
    NO_UNITS,
    OWN_SCHEME,
    PRESENCE,
    PROBABILITY,
    QUALITATIVE_EVALUATIONS,
    code_of,
    own_scheme,
    side_of,
    site_of,
    status_of,
)
from shared.rendering.dicom.kinds import MEASUREMENT_REPORT
from shared.rendering.dicom.objects import file_of, refuse_withdrawn
from shared.rendering.dicom.regions import region_of, size_as_sent
from shared.rendering.dicom.sr_documents import container, context_of, sr_document, text_item
from shared.rendering.dicom.texts import line
from shared.rendering.dicom.written import written_parts
from shared.rendering.document import FindingLine, ImageLine, Instance, ReportDocument
from shared.rendering.identity import tracking_uid
from shared.rendering.stated import Stated, stated

KIND: Final = MEASUREMENT_REPORT
RECTANGLE: Final = "Cornerstone3DTools@^0.1.0:RectangleROI"
"""The tracking identifier by which OHIF knows a rectangle, and shows it (its adapters' own)."""
ABSENT: Final = FindingStatus.ABSENT
_PIXELS: Final = Code("{pixels}", "UCUM", "Pixels")
_ACQUIRED: Final = RelationshipTypeValues.HAS_ACQ_CONTEXT

_Group = MeasurementsAndQualitativeEvaluations | PlanarROIMeasurementsAndQualitativeEvaluations


def render(document: ReportDocument) -> bytes:
    """Write what the report states as a Comprehensive 3D SR.

    Raises:
        NotPossibleError: it was entered in error, or `new_object` refuses it.
    """
    refuse_withdrawn(document)
    findings = stated(document)
    root = container(codes.DCM.ImagingMeasurementReport, _items(document, findings), template="1500")
    dataset = sr_document(document, KIND, root)
    if any(code_of(one.label).scheme_designator == OWN_SCHEME for one in findings):
        dataset.CodingSchemeIdentificationSequence = [own_scheme()]
    return file_of(dataset)


def _items(document: ReportDocument, findings: Sequence[Stated]) -> Iterator[ContentItem]:
    yield from context_of(document)
    procedure = RelationshipTypeValues.HAS_CONCEPT_MOD
    yield CodeContentItem(codes.DCM.ProcedureReported, CHEST_RADIOGRAPH, procedure)
    entries = [_library_entry(image, image.instance) for image in document.images if image.instance]
    if entries:
        yield container(codes.DCM.ImageLibrary, [container(codes.DCM.ImageLibraryGroup, entries)])
    groups = [item for one in findings if one.status is not ABSENT for item in _group(document, one)]
    if groups:
        yield container(codes.DCM.ImagingMeasurements, groups)
    yield container(QUALITATIVE_EVALUATIONS, _evaluations(document, findings))


def _library_entry(image: ImageLine, instance: Instance) -> ContentItem:
    """Return an image with what its viewer needs of it (TID 1601, 1602)."""
    item = ImageContentItem(
        codes.SCT.Source,
        instance.sop_class_uid,
        instance.sop_instance_uid,
        relationship_type=RelationshipTypeValues.CONTAINS,
    )
    width, height = size_as_sent(image)
    item.ContentSequence = ContentSequence(
        [
            CodeContentItem(codes.DCM.Modality, _modality(instance.modality), _ACQUIRED),
            NumContentItem(codes.DCM.PixelDataRows, height, _PIXELS, relationship_type=_ACQUIRED),
            NumContentItem(codes.DCM.PixelDataColumns, width, _PIXELS, relationship_type=_ACQUIRED),
        ]
    )
    return item


def _modality(modality: str | None) -> Code:
    """Return the modality's code: those by which radiographs come, else another."""
    known: Code = _MODALITIES.get(modality or "", codes.DCM.Other)
    return known


def _group(document: ReportDocument, one: Stated) -> _Group:
    """Return what is stated of one label (TID 1501), with its box where its image has UIDs (TID 1410)."""
    finding = one.finding
    image = next((image for image in document.images if finding and image.index == finding.image), None)
    instance = image.instance if image else None
    common: dict[str, Any] = {
        "finding_type": code_of(one.label),
        "finding_sites": [_site(one)],
        "qualitative_evaluations": [QualitativeEvaluation(PRESENCE, status_of(one.status))],
    }
    if finding is not None:
        common["algorithm_id"] = _algorithm(document, finding)
        common["measurements"] = [Measurement(PROBABILITY, round(finding.probability, 4), NO_UNITS)]
    uid = tracking_uid(document, one.label)
    region = _region(finding.box, image, instance) if finding and finding.box and image and instance else None
    if region is not None:
        group = PlanarROIMeasurementsAndQualitativeEvaluations(
            TrackingIdentifier(uid, RECTANGLE), region, **common
        )
        _infer_from(region, group)
        return group
    if instance:
        source = SourceImageForMeasurementGroup(instance.sop_class_uid, instance.sop_instance_uid)
        common["source_images"] = [source]
    return MeasurementsAndQualitativeEvaluations(TrackingIdentifier(uid, line(one.label)), **common)


def _algorithm(document: ReportDocument, finding: FindingLine) -> AlgorithmIdentification:
    return AlgorithmIdentification(
        line(document.model.id),
        line(document.model.version),
        parameters=[f"threshold {finding.threshold:g}", f"SHA-256 {document.model.digest}"],
        family=ARTIFICIAL_INTELLIGENCE,
    )


def _region(box: Box, image: ImageLine, instance: Instance) -> ImageRegion | None:
    """Return a box on its image; None on one of a SOP class that highdicom does not know: a maker's own."""
    left, top, right, bottom = region_of(box, image)
    corners = [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)]
    source = SourceImageForRegion(instance.sop_class_uid, instance.sop_instance_uid)
    # It looks up whether such images have frames, of which a region would have to name one.
    with suppress(KeyError):
        return ImageRegion(GraphicTypeValues.POLYLINE, np.array(corners), source)
    return None


def _infer_from(region: ImageRegion, group: PlanarROIMeasurementsAndQualitativeEvaluations) -> None:
    """Say that the probability is of the region: OHIF looks for a box in the first number of its group.

    Source: @cornerstonejs/adapters 5.14.0, `getSetupMeasurementData` in Cornerstone3D/MeasurementReport.js.
    """
    for item in group[0].ContentSequence:
        if isinstance(item, NumContentItem):
            image = region.ContentSequence[0].ReferencedSOPSequence[0]
            source = SourceImageForRegion(image.ReferencedSOPClassUID, image.ReferencedSOPInstanceUID)
            coordinates = CoordinatesForMeasurement(region.graphic_type, region.value, source)
            item.ContentSequence = ContentSequence([coordinates])


def _site(one: Stated) -> FindingSite:
    zone, side = (one.place.zone, one.place.side) if one.place else (None, None)
    return FindingSite(site_of(one.label, zone), laterality=None if side is None else side_of(side))


def _evaluations(document: ReportDocument, findings: Sequence[Stated]) -> Iterator[ContentItem]:
    """Yield what is absent, as names and values, and the text."""
    for one in findings:
        if one.status is ABSENT:
            yield CodeContentItem(code_of(one.label), status_of(ABSENT), RelationshipTypeValues.CONTAINS)
    for part in written_parts(document):
        yield text_item(part.name, part.text)


_MODALITIES: Final = {
    "CR": codes.DCM.ComputedRadiography,
    "DX": codes.DCM.DigitalRadiography,
    "RF": codes.DCM.Radiofluoroscopy,
    "RG": codes.DCM.RadiographicImaging,
}
