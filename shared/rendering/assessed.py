"""What the text of a report says of the classifier's findings, its addenda included.

Map: `assessed` -> `upheld`.
"""

from shared.domain.reports import AiMark
from shared.rendering.document import FindingLine, ReportDocument
from shared.reporting.assessment import Assessment, Outcome, amended_by, assessments, reading_of


def assessed(document: ReportDocument) -> tuple[Assessment, ...]:
    """Assess each finding by the report's text."""
    reading = reading_of(document.sentences, document.findings, document.language)
    addenda = [addendum.text for addendum in document.addenda]
    return assessments(document.findings, amended_by(reading, addenda, document.language))


def upheld(document: ReportDocument) -> list[FindingLine]:
    """Return the classifier's findings that may be shown beside the text, what is present first.

    That is all of them until somebody signs; then those are left out that the person rejected.
    """
    if document.ai_mark is not AiMark.REVIEWED:
        return document.sorted_findings
    rejected = {one.label for one in assessed(document) if one.outcome is Outcome.REJECTED}
    return [line for line in document.sorted_findings if line.label not in rejected]
