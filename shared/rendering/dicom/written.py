"""The text of a report in the pieces that a structured report has: each with its heading, and what it is."""

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

from shared.domain.reports import Section
from shared.rendering import notes
from shared.rendering.dicom.texts import paragraphs
from shared.rendering.document import ReportDocument, quoted


class Part(NamedTuple):
    """A piece of a report.

    Attributes:
        heading: of CID 7001.
        name: of the text itself, of CID 7002.
    """

    heading: Code
    name: Code
    text: str


def written_parts(document: ReportDocument) -> Iterator[Part]:
    """Yield a report's pieces in the order in which they are read; none is empty."""
    yield Part(codes.LN.Summary, codes.DCM.Comment, _first(document))
    if document.indication:
        yield Part(codes.LN.History, codes.DCM.Comment, paragraphs(quoted(document.indication)))
    for _, section in document.titled_sections:
        text = paragraphs(document.marked_text(section))
        if text:
            yield Part(*_HEADINGS[section], text)
    yield Part(codes.DCM.CADProcessingAndFindingsSummary, codes.DCM.Comment, _table(document))
    for lines in notes.addenda(document):
        yield Part(codes.LN.Addendum, codes.DCM.Comment, paragraphs("\n".join(lines)))


def _first(document: ReportDocument) -> str:
    """Return what a reader must know before anything else."""
    lines = (
        document.words.report_status[document.status].upper(),
        *notes.status_lines(document)[:1],
        *notes.attestation_lines(document),
        *notes.warning_lines(document),
        document.words.not_a_medical_device,
        *notes.making_lines(document),
        document.ai_mark.value,
    )
    return paragraphs("\n".join(lines))


def _table(document: ReportDocument) -> str:
    """Return the classifier's findings, a line each."""
    words = document.words
    lines = (
        f"{line.name}: {words.finding_status[line.status]}, "
        f"{words.probability.lower()} {line.probability:.2f}, {words.threshold.lower()} {line.threshold:.2f}"
        for line in document.sorted_findings
    )
    return paragraphs("\n".join((*lines, words.scale)))


_HEADINGS: Final[Mapping[Section, tuple[Code, Code]]] = {
    Section.TECHNIQUE: (codes.LN.CurrentProcedureDescriptions, codes.DCM.ProcedureDescription),
    Section.COMPARISON: (codes.LN.PreviousFindings, codes.DCM.PreviousFinding),
    Section.FINDINGS: (codes.LN.Findings, codes.DCM.Finding),
    Section.IMPRESSION: (codes.LN.Impressions, codes.DCM.Impression),
}
