"""The document: every resource in its place, and nothing empty."""

import json
from typing import Final

from shared.rendering.document import ReportDocument
from shared.rendering.fhir.composition import composition, document_identifier
from shared.rendering.fhir.devices import devices
from shared.rendering.fhir.elements import instant, meta, without_nothing
from shared.rendering.fhir.findings import observations
from shared.rendering.fhir.imaging import imaging_study, service_request
from shared.rendering.fhir.people import patient, practitioners
from shared.rendering.fhir.provenance import provenance
from shared.rendering.fhir.report import diagnostic_report

MEDIA_TYPE: Final = "application/fhir+json"


def render(document: ReportDocument) -> bytes:
    """Write the report as a Bundle of type document, in UTF-8."""
    entries = [
        composition(document),
        diagnostic_report(document),
        patient(document),
        imaging_study(document),
        *service_request(document),
        *observations(document),
        *devices(document),
        *practitioners(document),
        *provenance(document),
    ]
    bundle = {
        "resourceType": "Bundle",
        "meta": meta(document),
        "language": document.language,
        "identifier": document_identifier(document),
        "type": "document",
        "timestamp": instant(document.reported_at),
        "entry": entries,
    }
    return json.dumps(without_nothing(bundle), ensure_ascii=False).encode()
