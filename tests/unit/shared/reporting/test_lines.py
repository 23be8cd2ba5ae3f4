"""A report line by line: what a person decided, and the sections that come of it."""

from dataclasses import replace
from typing import Any

import pytest

from shared.domain.findings import Box, FindingStatus
from shared.domain.reports import (
    Decision,
    Grade,
    GradedSentence,
    Language,
    Line,
    Region,
    ReportSections,
    Section,
)
from shared.errors import BadInputError
from shared.reporting import lines
from shared.reporting.composition import composed, nothing_detected
from shared.reporting.edits import edited
from shared.reporting.request import Prose
from shared.reporting.verifier import grade
from shared.reporting.wording import in_short
from tests.support.llm_reports import request_for
from tests.unit.shared.reporting.test_edits import FOUND

WARNING = "Warning: The picture is turned."
SECTIONS = ReportSections(
    technique="Frontal view.",
    comparison="None available.",
    findings="Pleura: Effusion on the right. No pneumothorax.\nLungs: No nodule. No mass.",
    impression=f"{WARNING}\nCritical: Effusion.\nCT is recommended.",
)
SENTENCES = tuple(
    GradedSentence(section, text, Grade.SUPPORTED)
    for section, text in (
        (Section.TECHNIQUE, "Frontal view."),
        (Section.COMPARISON, "None available."),
        (Section.FINDINGS, "Effusion on the right."),
        (Section.FINDINGS, "No pneumothorax."),
        (Section.FINDINGS, "No nodule."),
        (Section.FINDINGS, "No mass."),
        (Section.IMPRESSION, WARNING),
        (Section.IMPRESSION, "Effusion."),
        (Section.IMPRESSION, "CT is recommended."),
    )
)
ALL = tuple(Line(sentence.section, sentence.text, index) for index, sentence in enumerate(SENTENCES))
ADDED = Line(Section.FINDINGS, "The trachea is midline.", decision=Decision.ADDED)


def settled(*own: Line) -> tuple[Line, ...]:
    return lines.settled(own, SENTENCES, warnings=[WARNING])


def but(index: int, **changes: Any) -> list[Line]:
    """Return all lines, one of them changed."""
    own = list(ALL)
    own[index] = replace(own[index], **changes)
    return own


def made_of(*own: Line) -> ReportSections:
    return lines.sections_of(settled(*own), SECTIONS, SENTENCES)


def test_all_that_stays_stands_as_it_stood_but_for_the_warnings():
    made = made_of(*ALL)
    assert made == replace(SECTIONS, impression="Critical: Effusion.\nCT is recommended.")
    assert lines.is_unchanged(settled(*ALL))
    assert not lines.is_unchanged(settled(*ALL[:2], ALL[3], ALL[2], *ALL[4:]))


@pytest.mark.parametrize(
    ("own", "findings"),
    [
        (but(2, decision=Decision.STRUCK), "Pleura: No pneumothorax.\nLungs: No nodule. No mass."),
        (but(3, text="No air."), "Pleura: Effusion on the right. No air.\nLungs: No nodule. No mass."),
        (
            [*ALL[:3], ADDED, *ALL[3:]],
            f"Pleura: Effusion on the right. {ADDED.text} No pneumothorax.\nLungs:",
        ),
        ([*ALL, ADDED], f"Lungs: No nodule. No mass. {ADDED.text}"),
        ([ADDED, *ALL], f"Pleura: {ADDED.text} Effusion on the right. No pneumothorax.\nLungs: No nodule."),
        (
            [*ALL[:2], *(replace(line, decision=Decision.STRUCK) for line in ALL[2:4]), *ALL[4:]],
            "Lungs: No nodule. No mass.",
        ),
        (
            [*ALL[:2], ADDED, *(replace(line, decision=Decision.STRUCK) for line in ALL[2:6]), *ALL[6:]],
            ADDED.text,
        ),
    ],
    ids=["struck", "changed", "within", "last", "first", "a paragraph struck", "all struck"],
)
def test_what_changes_stays_in_its_paragraph(own: list[Line], findings: str):
    assert findings in made_of(*own).findings
    assert not lines.is_unchanged(settled(*own))


def test_a_section_in_which_nothing_stood_is_what_was_added():
    bare = replace(SECTIONS, comparison="")
    sentences = tuple(one for one in SENTENCES if one.section is not Section.COMPARISON)
    own = [Line(one.section, one.text, index) for index, one in enumerate(sentences)]
    added = Line(Section.COMPARISON, "No change.")
    made = lines.sections_of(lines.settled([*own, added], sentences, warnings=[WARNING]), bare, sentences)
    assert made.comparison == "No change."


def test_the_marks_of_a_list_go_with_what_they_counted():
    text = "1. Effusion.\n2. Nodule.\n- Mass."
    sentences = [
        GradedSentence(Section.IMPRESSION, one, Grade.UNREAD) for one in ("Effusion.", "Nodule.", "Mass.")
    ]
    sentences.append(GradedSentence(Section.FINDINGS, "Effusion.", Grade.UNREAD))
    own = [Line(one.section, one.text, index) for index, one in enumerate(sentences)]
    own[0] = replace(own[0], decision=Decision.STRUCK)
    made = lines.sections_of(own, ReportSections("", "Effusion.", text), sentences)
    assert made.impression == "Nodule.\nMass."


def test_a_sentence_that_stands_otherwise_in_the_text_is_in_the_paragraph_before_it():
    sentences = [
        GradedSentence(Section.FINDINGS, one, Grade.UNREAD) for one in ("One.", "Not there.", "Two.")
    ]
    sentences.append(GradedSentence(Section.IMPRESSION, "One.", Grade.UNREAD))
    own = [Line(one.section, one.text, index) for index, one in enumerate(sentences)]
    made = lines.sections_of(own, ReportSections("", "One.\nTwo.", "One."), sentences)
    assert made.findings == "One. Not there.\nTwo."


@pytest.mark.parametrize("decision", list(Decision))
def test_a_decision_says_what_the_texts_say(decision: Decision):
    def of(index: int, own: list[Line]) -> tuple[str, Decision]:
        (line,) = (line for line in settled(*own) if line.of == index)
        return line.text, line.decision

    same, other = of(2, but(2, decision=decision)), of(2, but(2, decision=decision, text="Other."))
    if decision is Decision.STRUCK:
        assert same == other == (SENTENCES[2].text, Decision.STRUCK)
        return
    assert same[1] is (Decision.OPEN if decision is Decision.OPEN else Decision.ACCEPTED)
    assert other == ("Other.", Decision.CHANGED)


def test_what_was_added_and_struck_is_left_out():
    assert settled(*ALL, replace(ADDED, decision=Decision.STRUCK)) == settled(*ALL)
    assert settled(*ALL, replace(ADDED, decision=Decision.OPEN))[-1] == ADDED


def test_lines_of_warnings_may_be_sent_or_not():
    assert settled(*ALL[:6], *ALL[7:]) == settled(*ALL)
    assert WARNING not in [line.text for line in settled(*ALL)]


@pytest.mark.parametrize(
    ("own", "why"),
    [
        (
            [*ALL, Line(Section.FINDINGS, "More.", 9)],
            "line 10 is of sentence 9, and the version has none there",
        ),
        (but(2, section=Section.IMPRESSION), "none there in impression"),
        ([*ALL, ALL[0]], "so is an earlier line"),
        (ALL[:-1], "sentence 8 has no line"),
    ],
    ids=["of none", "of another section", "twice", "left out"],
)
def test_lines_that_are_not_the_version_s_are_refused(own: list[Line], why: str):
    with pytest.raises(BadInputError, match=why):
        settled(*own)


@pytest.mark.parametrize("section", [Section.FINDINGS, Section.IMPRESSION])
def test_a_report_without_findings_or_impression_is_refused(section: Section):
    own = [replace(line, decision=Decision.STRUCK) if line.section is section else line for line in ALL]
    with pytest.raises(BadInputError, match=f"nothing of the {section} is left"):
        made_of(*own)


def test_an_empty_line_is_refused():
    with pytest.raises(BadInputError, match="empty"):
        made_of(*but(2, text=" "))


def test_what_is_signed_is_accepted():
    own = lines.accepted(settled(*but(2, text="Other.")))
    assert {line.decision for line in own} == {Decision.ACCEPTED, Decision.CHANGED}
    assert lines.as_they_stand(SENTENCES, warnings=[WARNING]) == lines.accepted(settled(*ALL))


@pytest.mark.parametrize(
    ("section", "text", "grade", "labels"),
    [
        (Section.FINDINGS, "There is a pleural effusion.", Grade.SUPPORTED, ("Effusion",)),
        (Section.FINDINGS, "There is a pneumothorax. No pleural effusion.", Grade.CONTRADICTS, None),
        (Section.IMPRESSION, "The trachea is midline.", Grade.UNREAD, ()),
        (Section.TECHNIQUE, "Supine film.", Grade.UNREAD, ()),
        (Section.FINDINGS, "Pleura:", Grade.UNREAD, ()),
        (Section.FINDINGS, "", Grade.UNREAD, ()),
    ],
)
def test_a_line_has_the_loudest_grade_of_its_sentences(
    section: Section, text: str, grade: Grade, labels: tuple[str, ...] | None
):
    sentence = lines.graded(Line(section, text), FOUND, SENTENCES)
    assert (sentence.section, sentence.text, sentence.grade) == (section, text, grade)
    assert labels is None or sentence.labels == labels


def test_a_line_keeps_its_writers_regions_while_it_reads_the_same():
    region = Region(0, Box(0.1, 0.2, 0.3, 0.4))
    sentences = (GradedSentence(Section.FINDINGS, "A large effusion.", Grade.UNREAD, (), (region,)),)
    same = Line(Section.FINDINGS, "A large effusion.", 0)
    assert lines.graded(same, FOUND, sentences).regions == (region,)
    assert lines.graded(replace(same, text="effusion."), FOUND, sentences).regions == ()


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize("labels", [["Effusion"], ["Effusion", "Mass"], []], ids=["one", "two", "none"])
def test_what_is_left_of_a_writer_s_report_is_graded_as_it_was(labels: list[str], language: Language):
    statuses = dict.fromkeys(("Effusion", "Mass", "Nodule", "Pneumothorax"), FindingStatus.ABSENT)
    request = request_for(statuses | dict.fromkeys(labels, FindingStatus.PRESENT), language)
    stated = " ".join(in_short(label, request) for label in labels)
    prose = Prose(stated, stated)
    written = composed(prose, grade(prose, request), request) if labels else nothing_detected(request)
    own = [Line(one.section, one.text, index) for index, one in enumerate(written.sentences)]
    for number, line in enumerate(own):
        rest = [*own[:number], replace(line, decision=Decision.STRUCK), *own[number + 1 :]]
        if sum(one.section is line.section for one in own) == 1 and line.section is not Section.TECHNIQUE:
            continue  # nothing would be left of the section
        settled_lines = lines.settled(rest, written.sentences, warnings=())
        sections = lines.sections_of(settled_lines, written.sections, written.sentences)
        report = edited(sections, request, warnings=(), earlier=())
        assert [one.text for one in report.sentences] == [one.text for one in own if one is not line]
        assert {one.grade for one in report.sentences} == {Grade.SUPPORTED}
        assert report.warnings == ()
