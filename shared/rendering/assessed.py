"""What the text of a report says of the classifier's findings, its addenda included."""

from shared.rendering.document import ReportDocument
from shared.reporting.assessment import Assessment, amended_by, assessments, reading_of


def assessed(document: ReportDocument) -> tuple[Assessment, ...]:
    """Assess each finding by the report's text."""
    reading = reading_of(document.sentences, document.findings, document.language)
    addenda = [addendum.text for addendum in document.addenda]
    return assessments(document.findings, amended_by(reading, addenda, document.language))
