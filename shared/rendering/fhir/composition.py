"""Composition: the report as it is read, a section a LOINC code.

A section's text stands in it twice, as XHTML and in the extension `note`, which the profile wants of one that
has no entries. Of what the profile wants and nothing is known, a section says so (`emptyReason`).

Map: `composition` -> `_attesters`, `_replaced`, `_sections` (`_section`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from shared.domain.reports import Act, Section
from shared.labels import Code
from shared.rendering import notes
from shared.rendering.document import ReportDocument, image_in_words
from shared.rendering.fhir import codes
from shared.rendering.fhir.devices import software
from shared.rendering.fhir.elements import (
    Element,
    concept,
    instant,
    meta,
    plain_concept,
    reference,
    resource,
)
from shared.rendering.fhir.findings import name_of, references
from shared.rendering.fhir.imaging import based_on
from shared.rendering.fhir.narrative import addendum_heading, head, narrative, title, word
from shared.rendering.fhir.people import authors, person
from shared.rendering.fhir.report import CATEGORIES, REPORT_TYPE, report_identifier
from shared.rendering.identity import named_uuid
from shared.rendering.stated import stated

_NOTE: Final = "http://hl7.org/fhir/StructureDefinition/note"
_VERSION: Final = "http://hl7.org/fhir/5.0/StructureDefinition/extension-Composition.version"
_BASED_ON: Final = "http://hl7.org/fhir/StructureDefinition/event-basedOn"


def document_identifier(document: ReportDocument) -> Element:
    """Return the identifier of the document that a version of the report becomes."""
    own = named_uuid(document, "fhir", "document", str(document.version))
    return {"system": codes.URI, "value": f"urn:uuid:{own}"}


def composition(document: ReportDocument) -> Element:
    """Return the Composition, the first resource of the document."""
    return resource(
        document,
        "Composition",
        {
            "meta": meta(document),
            "language": document.language,
            "text": narrative(document, head(document)),
            "extension": [
                {"url": _VERSION, "valueString": str(document.version)},
                *({"url": _BASED_ON, "valueReference": order} for order in based_on(document)),
            ],
            "identifier": report_identifier(document),
            "status": document.status,
            "type": REPORT_TYPE,
            "category": CATEGORIES,
            "subject": reference(document, "Patient"),
            "date": instant(document.reported_at),
            "author": [software(document), *authors(document)],
            "title": title(document),
            "attester": [*_attesters(document)],
            "relatesTo": [*_replaced(document)],
            "section": [*_sections(document)],
        },
    )


def _attesters(document: ReportDocument) -> Iterator[Element]:
    """Yield who answers for the report; who withdrew it attests nothing."""
    for attestation in document.attestations:
        if attestation.act is not Act.ENTERED_IN_ERROR:
            yield {
                "mode": "legal",
                "time": instant(attestation.at),
                "party": person(document, attestation.name),
            }


def _replaced(document: ReportDocument) -> Iterator[Element]:
    """Yield the document of the version that this one was made from."""
    if document.made_from is not None:
        earlier = replace(document, version=document.made_from)
        yield {"code": "replaces", "targetIdentifier": document_identifier(earlier)}


def _sections(document: ReportDocument) -> Iterator[Element]:
    words = document.words
    accession = document.order.accession_number
    images = [image_in_words(image, words) for image in document.images]
    studies = [reference(document, "ImagingStudy")]
    yield _section(document, words.study, codes.STUDIES, images, studies)
    yield _section(
        document, word(document, "order"), codes.ORDER, [accession] if accession else [], based_on(document)
    )
    given = [document.indication] if document.indication else []
    yield _section(document, f"{words.indication} ({words.as_given})", codes.HISTORY, given)
    # The profile wants this one, whatever it says.
    yield _section(
        document, words.technique, codes.SECTIONS[Section.TECHNIQUE], _texts(document, Section.TECHNIQUE)
    )
    for name, section in document.titled_sections:
        if section is not Section.TECHNIQUE:
            is_findings = section is Section.FINDINGS
            texts = [*_texts(document, section), *(_states(document) if is_findings else ())]
            entries = references(document) if is_findings else []
            yield _section(document, name, codes.SECTIONS[section], texts, entries)
    addenda = ["\n".join(addendum) for addendum in notes.addenda(document)]
    if addenda:
        yield _section(document, addendum_heading(document), codes.ADDENDUM, addenda)


def _texts(document: ReportDocument, section: Section) -> list[str]:
    text = document.marked_text(section)
    return [text] if text else []


def _states(document: ReportDocument) -> Iterator[str]:
    """Yield what the section's entries say, in words."""
    status = document.words.finding_status
    for one in stated(document):
        yield f"{name_of(document, one.label)}: {status[one.status]}"


def _section(
    document: ReportDocument, name: str, code: Code, texts: Sequence[str], entries: Sequence[Element] = ()
) -> Element:
    return {
        "extension": [{"url": _NOTE, "valueAnnotation": {"text": text}} for text in texts],
        "title": name,
        "code": concept(code, codes.LOINC),
        "text": narrative(document, texts or [word(document, "unavailable")]),
        "entry": list(entries),
        "emptyReason": None if texts or entries else plain_concept(codes.EMPTY_REASON, "unavailable"),
    }
