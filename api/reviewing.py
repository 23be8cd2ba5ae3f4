"""What a person works on: the version that they saw, what they may do to it, what it is held against."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from api.problem_kinds import Code
from api.problems import ProblemError
from api.tags import names_version
from shared.domain.reports import (
    Act,
    EditedReport,
    Grade,
    GradedSentence,
    Line,
    ReportSections,
    Section,
    acts_on,
)
from shared.errors import ConflictError
from shared.records import analyses, findings, reading, reports
from shared.records.database import Session
from shared.records.findings import FindingRecord
from shared.records.reading import StudyRecord
from shared.records.reports import ReportRecord
from shared.reporting import lines, warnings
from shared.reporting.comparison import Comparison, Statement
from shared.reporting.edits import edited
from shared.reporting.request import ReportRequest, request_of


def report_of(session: Session, study: StudyRecord) -> ReportRecord:
    """Return the study's report as it stands.

    Raises:
        ProblemError: 409, it has none.
    """
    report = reports.in_force(session, study.id)
    if report is None:
        raise ProblemError(Code.NO_REPORT, f"the study is {study.status} and has no report to change")
    return report


def check_named(if_match: str | None) -> str:
    """Return If-Match.

    Raises:
        ProblemError: 428, it names no version.
    """
    if if_match is None or if_match.strip() == "*":
        message = "If-Match does not name a version: only who read the newest one may change it"
        raise ProblemError(Code.VERSION_REQUIRED, message)
    return if_match


def check_seen(if_match: str, report: ReportRecord) -> None:
    """Refuse whoever saw another version than the one that is the report.

    Raises:
        ConflictError: they did.
    """
    if not names_version(if_match, report.version):
        message = f"If-Match names another version than {report.version}, which is the newest"
        raise ConflictError(message, newest_version=report.version)


def check_allowed(report: ReportRecord, *acts: Act) -> None:
    """Refuse what nobody may do to a report of this status.

    Raises:
        ProblemError: 409, none of the acts is allowed.
    """
    allowed = acts_on(report.status)
    if set(acts).isdisjoint(allowed):
        message = f"the report is {report.status}"
        raise ProblemError(
            Code.REPORT_STATUS, message, report_status=report.status, acts=[act.value for act in allowed]
        )


@dataclass(frozen=True, slots=True)
class Basis:
    """What a person's text is held against: all that the version was made of which they saw.

    Attributes:
        rows: the findings.
        warnings: of the study's images, as they are now.
    """

    report: ReportRecord
    request: ReportRequest
    rows: Sequence[FindingRecord]
    warnings: Sequence[str]

    @property
    def warning_lines(self) -> frozenset[str]:
        """The lines of the version's impression that warn, whatever its author wrote."""
        return frozenset(warnings.line_of(one, self.report.language) for one in self.report.warnings)

    def edited(self, sections: ReportSections, *, signed: bool = False) -> EditedReport:
        """Grade sections that a person made of the version, and maybe signs; raises as `edits.edited`."""
        return edited(
            sections,
            self.request,
            warnings=self.warnings,
            earlier=self.report.warnings,
            before=self.report.sentences,
            signed=signed,
        )

    def settled(self, sent: Sequence[Line]) -> tuple[Line, ...]:
        """Hold lines against the version; raises as `lines.settled`."""
        return lines.settled(sent, self.report.sentences, warnings=self.warning_lines)

    def as_it_stands(self) -> tuple[Line, ...]:
        """Return the version's lines, each accepted."""
        return lines.as_they_stand(self.report.sentences, warnings=self.warning_lines)

    def signed(self, settled: Sequence[Line]) -> EditedReport | None:
        """Grade what lines make of the version when it is signed; None where it stays as it stands.

        A warning that it departs from the findings goes: whoever signs has seen it, and answers for the text.

        Raises:
            BadInputError: they leave too little of it.
        """
        departs = not set(self.report.warnings) <= set(self.warnings)
        if lines.is_unchanged(settled) and not departs:
            return None
        sections = lines.sections_of(settled, self.report.sections, self.report.sentences)
        return self.edited(sections, signed=True)

    def graded(self, settled: Sequence[Line]) -> list[GradedSentence]:
        """Grade lines one by one."""
        return [lines.graded(line, self.request, self.report.sentences) for line in settled]


def basis_of(session: Session, report: ReportRecord) -> Basis:
    """Read what a version is held against: the findings that it was written from, and the images."""
    images = reading.images(session, report.study_id)
    analysis = analyses.find(session, report.analysis_id)
    rows = findings.records_of(session, report.analysis_id)
    request = request_of(
        images,
        [[row.finding for row in rows]],
        language=report.language,
        seed="",
        critical=analysis.critical if analysis else (),
    )
    statements = tuple(
        Statement(sentence.text, sentence.labels)
        for sentence in report.sentences
        if sentence.section is Section.COMPARISON and sentence.grade is Grade.SUPPORTED
    )
    return Basis(
        report,
        replace(request, comparison=Comparison(statements)),
        rows,
        warnings.of_study(images, report.language),
    )
