"""What the text of a report says of the classifier's findings, as clients see it."""

from collections.abc import Sequence

from pydantic import Field

from api.bodies.base import Body
from shared.domain.findings import FindingStatus
from shared.domain.versions import History
from shared.labels import name_of
from shared.records.findings import FindingRecord, best_rows
from shared.records.reports import ReportRecord
from shared.reporting.assessment import Outcome, amended_by, assessments, reading_of


class AssessmentBody(Body):
    """One label, as the classifier found it and as the text says it."""

    label: str
    name: str = Field(description="In the report's language.")
    found: FindingStatus | None = Field(description="Null where the classifier does not know the label.")
    said: FindingStatus | None = Field(
        description="Null where the text does not state it, or not in words that can be read."
    )
    outcome: Outcome = Field(
        description="accepted: the text says the same, as surely as the classifier lets it be said; rejected:"
        " it says less, or less surely; supplemented: it says more, or says it of another place;"
        " undetermined: it cannot be read well enough to tell. Until somebody signs it is a comparison,"
        " nobody's decision."
    )


def assessment_bodies(
    report: ReportRecord, rows: Sequence[FindingRecord], history: History
) -> list[AssessmentBody]:
    """Assess each finding by the report's text, its addenda included."""
    findings = [row.finding for row in best_rows(rows)]
    reading = reading_of(report.sentences, findings, report.language)
    addenda = [addendum.text for addendum in history.addenda]
    return [
        AssessmentBody(
            label=one.label,
            name=name_of(one.label, report.language),
            found=one.found,
            said=one.said,
            outcome=one.outcome,
        )
        for one in assessments(findings, amended_by(reading, addenda, report.language))
    ]
