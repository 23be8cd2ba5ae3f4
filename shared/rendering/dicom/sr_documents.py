"""What both structured reports share: who observed, how far the document goes, what it refers to."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Final

from highdicom.sr import (
    CodeContentItem,
    CodedConcept,
    ContainerContentItem,
    ContentItem,
    ContentSequence,
    DeviceObserverIdentifyingAttributes,
    LanguageOfContentItemAndDescendants,
    ObserverContext,
    RelationshipTypeValues,
    TextContentItem,
)
from highdicom.sr.value_types import PnameContentItem
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

from shared.rendering.dicom.codes import LANGUAGES
from shared.rendering.dicom.kinds import Kind
from shared.rendering.dicom.objects import (
    ai_mark_of,
    dt,
    instances_of,
    new_object,
    reference_to,
    references_to,
)
from shared.rendering.dicom.signatures import signature_of
from shared.rendering.dicom.texts import SHORT_STRING, identifier, line, name_of_person
from shared.rendering.document import Instance, ReportDocument
from shared.rendering.identity import device_uid, instance_uid, study_uid
from shared.version import SOFTWARE

_NO_ORGANIZATION: Final = "not stated"
"""Of the person who signed; the standard wants a name."""


def context_of(document: ReportDocument) -> Iterator[ContentItem]:
    """Yield a document's first items: its language, and who observed (TID 1204, 1001).

    The observer is the software with its classifier; once a person has signed, that person too.
    """
    yield from LanguageOfContentItemAndDescendants(CodedConcept.from_code(LANGUAGES[document.language]))
    signature = signature_of(document)
    if signature is not None:
        yield CodeContentItem(codes.DCM.ObserverType, codes.DCM.Person, _OBSERVED)
        yield PnameContentItem(codes.DCM.PersonObserverName, name_of_person(signature.name), _OBSERVED)
    yield from ObserverContext(
        codes.DCM.Device,
        DeviceObserverIdentifyingAttributes(
            device_uid(document),
            name=line(f"{SOFTWARE} {document.software_version}"),
            manufacturer_name=SOFTWARE,
            model_name=line(f"{document.model.id} {document.model.version}"),
            serial_number=line(document.model.digest),
        ),
    )


def container(
    name: Code, items: Iterable[ContentItem], *, template: str | None = None
) -> ContainerContentItem:
    """Return items under a heading; a template's number makes it a document's root."""
    relation = None if template else RelationshipTypeValues.CONTAINS
    made = ContainerContentItem(
        name, is_content_continuous=False, template_id=template, relationship_type=relation
    )
    made.ContentSequence = ContentSequence(list(items))
    return made


def text_item(name: Code, text: str) -> TextContentItem:
    """Return a text under its name."""
    return TextContentItem(name, text, RelationshipTypeValues.CONTAINS)


def sr_document(document: ReportDocument, kind: Kind, root: ContainerContentItem) -> Dataset:
    """Return the object that a content tree becomes."""
    dataset = new_object(document, kind)
    dataset.ReferencedPerformedProcedureStepSequence = []
    dataset.PerformedProcedureCodeSequence = []
    _say_how_far_it_goes(document, dataset)
    request = _request_of(document)
    if request is not None:
        dataset.ReferencedRequestSequence = [request]
    instances = instances_of(document)
    if instances:
        dataset.CurrentRequestedProcedureEvidenceSequence = _evidence(instances)
    if document.made_from is not None:
        earlier = replace(document, version=document.made_from)
        dataset.PredecessorDocumentsSequence = [_predecessor(earlier, kind, dataset.SeriesInstanceUID)]
    for element in root:
        dataset[element.tag] = element
    return dataset


def _say_how_far_it_goes(document: ReportDocument, dataset: Dataset) -> None:
    signature = signature_of(document)
    dataset.CompletionFlag = "PARTIAL" if signature is None else "COMPLETE"
    dataset.CompletionFlagDescription = line(f"{document.status}. {ai_mark_of(document)}")
    dataset.VerificationFlag = "UNVERIFIED" if signature is None else "VERIFIED"
    dataset.PreliminaryFlag = "PRELIMINARY" if signature is None else "FINAL"
    if signature is not None:
        item = Dataset()
        item.VerifyingObserverName = name_of_person(signature.name)
        item.VerifyingObserverIdentificationCodeSequence = []
        item.VerifyingOrganization = line(document.order.institution or _NO_ORGANIZATION)
        item.VerificationDateTime = dt(signature.at)
        dataset.VerifyingObserverSequence = [item]


def _request_of(document: ReportDocument) -> Dataset | None:
    """Return what was asked for; None where nobody knows its number."""
    accession_number = identifier(document.order.accession_number, SHORT_STRING)
    if accession_number is None:
        return None
    item = Dataset()
    item.StudyInstanceUID = study_uid(document)
    item.AccessionNumber = accession_number
    item.ReferencedStudySequence = []
    item.RequestedProcedureDescription = ""
    item.RequestedProcedureCodeSequence = []
    item.RequestedProcedureID = ""
    item.PlacerOrderNumberImagingServiceRequest = ""
    item.FillerOrderNumberImagingServiceRequest = ""
    return item


def _evidence(instances: Sequence[Instance]) -> list[Dataset]:
    """Return the images by study and series: viewers load by this, not by the content (PS3.3 C.17.2.1)."""

    def study_of(one: Instance) -> str:
        return one.study_instance_uid

    def series_of(one: Instance) -> str:
        return one.series_instance_uid

    studies = []
    for study, of_study in groupby(sorted(instances, key=study_of), study_of):
        all_series = groupby(sorted(of_study, key=series_of), series_of)
        studies.append(_of_study(study, [_of_series(series, list(items)) for series, items in all_series]))
    return studies


def _of_study(study_instance_uid: str, series: Sequence[Dataset]) -> Dataset:
    item = Dataset()
    item.StudyInstanceUID = study_instance_uid
    item.ReferencedSeriesSequence = series
    return item


def _of_series(series_instance_uid: str, instances: Sequence[Instance]) -> Dataset:
    item = Dataset()
    item.SeriesInstanceUID = series_instance_uid
    item.ReferencedSOPSequence = references_to(instances)
    return item


def _predecessor(earlier: ReportDocument, kind: Kind, series_instance_uid: str) -> Dataset:
    series = Dataset()
    series.SeriesInstanceUID = series_instance_uid
    series.ReferencedSOPSequence = [reference_to(kind.sop_class, instance_uid(earlier, kind.name))]
    return _of_study(study_uid(earlier), [series])


_OBSERVED: Final = RelationshipTypeValues.HAS_OBS_CONTEXT
