"""Observation: one for each finding that the report states.

Map: `observations` (`_observation`, `_components`), `references`.
"""

from collections.abc import Iterator

from shared import labels
from shared.rendering import terms
from shared.rendering.document import ReportDocument
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
from shared.rendering.stated import Stated, stated


def observations(document: ReportDocument) -> Iterator[Element]:
    """Yield an Observation for each label that the report states."""
    for one in stated(document):
        yield resource(document, "Observation", _observation(document, one), what=one.label)


def references(document: ReportDocument) -> list[Element]:
    """Refer to each of them."""
    return [reference(document, "Observation", one.label) for one in stated(document)]


def codes_of(label: str) -> list[Element]:
    """Return the codings of a label; none where no terminology says the same."""
    known = labels.LABELS.get(label)
    if known is None:
        return []
    systems = ((codes.SNOMED_CT, known.snomed_ct), (codes.RADLEX, known.radlex))
    return [coding(code, system) for system, code in systems if code is not None]


def name_of(document: ReportDocument, label: str) -> str:
    """Return what a person reads for a label; one of a model's own is called by its id."""
    return labels.name_of(label, document.language)


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
        "valueCodeableConcept": concept(terms.STATUS[one.status]),
        "bodySite": concept(terms.site_of(one.label, zone)),
        "device": classifier(document) if one.finding else None,
        "derivedFrom": [reference(document, "ImagingStudy")],
        "component": [*_components(one)],
    }


def _components(one: Stated) -> Iterator[Element]:
    if one.finding is not None:
        probability = {"value": round(one.finding.probability, 4), "system": codes.UCUM, "code": "1"}
        yield {"code": concept(terms.PROBABILITY, codes.DICOM), "valueQuantity": probability}
    if one.place is not None and one.place.side is not None:
        side = concept(terms.SIDES[one.place.side])
        if one.place.as_displayed:
            # The file does not say which side is which.
            side["text"] = f"{one.place.side}, as displayed"
        yield {"code": concept(codes.LATERALITY), "valueCodeableConcept": side}
