"""Who answers for a report."""

from shared.domain.reports import SIGNED, Attestation
from shared.rendering.document import ReportDocument


def signature_of(document: ReportDocument) -> Attestation | None:
    """Return who answers for a signed report: the last one who signed or amended it; None of any other."""
    return document.signed_by if document.status in SIGNED else None
