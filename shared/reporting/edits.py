"""What a person makes of a report: graded as any other, refused for nothing, and it keeps its warnings.

Map: `edited` -> `_without_lines` (the warnings, which come back as they are now) -> `_held`.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

from shared.domain.reports import EditedReport, Grade, Person, ReportSections, Section
from shared.errors import BadInputError
from shared.reporting.departures import in_words
from shared.reporting.fixed import denial, denied, nothing_detected, technique_line
from shared.reporting.labeller import split_sentences
from shared.reporting.request import ReportRequest
from shared.reporting.verifier import HeldReport, HeldSentence, Objection, grade
from shared.reporting.warnings import line_of, with_warnings


def edited(
    typed: ReportSections,
    author: Person,
    request: ReportRequest,
    *,
    warnings: Sequence[str],
    earlier: Sequence[str],
) -> EditedReport:
    """Grade what a person typed, and put what its reader must know before its impression.

    Args:
        typed: what became of the earlier version's sections. Whether the warnings before its impression
            stayed in it makes no difference.
        request: what the report was written from.
        warnings: of the study, as they are now.
        earlier: those of the earlier version, what departed in it included.

    Raises:
        BadInputError: nothing of the impression is the person's.
    """
    language = request.language
    known = {line_of(warning, language) for warning in (*earlier, *warnings)}
    sections = replace(typed, impression=_without_lines(typed.impression, known))
    if not sections.impression:
        message = "the impression holds nothing but warnings: type what the images show"
        raise BadInputError(message)
    held = _held(sections, request)
    report = EditedReport(language, sections, author, tuple(in_words(held, language)), held.graded())
    return with_warnings(report, warnings)


def _without_lines(impression: str, known: Collection[str]) -> str:
    lines = impression.strip().splitlines()
    while lines and lines[0].strip() in known:
        del lines[0]
    return "\n".join(lines).strip()


def _held(sections: ReportSections, request: ReportRequest) -> HeldReport:
    """Hold a person's text against the findings: the sentences that rules write may stand anywhere in it."""
    held = grade(sections, request)
    fixed = nothing_detected(request)
    by_rule = {denial(request)} if request.detected() else {denial(request), fixed.findings, fixed.impression}
    others = [
        HeldSentence(sentence.section, sentence.text, denied(request))
        if sentence.text in by_rule
        else sentence
        for sentence in held.sentences
        if sentence.section is not Section.TECHNIQUE
    ]
    return replace(held, sentences=(*_technique(sections.technique, request), *others))


def _technique(text: str, request: ReportRequest) -> Iterator[HeldSentence]:
    for sentence in split_sentences(text):
        changed = Objection(Grade.UNREAD, "is not the line that rules write")
        objections = () if sentence == technique_line(request) else (changed,)
        yield HeldSentence(Section.TECHNIQUE, sentence, objections=objections)
