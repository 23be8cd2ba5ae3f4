"""What a person makes of a report: graded as any other, refused for nothing, and it keeps its warnings.

Map: `edited` -> `_without_lines` (the warnings, which come back as they are now) -> `held_sections`
(`_unchanged`) -> `_with_regions`.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace

from shared.domain.reports import EditedReport, Grade, GradedSentence, ReportSections, Section
from shared.errors import BadInputError
from shared.reporting.composition import by_rule, technique_lines
from shared.reporting.departures import in_words
from shared.reporting.labeller import split_sentences
from shared.reporting.request import Prose, ReportRequest
from shared.reporting.verifier import HeldProse, HeldSentence, Objection, grade
from shared.reporting.warnings import line_of, with_warnings


def edited(
    typed: ReportSections,
    request: ReportRequest,
    *,
    warnings: Sequence[str],
    earlier: Sequence[str],
    before: Sequence[GradedSentence] = (),
    signed: bool = False,
) -> EditedReport:
    """Grade what a person typed, and put what its reader must know before its impression.

    Args:
        typed: what became of the earlier version's sections. Whether the warnings before its impression
            stayed in it makes no difference.
        request: what the report was written from.
        warnings: of the study, as they are now.
        earlier: those of the earlier version, what departed in it included.
        before: the earlier version's sentences; one that still says the same keeps its writer's regions.
        signed: whether the person answers for it now: then it is no warning that they say otherwise than a
            classifier.

    Raises:
        BadInputError: nothing of the impression is the person's.
    """
    language = request.language
    known = {line_of(warning, language) for warning in (*earlier, *warnings)}
    sections = replace(typed, impression=_without_lines(typed.impression, known))
    if not sections.impression:
        message = "the impression holds nothing but warnings: type what the images show"
        raise BadInputError(message)
    held = held_sections(sections, request)
    sentences = _with_regions([sentence.graded() for sentence in held.sentences], before)
    departures = () if signed else tuple(in_words(held, language))
    report = EditedReport(language, sections, departures, sentences)
    return with_warnings(report, warnings)


def _without_lines(impression: str, known: Collection[str]) -> str:
    lines = impression.strip().splitlines()
    while lines and lines[0].strip() in known:
        del lines[0]
    return "\n".join(lines).strip()


def _with_regions(
    sentences: Sequence[GradedSentence], before: Sequence[GradedSentence]
) -> tuple[GradedSentence, ...]:
    """Return the sentences with the regions of those before that read the same, word for word."""
    known = {(one.section, one.text): one.regions for one in before if one.regions}
    return tuple(replace(one, regions=known.get((one.section, one.text), ())) for one in sentences)


def held_sections(sections: ReportSections, request: ReportRequest) -> HeldProse:
    """Hold a person's text against the findings: the sentences that rules write may stand anywhere in it."""
    held = grade(Prose(sections.findings, sections.impression), request)
    rules = by_rule(request)
    own = (
        replace(sentence, labels=rules[sentence.text], objections=()) if sentence.text in rules else sentence
        for sentence in held.sentences
    )
    technique = _unchanged(Section.TECHNIQUE, sections.technique, dict.fromkeys(technique_lines(request), ()))
    compared = {statement.text: statement.labels for statement in request.compared()}
    comparison = _unchanged(Section.COMPARISON, sections.comparison, compared)
    return replace(held, sentences=(*technique, *comparison, *own))


def _unchanged(section: Section, text: str, lines: Mapping[str, tuple[str, ...]]) -> Iterator[HeldSentence]:
    """Grade a section that rules alone write: what is not one of their lines, nobody can check.

    Args:
        lines: theirs, with the labels of each.
    """
    for sentence in split_sentences(text):
        changed = Objection(Grade.UNREAD, "is not a line that rules write")
        objections = () if sentence in lines else (changed,)
        yield HeldSentence(section, sentence, lines.get(sentence, ()), objections)
