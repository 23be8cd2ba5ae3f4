"""The document: every resource in its place, and nothing empty."""

import json
from dataclasses import replace
from typing import Final

from shared.domain.reports import ReportSections, ReportStatus
from shared.rendering.document import ReportDocument
from shared.rendering.fhir.composition import composition, document_identifier
from shared.rendering.fhir.devices import devices
from shared.rendering.fhir.elements import instant, meta, without_nothing
from shared.rendering.fhir.findings import observations
from shared.rendering.fhir.imaging import imaging_study, service_request
from shared.rendering.fhir.people import patient, practitioners
from shared.rendering.fhir.provenance import provenance
from shared.rendering.fhir.report import diagnostic_report
from shared.rendering.filing import refuse_superseded

MEDIA_TYPE: Final = "application/fhir+json"
_NOTHING_SAID: Final = ReportSections("", "", "")


def render(document: ReportDocument) -> bytes:
    """Write the report as a Bundle of type document, in UTF-8.

    Of a withdrawn report it holds that it is withdrawn, and nothing of what it said.

    Raises:
        NotPossibleError: another version is the report by now.
    """
    refuse_superseded(document)
    if document.status is ReportStatus.ENTERED_IN_ERROR:
        document = replace(document, sections=_NOTHING_SAID, sentences=(), findings=(), addenda=())
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
