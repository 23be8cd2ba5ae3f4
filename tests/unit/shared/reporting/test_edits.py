"""What a person makes of a report: every sentence is graded, none is refused, no warning gets lost."""

import pytest

from shared.domain.findings import FindingStatus
from shared.domain.reports import Grade, Language, Person, ReportSections, Section
from shared.errors import BadInputError
from shared.reporting.edits import edited
from shared.reporting.fixed import nothing_detected, with_fixed_parts
from tests.support.llm_reports import request_for

PRESENT, ABSENT = FindingStatus.PRESENT, FindingStatus.ABSENT
ADA = Person("Dr. Ada Roe")
TURNED = "The image seems to be turned."
FOUND = request_for({"Effusion": PRESENT, "Pneumothorax": ABSENT}, Language.ENGLISH)
CLEAR = request_for({"Effusion": ABSENT, "Mass": ABSENT}, Language.ENGLISH)
WRITTEN = with_fixed_parts(FOUND, "There is a pleural effusion.", "Pleural effusion.")


def test_what_is_left_as_a_writer_wrote_it_is_graded_as_the_writers_was():
    report = edited(WRITTEN, ADA, FOUND, warnings=[], earlier=[])
    assert (report.sections, report.author, report.warnings) == (WRITTEN, ADA, ())
    assert {sentence.grade for sentence in report.sentences} == {Grade.SUPPORTED}


def test_what_departs_is_marked_and_counted_and_kept():
    typed = ReportSections(
        "Supine film.",
        f"{WRITTEN.findings} There is a pneumothorax.",
        "No pleural effusion.\nThe trachea is midline.",
    )
    report = edited(typed, ADA, FOUND, warnings=[], earlier=[])
    graded = {sentence.text: sentence.grade for sentence in report.sentences}
    assert graded["Supine film."] is Grade.UNREAD
    assert graded["Looked for and not detected: pneumothorax."] is Grade.SUPPORTED
    assert graded["There is a pneumothorax."] is Grade.UNSUPPORTED
    assert graded["No pleural effusion."] is Grade.CONTRADICTS
    assert graded["The trachea is midline."] is Grade.UNREAD
    assert report.warnings == (
        "1 sentence of this report contradicts the findings.",
        "1 sentence of this report is not supported by the findings.",
        "2 sentences of this report were not checked against the findings.",
    )
    assert report.sections.technique == "Supine film."
    assert report.sections.impression.endswith("\nNo pleural effusion.\nThe trachea is midline.")


def test_sentences_of_rules_that_stay_are_no_departure_when_another_is_added():
    fixed = nothing_detected(CLEAR)
    typed = ReportSections(fixed.technique, fixed.findings, f"{fixed.impression} The trachea is midline.")
    report = edited(typed, ADA, CLEAR, warnings=[], earlier=[])
    marked = [sentence.text for sentence in report.sentences if sentence.grade is not Grade.SUPPORTED]
    assert marked == ["The trachea is midline."]


def test_that_nothing_was_detected_is_a_departure_where_something_was():
    said = nothing_detected(CLEAR)
    report = edited(
        ReportSections(WRITTEN.technique, said.findings, said.impression), ADA, FOUND, warnings=[], earlier=[]
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
    report = edited(typed, ADA, request, warnings=[TURNED], earlier=[departure, TURNED])
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
        edited(typed, ADA, FOUND, warnings=[TURNED], earlier=[TURNED])


def test_a_long_text_of_one_label_is_read_in_a_moment():
    typed = ReportSections("A.", "no effusion or " * 660, "effusion, " * 1000)
    report = edited(typed, ADA, FOUND, warnings=[], earlier=[])
    assert report.warnings
