"""Where two accounts of a study part, label by label."""

import pytest

from shared.domain.findings import FindingStatus, Place, Side, Zone
from shared.domain.reports import Grade, GradedSentence, Language, Section
from shared.reporting.assessment import Reading, reading_of
from shared.reporting.discrepancies import (
    SIGNIFICANCE,
    Discrepancies,
    Discrepancy,
    ErrorKind,
    Significance,
    compared,
    found_as_said,
    weight,
)
from shared.reporting.lexicon import LEXICONS
from tests.support.builders import a_finding

RIGHT_BASE = Place(Side.RIGHT, Zone.BASAL)


def saying(*texts: str) -> Reading:
    sentences = [GradedSentence(Section.FINDINGS, text, Grade.UNREAD) for text in texts]
    return reading_of(sentences, (), Language.ENGLISH)


def errors_of(right: Reading, other: Reading) -> list[tuple[str, ErrorKind, Significance]]:
    return [(one.label, one.kind, one.significance) for one in compared(right, other).errors]


def test_a_text_that_says_what_another_says_agrees_on_what_either_states():
    same = saying("Right pleural effusion.", "No pneumothorax.")
    assert compared(same, same) == Discrepancies(stated=1, agreed=1, unread=0)


def test_what_is_denied_or_left_out_in_both_counts_for_nothing():
    assert compared(saying("No pneumothorax."), saying("No edema.")) == Discrepancies(0, 0, 0)


@pytest.mark.parametrize("text", ["No pneumothorax.", "Cardiomegaly."])
def test_a_finding_that_is_denied_or_not_named_is_missing_and_one_that_is_not_there_is_false(text: str):
    there = saying("Pneumothorax.", "Cardiomegaly.") if text == "Cardiomegaly." else saying("Pneumothorax.")
    assert errors_of(there, saying(text)) == [("Pneumothorax", ErrorKind.MISSING, Significance.URGENT)]
    assert errors_of(saying(text), there) == [("Pneumothorax", ErrorKind.FALSE, Significance.URGENT)]


def test_another_side_and_another_certainty_are_errors_of_their_own():
    there = saying("Right pleural effusion.")
    actionable = Significance.ACTIONABLE
    assert errors_of(there, saying("Left pleural effusion.")) == [
        ("Effusion", ErrorKind.LOCATION, actionable)
    ]
    assert errors_of(there, saying("Possible left pleural effusion.")) == [
        ("Effusion", ErrorKind.CERTAINTY, actionable),
        ("Effusion", ErrorKind.LOCATION, actionable),
    ]
    assert errors_of(there, saying("Pleural effusion.")) == []


def test_a_classifiers_findings_are_held_against_a_text_as_another_text_is():
    found = found_as_said(
        [
            a_finding("Effusion", probability=0.95, place=RIGHT_BASE),
            a_finding("Cardiomegaly", probability=0.7),
            a_finding("Emphysema", probability=0.95),
            a_finding("Edema", probability=0.01, status=FindingStatus.ABSENT),
        ]
    )
    assert compared(
        found, saying("Right pleural effusion.", "Probable cardiomegaly.", "No edema.")
    ) == Discrepancies(
        stated=3,
        agreed=2,
        unread=0,
        errors=(Discrepancy("Emphysema", ErrorKind.MISSING, Significance.NOT_ACTIONABLE),),
    )


def test_a_label_that_may_stand_in_what_cannot_be_read_is_neither_agreed_nor_an_error():
    there = saying("Pneumothorax.")
    garbled = Reading(whole=False)
    assert compared(there, garbled) == Discrepancies(0, 0, unread=1)
    assert compared(garbled, there) == Discrepancies(0, 0, unread=1)
    named = Reading(unread=frozenset({"Pneumothorax"}), whole=False)
    assert compared(there, named) == Discrepancies(0, 0, unread=1)
    # What the other part of such a text denies, it does deny.
    assert errors_of(there, Reading(saying("No pneumothorax.").said, whole=False)) == [
        ("Pneumothorax", ErrorKind.MISSING, Significance.URGENT)
    ]


def test_an_error_in_the_finding_weighs_twice_one_in_what_is_said_of_it():
    assert weight(ErrorKind.MISSING, Significance.URGENT) == 1
    assert weight(ErrorKind.LOCATION, Significance.URGENT) == weight(ErrorKind.FALSE, Significance.ACTIONABLE)
    assert weight(ErrorKind.FALSE, Significance.BENIGN) == 0


def test_only_labels_that_there_are_have_a_significance():
    assert SIGNIFICANCE.keys() <= LEXICONS[Language.ENGLISH].terms.keys()
