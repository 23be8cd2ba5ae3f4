"""DiagnosticReport: the report as it is filed, under one identifier in all its versions."""

import base64
from typing import Final

from shared.domain.findings import FindingStatus
from shared.rendering import text
from shared.rendering.document import ReportDocument
from shared.rendering.fhir import codes
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
from shared.rendering.fhir.findings import codes_of, name_of, references
from shared.rendering.fhir.imaging import based_on
from shared.rendering.fhir.narrative import conclusion, narrative, title, whole
from shared.rendering.fhir.people import signers
from shared.rendering.identity import report_uuid
from shared.rendering.stated import stated

REPORT_TYPE: Final = {"coding": [coding(code, codes.LOINC) for code in codes.REPORT_TYPES]}
CATEGORIES: Final = [
    plain_concept(codes.SERVICE_SECTION, "RAD"),
    concept(codes.REPORT_CATEGORY, codes.LOINC),
    plain_concept(codes.PRIORITY_CATEGORY, "Medical-Imaging"),
]
"""Of the DiagnosticReport and of the Composition; the last two are what the profile wants."""
_COMPOSITION: Final = "http://hl7.org/fhir/5.0/StructureDefinition/extension-DiagnosticReport.composition"


def report_identifier(document: ReportDocument) -> Element:
    """Return the identifier that the versions of a report share."""
    return {"system": codes.URI, "value": f"urn:uuid:{report_uuid(document)}"}


def diagnostic_report(document: ReportDocument) -> Element:
    """Return the DiagnosticReport."""
    taken = document.order.study_date
    presented = {
        "contentType": f"{text.MEDIA_TYPE};charset=utf-8",
        "language": document.language,
        "data": base64.b64encode(text.render(document)).decode(),
        "title": title(document),
    }
    return resource(
        document,
        "DiagnosticReport",
        {
            "meta": meta(document),
            "language": document.language,
            "text": narrative(document, whole(document)),
            "extension": [{"url": _COMPOSITION, "valueReference": reference(document, "Composition")}],
            "identifier": [report_identifier(document)],
            "basedOn": based_on(document),
            "status": document.status,
            "category": CATEGORIES,
            "code": REPORT_TYPE,
            "subject": reference(document, "Patient"),
            "effectiveDateTime": taken and taken.isoformat(),
            "issued": instant(document.reported_at),
            "resultsInterpreter": signers(document),
            "result": references(document),
            "imagingStudy": [reference(document, "ImagingStudy")],
            "conclusion": conclusion(document),
            "conclusionCode": [
                {"coding": codes_of(one.label), "text": name_of(document, one.label)}
                for one in stated(document)
                if one.status is FindingStatus.PRESENT
            ],
            "presentedForm": [presented],
        },
    )
