"""Who answers for a report."""

from typing import Final

from shared.domain.reports import Act, Attestation, ReportStatus
from shared.rendering.document import ReportDocument

_SIGNED: Final = frozenset({ReportStatus.FINAL, ReportStatus.AMENDED})


def signature_of(document: ReportDocument) -> Attestation | None:
    """Return who answers for a signed report: the last one who signed or amended it; None of any other."""
    if document.status not in _SIGNED:
        return None
    signed = [word for word in document.attestations if word.act in {Act.SIGNED, Act.AMENDED}]
    return signed[-1] if signed else None
