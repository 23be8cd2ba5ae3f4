"""What a person makes of a report: every sentence is graded, none is refused, no warning gets lost."""

from dataclasses import replace

import pytest

from shared.domain.findings import Box, FindingStatus
from shared.domain.reports import Grade, Language, Region, ReportSections, Section
from shared.errors import BadInputError
from shared.rendering.passages import passages
from shared.reporting.comparison import none_available
from shared.reporting.composition import composed, nothing_detected
from shared.reporting.edits import edited
from shared.reporting.request import Prose, ReportRequest
from shared.reporting.verifier import grade
from tests.support.llm_reports import request_for

PRESENT, ABSENT = FindingStatus.PRESENT, FindingStatus.ABSENT
TURNED = "The image seems to be turned."
FOUND = request_for({"Effusion": PRESENT, "Pneumothorax": ABSENT}, Language.ENGLISH)
CLEAR = request_for({"Effusion": ABSENT, "Mass": ABSENT}, Language.ENGLISH)


def written(request: ReportRequest, findings: str, impression: str) -> ReportSections:
    prose = Prose(findings, impression)
    return composed(prose, grade(prose, request), request).sections


WRITTEN = written(FOUND, "There is a pleural effusion.", "Pleural effusion.")


def test_what_is_left_as_a_writer_wrote_it_is_graded_as_the_writers_was():
    report = edited(WRITTEN, FOUND, warnings=[], earlier=[])
    assert (report.sections, report.warnings) == (WRITTEN, ())
    assert {sentence.grade for sentence in report.sentences} == {Grade.SUPPORTED}


def test_a_sentence_keeps_its_writers_regions_while_it_reads_the_same():
    region = Region(0, Box(0.1, 0.2, 0.3, 0.4))
    first = edited(WRITTEN, FOUND, warnings=[], earlier=[])
    before = [replace(one, regions=(region,)) for one in first.sentences if one.section is Section.FINDINGS]
    typed = replace(WRITTEN, findings=f"{before[0].text} There is a mass.")
    after = edited(typed, FOUND, warnings=[], earlier=[], before=before)
    assert [one.text for one in after.sentences if one.regions] == [before[0].text]


def test_what_departs_is_marked_and_counted_and_kept():
    typed = ReportSections(
        "Supine film.",
        f"{WRITTEN.findings} There is a pneumothorax.",
        "No pleural effusion.\nThe trachea is midline.",
    )
    report = edited(typed, FOUND, warnings=[], earlier=[])
    graded = {sentence.text: sentence.grade for sentence in report.sentences}
    assert graded["Supine film."] is Grade.UNREAD
    assert graded["No pneumothorax detected."] is Grade.SUPPORTED
    assert graded["There is a pneumothorax."] is Grade.UNSUPPORTED
    assert graded["No pleural effusion."] is Grade.CONTRADICTS
    assert graded["The trachea is midline."] is Grade.UNREAD
    assert report.warnings == (
        "This report denies what the classifier detected: pleural effusion.",
        "This report states what the classifier did not detect: pneumothorax.",
        "1 sentence of this report contradicts the findings.",
        "1 sentence of this report is not supported by the findings.",
        "2 sentences of this report were not checked against the findings.",
    )
    assert report.sections.technique == "Supine film."
    assert report.sections.impression.endswith("\nNo pleural effusion.\nThe trachea is midline.")


def test_sentences_of_rules_that_stay_are_no_departure_when_another_is_added():
    fixed = nothing_detected(CLEAR).sections
    typed = ReportSections(fixed.technique, fixed.findings, f"{fixed.impression} The trachea is midline.")
    report = edited(typed, CLEAR, warnings=[], earlier=[])
    marked = [sentence.text for sentence in report.sentences if sentence.grade is not Grade.SUPPORTED]
    assert marked == ["The trachea is midline."]


@pytest.mark.parametrize(
    ("findings", "marked"),
    [
        (f"{WRITTEN.findings} There is a pneumothorax.", ["There is a pneumothorax."]),
        ("There is a pleural effusion. The trachea is midline.", ["The trachea is midline."]),
    ],
    ids=["after what was not detected", "instead of it"],
)
def test_the_sentences_are_those_of_the_text_and_only_what_departs_is_marked(
    findings: str, marked: list[str]
):
    report = edited(
        ReportSections(WRITTEN.technique, findings, WRITTEN.impression), FOUND, warnings=[], earlier=[]
    )
    sentences = [sentence for sentence in report.sentences if sentence.section is Section.FINDINGS]
    assert " ".join(sentence.text for sentence in sentences) == findings.removeprefix("Pleura: ")
    assert [passage.text for passage in passages(findings, sentences) if passage.grade] == marked


def test_that_nothing_was_detected_is_a_departure_where_something_was():
    said = nothing_detected(CLEAR).sections
    report = edited(
        ReportSections(WRITTEN.technique, said.findings, said.impression), FOUND, warnings=[], earlier=[]
    )
    assert report.warnings
    assert any(sentence.grade is not Grade.SUPPORTED for sentence in report.sentences)


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize("stayed", [True, False], ids=["left in", "taken out"])
def test_a_warning_stands_before_the_impression_once_whatever_became_of_its_line(stayed, language):
    request = request_for({"Effusion": PRESENT, "Pneumothorax": ABSENT}, language)
    word = {Language.ENGLISH: "Warning", Language.SPANISH: "Advertencia"}[language]
    departure = "An earlier departure."
    lines = [f"{word}: {departure}", f"{word}: {TURNED}"] if stayed else []
    typed = ReportSections("A.", "B.", "\n".join([*lines, "C."]))
    report = edited(typed, request, warnings=[TURNED], earlier=[departure, TURNED])
    assert departure not in report.warnings
    assert report.warnings[-1] == TURNED
    assert report.sections.impression.splitlines() == [
        *(f"{word}: {warning}" for warning in report.warnings),
        "C.",
    ]
    by_rule = [s for s in report.sentences if s.section is Section.IMPRESSION and s.text.startswith(word)]
    assert {sentence.grade for sentence in by_rule} == {Grade.SUPPORTED}


def test_an_impression_of_warnings_alone_is_refused():
    typed = ReportSections("A.", "B.", f"Warning: {TURNED}\n")
    with pytest.raises(BadInputError, match="impression"):
        edited(typed, FOUND, warnings=[TURNED], earlier=[TURNED])


def test_a_long_text_of_one_label_is_read_in_a_moment():
    typed = ReportSections("A.", "no effusion or " * 660, "effusion, " * 1000)
    report = edited(typed, FOUND, warnings=[], earlier=[])
    assert report.warnings


def test_what_rules_wrote_of_the_study_before_stays_supported_and_another_word_of_it_is_not_checked():
    compared = replace(FOUND, comparison=none_available(Language.ENGLISH))
    same = replace(WRITTEN, comparison="None available.")
    assert edited(same, compared, warnings=[], earlier=[]).warnings == ()
    other = edited(replace(same, comparison="None."), compared, warnings=[], earlier=[])
    assert [s.text for s in other.sentences if s.grade is Grade.UNREAD] == ["None."]


def test_what_is_recommended_is_supported_as_rules_write_it_and_in_no_other_words():
    found = request_for({"Mass": PRESENT}, Language.ENGLISH)
    typed = written(found, "There is a lung mass.", "Lung mass.")
    assert typed.impression.endswith("recommended to confirm and characterize the lung mass.")
    assert edited(typed, found, warnings=[], earlier=[]).warnings == ()
    bold = replace(typed, impression=f"{typed.impression} Biopsy is recommended.")
    sentences = edited(bold, found, warnings=[], earlier=[]).sentences
    assert [s.text for s in sentences if s.grade is Grade.UNREAD] == ["Biopsy is recommended."]
