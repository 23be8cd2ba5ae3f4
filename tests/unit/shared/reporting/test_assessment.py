"""What became of a classifier's findings in a signed report, and how far its text moved from the draft."""

from collections.abc import Sequence

import pytest

from shared.domain.findings import Finding, FindingStatus, Place, Side
from shared.domain.reports import EditedReport, Grade, GradedSentence, Language, ReportSections, Section
from shared.reporting.assessment import (
    Assessment,
    Outcome,
    Reading,
    amended_by,
    assessments,
    changed_words,
    labels_changed,
    reading_of,
)

PRESENT, ABSENT, UNCERTAIN = FindingStatus.PRESENT, FindingStatus.ABSENT, FindingStatus.UNCERTAIN
EN = Language.ENGLISH
LEFT = Place(Side.LEFT)


def found(label: str, status: FindingStatus, place: Place | None = None) -> Finding:
    return Finding(
        label, {PRESENT: 0.95, UNCERTAIN: 0.45, ABSENT: 0.1}[status], 0.5, 0.4, status, place=place
    )


EFFUSION = found("Effusion", PRESENT, LEFT)
NODULE = found("Nodule", UNCERTAIN)
PNEUMOTHORAX = found("Pneumothorax", ABSENT)
FINDINGS = (EFFUSION, NODULE, PNEUMOTHORAX)


def said(*texts: str, grade: Grade = Grade.SUPPORTED, labels: tuple[str, ...] = ()) -> list[GradedSentence]:
    return [GradedSentence(Section.FINDINGS, text, grade, labels) for text in texts]


def outcomes(
    sentences: Sequence[GradedSentence], *, addenda: Sequence[str] = ()
) -> dict[str, tuple[FindingStatus | None, Outcome]]:
    reading = amended_by(reading_of(sentences, FINDINGS, EN), addenda, EN)
    return {one.label: (one.said, one.outcome) for one in assessments(FINDINGS, reading)}


def test_what_is_signed_as_it_was_drafted_is_accepted():
    sentences = said(
        "There is a left pleural effusion.", "Possible lung nodule.", "No pneumothorax detected."
    )
    assert outcomes(sentences) == {
        "Effusion": (PRESENT, Outcome.ACCEPTED),
        "Nodule": (UNCERTAIN, Outcome.ACCEPTED),
        "Pneumothorax": (ABSENT, Outcome.ACCEPTED),
    }


@pytest.mark.parametrize(
    ("probability", "text", "outcome"),
    [
        (0.7, "Probable left pleural effusion.", Outcome.ACCEPTED),
        (0.7, "There is a left pleural effusion.", Outcome.ACCEPTED),
        (0.95, "Probable left pleural effusion.", Outcome.REJECTED),
        (0.95, "There is a left pleural effusion.", Outcome.ACCEPTED),
        (0.7, "No pleural effusion.", Outcome.REJECTED),
    ],
)
def test_a_finding_is_accepted_as_surely_as_it_may_be_said(probability: float, text: str, outcome: Outcome):
    effusion = Finding("Effusion", probability, 0.5, 0.4, PRESENT, place=LEFT)
    (assessment,) = assessments([effusion], reading_of(said(text), [effusion], EN))
    assert assessment.outcome is outcome


def test_what_is_denied_or_struck_is_rejected_and_what_is_stated_beyond_it_supplements():
    sentences = said("No pleural effusion.", "There is a pneumothorax.", "There is a fracture.")
    assert outcomes(sentences) == {
        "Effusion": (ABSENT, Outcome.REJECTED),
        "Nodule": (None, Outcome.REJECTED),
        "Pneumothorax": (PRESENT, Outcome.SUPPLEMENTED),
        "Fracture": (PRESENT, Outcome.SUPPLEMENTED),
    }


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        ("Possible pleural effusion.", Outcome.REJECTED),
        ("There is a right pleural effusion.", Outcome.SUPPLEMENTED),
        ("There is a pleural effusion.", Outcome.ACCEPTED),
        ("There is a left basal pleural effusion.", Outcome.SUPPLEMENTED),
    ],
    ids=["less sure", "on the other side", "without its place", "more exactly placed"],
)
def test_how_surely_and_where_is_part_of_what_is_said(text: str, outcome: Outcome):
    assert outcomes(said(text))["Effusion"][1] is outcome


def test_a_label_that_stands_in_a_sentence_nobody_can_read_is_undetermined_whatever_else_is_said():
    odd = said("A tiny effusion layers posteriorly.", grade=Grade.UNREAD, labels=("Effusion",))
    denied = said("No pleural effusion.", "No lung nodule.")
    assert outcomes([*odd, *denied]) == {
        "Effusion": (None, Outcome.UNDETERMINED),
        "Nodule": (ABSENT, Outcome.REJECTED),
    }


def test_silence_rejects_nothing_while_something_was_said_that_cannot_be_read():
    odd = said("The costophrenic angle is blunted.", grade=Grade.UNREAD)
    assert outcomes(odd) == {
        "Effusion": (None, Outcome.UNDETERMINED),
        "Nodule": (None, Outcome.UNDETERMINED),
    }


def test_a_sentence_of_rules_that_the_grammar_does_not_hold_says_what_was_found():
    clear = (PNEUMOTHORAX, found("Mass", ABSENT))
    labels = ("Pneumothorax", "Mass", "of another classifier")
    rule = said("None of the 2 findings that were looked for was detected.", labels=labels)
    reading = reading_of(rule, clear, EN)
    assert reading.whole
    assert [one.outcome for one in assessments(clear, reading)] == [Outcome.ACCEPTED, Outcome.ACCEPTED]


def test_only_findings_and_impression_say_what_was_found():
    earlier = GradedSentence(
        Section.COMPARISON, "There is a pneumothorax.", Grade.SUPPORTED, ("Pneumothorax",)
    )
    assert reading_of([earlier], FINDINGS, EN) == Reading()


def test_the_surest_mention_counts_and_of_those_the_one_that_names_a_place():
    reading = reading_of(
        said(
            "Possible pleural effusion.", "There is a left pleural effusion.", "There is a pleural effusion."
        ),
        FINDINGS,
        EN,
    )
    assert (reading.said["Effusion"].status, reading.said["Effusion"].place) == (PRESENT, LEFT)


def test_of_a_label_the_last_addendum_counts():
    sentences = said("There is a left pleural effusion.", "Possible lung nodule.")
    after = outcomes(sentences, addenda=["There is a pneumothorax.", "No pneumothorax. No lung nodule."])
    assert after == {
        "Effusion": (PRESENT, Outcome.ACCEPTED),
        "Nodule": (ABSENT, Outcome.REJECTED),
        "Pneumothorax": (ABSENT, Outcome.ACCEPTED),
    }


def test_an_addendum_that_names_a_label_and_cannot_be_read_leaves_it_undetermined():
    after = outcomes(said("There is a pleural effusion."), addenda=["Pleural effusion, told to Dr. Roe."])
    assert after["Effusion"] == (None, Outcome.UNDETERMINED)


def test_nothing_is_assessed_of_what_was_neither_found_nor_said():
    nothing = (PNEUMOTHORAX, found("No_Finding", PRESENT))
    assert assessments(nothing, Reading()) == ()
    denied = reading_of(said("No fracture."), nothing, EN)
    assert assessments(nothing, denied) == ()


def test_an_assessment_tells_what_was_found_what_is_said_and_where():
    reading = reading_of(said("There is a right pleural effusion."), (EFFUSION,), EN)
    expected = Assessment("Effusion", PRESENT, PRESENT, Place(Side.RIGHT), Outcome.SUPPLEMENTED)
    assert assessments((EFFUSION,), reading) == (expected,)


def test_the_labels_that_changed_are_those_of_which_the_text_says_something_else():
    drafted = reading_of(said("There is a left pleural effusion.", "Possible lung nodule."), FINDINGS, EN)
    signed = reading_of(
        [
            *said("There is a right pleural effusion.", "Possible lung nodule."),
            *said("Mass effect is seen.", grade=Grade.UNREAD, labels=("Mass",)),
        ],
        FINDINGS,
        EN,
    )
    assert labels_changed(drafted, signed) == ("Effusion", "Mass")
    assert labels_changed(signed, signed) == ()


def text(*sentences: GradedSentence, warnings: tuple[str, ...] = ()) -> EditedReport:
    return EditedReport(EN, ReportSections("", "", ""), warnings, tuple(sentences))


def test_changed_words_are_those_replaced_taken_out_or_put_in():
    drafted = text(*said("Heart normal.", "No effusion seen."))
    assert changed_words(drafted, drafted) == 0
    assert changed_words(drafted, text(*said("Heart enlarged.", "No effusion."))) == 3
    assert changed_words(drafted, text(*said("Heart normal.", "No effusion seen.", "None available."))) == 2


def test_a_warning_that_a_change_brings_is_no_changed_word():
    drafted = text(*said("Heart normal."))
    warned = text(*said("Warning: 1 sentence is odd.", "Heart normal."), warnings=("1 sentence is odd.",))
    assert changed_words(drafted, warned) == 0


def test_spanish_is_read_as_spanish():
    sentences = said("Hay derrame pleural en el lado izquierdo.")
    reading = reading_of(sentences, FINDINGS, Language.SPANISH)
    assert reading.said["Effusion"].place == Place(Side.LEFT, None)
