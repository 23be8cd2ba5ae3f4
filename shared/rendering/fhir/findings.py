"""Observation: one for each finding that the report states.

Of what a writer wrote they are the classifier's. Of a person's version they are what its text says, as our
labeller reads it: what the person denied, struck or said in words that cannot be read is not repeated.

Map: `Stated` -> `stated` (`_by_a_person`) -> `observations` (`_observation`, `_components`), `references`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from shared.domain.findings import FindingStatus, Place
from shared.domain.reports import Person
from shared.labels import LABELS, display_name
from shared.rendering.assessed import assessed
from shared.rendering.document import FindingLine, ReportDocument
from shared.rendering.fhir import codes
from shared.rendering.fhir.devices import classifier
from shared.rendering.fhir.elements import (
    Element,
    coding,
    concept,
    instant,
    meta,
    plain_concept,
    reference,
    resource,
)
from shared.rendering.fhir.imaging import based_on
from shared.rendering.fhir.people import authors
from shared.reporting.assessment import Outcome
from shared.reporting.lexicon import NOT_A_FINDING


@dataclass(frozen=True, slots=True)
class Stated:
    """One label, as the report states it.

    Attributes:
        finding: the classifier's, where the report says the same.
    """

    label: str
    status: FindingStatus
    place: Place | None
    finding: FindingLine | None


def stated(document: ReportDocument) -> Sequence[Stated]:
    """Return what the report states, one label each."""
    if isinstance(document.author, Person):
        return tuple(_by_a_person(document))
    return tuple(
        Stated(line.label, line.status, line.place, line)
        for line in document.findings
        if line.label not in NOT_A_FINDING
    )


def _by_a_person(document: ReportDocument) -> Iterator[Stated]:
    lines = {line.label: line for line in document.findings}
    for assessment in assessed(document):
        if assessment.said is not None:
            accepted = assessment.outcome is Outcome.ACCEPTED
            finding = lines[assessment.label] if accepted else None
            yield Stated(assessment.label, assessment.said, assessment.place, finding)


def observations(document: ReportDocument) -> Iterator[Element]:
    """Yield an Observation for each label that the report states."""
    for one in stated(document):
        yield resource(document, "Observation", _observation(document, one), what=one.label)


def references(document: ReportDocument) -> list[Element]:
    """Refer to each of them."""
    return [reference(document, "Observation", one.label) for one in stated(document)]


def codes_of(label: str) -> list[Element]:
    """Return the codings of a label; none where no terminology says the same."""
    known = LABELS.get(label)
    if known is None:
        return []
    systems = ((codes.SNOMED_CT, known.snomed_ct), (codes.RADLEX, known.radlex))
    return [coding(code, system) for system, code in systems if code is not None]


def name_of(document: ReportDocument, label: str) -> str:
    """Return what a person reads for a label; one of a model's own is called by its id."""
    return display_name(label, document.language) if label in LABELS else label


def _observation(document: ReportDocument, one: Stated) -> Element:
    taken = document.order.study_date
    zone = one.place.zone if one.place else None
    return {
        "meta": meta(document) if one.finding else None,
        "basedOn": based_on(document),
        "status": document.status,
        "category": [plain_concept(codes.OBSERVATION_CATEGORY, "imaging")],
        "code": {"coding": codes_of(one.label), "text": name_of(document, one.label)},
        "subject": reference(document, "Patient"),
        "effectiveDateTime": taken and taken.isoformat(),
        "issued": instant(document.reported_at),
        "performer": authors(document),
        "valueCodeableConcept": concept(codes.STATUS[one.status]),
        "bodySite": concept(codes.site_of(one.label, zone)),
        "device": classifier(document) if one.finding else None,
        "derivedFrom": [reference(document, "ImagingStudy")],
        "component": [*_components(one)],
    }


def _components(one: Stated) -> Iterator[Element]:
    if one.finding is not None:
        probability = {"value": round(one.finding.probability, 4), "system": codes.UCUM, "code": "1"}
        yield {"code": concept(codes.PROBABILITY, codes.DICOM), "valueQuantity": probability}
    if one.place is not None and one.place.side is not None:
        side = concept(codes.SIDES[one.place.side])
        if one.place.as_displayed:
            # The file does not say which side is which.
            side["text"] = f"{one.place.side}, as displayed"
        yield {"code": concept(codes.LATERALITY), "valueCodeableConcept": side}
