"""The verifier, proved: every mutated report is caught and every correct one passes."""

from pathlib import Path
from random import Random

import pytest

from shared.domain.reports import Language
from shared.reporting.request import Prose
from tests.support.llm_reports import (
    ABSENT,
    ADDED,
    PRESENT,
    SAID_MUTATIONS,
    UNCERTAIN,
    add_sentence,
    any_report,
    draw_case,
    request_for,
    spoil_text,
    verify,
)
from worker_llm.writers.template import write_by_rule


@pytest.mark.parametrize("mutate", SAID_MUTATIONS, ids=lambda mutate: mutate.__name__)
def test_no_report_that_says_something_else_passes(mutate):
    missed, tried = [], 0
    for seed in range(250):
        wrong = mutate(draw_case(seed), Random(seed))
        if wrong is None:
            continue
        tried += 1
        if not verify(wrong.prose(), wrong.request):
            missed.append((wrong.request.certainties(), wrong.prose()))
    assert tried >= 80
    assert missed == []


@pytest.mark.parametrize("kind", sorted(ADDED[Language.ENGLISH]))
def test_no_report_with_a_sentence_that_the_findings_cannot_carry_passes(kind):
    missed = []
    for seed in range(60):
        case = draw_case(seed)
        wrong = add_sentence(case, kind, Random(seed))
        if not verify(wrong, case.request):
            missed.append((case.request.certainties(), wrong))
    assert missed == []


def test_no_spoilt_text_passes():
    for seed in range(40):
        case = draw_case(seed)
        for what, wrong in spoil_text(case):
            assert verify(wrong, case.request), (what, wrong)


def test_every_correct_report_in_words_of_its_own_passes():
    for seed in range(1_000):
        case = draw_case(seed)
        assert verify(case.prose(), case.request) == (), case.prose()


def test_strict_lets_through_what_was_let_through_when_the_answers_were_recorded():
    """Recorded when places could be said; a new phrase of the lexicon may only turn an x into a point."""
    recorded = (Path(__file__).parent / "strict_answers.txt").read_text(encoding="utf-8").replace("\n", "")
    assert recorded.count(".") > 200
    now = (
        "x" if verify(report, request) else "." for request, report in map(any_report, range(len(recorded)))
    )
    assert "".join(now) == recorded


def test_a_report_for_another_study_is_refused():
    refused = 0
    for seed in range(300):
        case, other = draw_case(seed), draw_case(seed + 1_000)
        if case.request.certainties() == other.request.certainties():
            continue
        report = write_by_rule(other.request)
        refused += bool(verify(report, case.request))
    assert refused == 300


_TWO = {"Emphysema": PRESENT, "Mass": PRESENT}
ENGLISH_CASES = [
    ("The heart is enlarged.", "Cardiomegaly.", {"Cardiomegaly": PRESENT}, True),
    ("The heart size is normal.", "Cardiomegaly.", {"Cardiomegaly": PRESENT}, False),
    ("The lungs are clear. There is cardiomegaly.", "Cardiomegaly.", {"Cardiomegaly": PRESENT}, False),
    ("The pleural spaces are clear. Cardiomegaly.", "Cardiomegaly.", {"Cardiomegaly": PRESENT}, False),
    ("Cardiomegaly without pleural effusion.", "Cardiomegaly.", {"Cardiomegaly": PRESENT}, True),
    ("Cardiomegaly, but no pneumothorax.", "1. Cardiomegaly.", {"Cardiomegaly": PRESENT}, True),
    ("Neither pneumothorax nor pleural effusion is seen.", "No abnormality is detected.", {}, False),
    ("The lungs are clear.", "No acute cardiopulmonary abnormality.", {}, False),
    ("Emphysema. No fracture.", "Emphysema.", {"Emphysema": PRESENT}, False),
    ("A nodule or mass is possible.", "Possible nodule.", {"Nodule": UNCERTAIN, "Mass": UNCERTAIN}, False),
    (
        "Possible lung mass. Possible lung nodule.",
        "Possible lung nodule. Possible lung mass.",
        {"Nodule": UNCERTAIN, "Mass": UNCERTAIN},
        True,
    ),
    # One word of the scale in both sections, and that of the probability.
    ("Suspected lung nodule.", "Possible lung nodule.", {"Nodule": UNCERTAIN}, False),
    ("Possible lung nodule.", "Lung nodule cannot be excluded.", {"Nodule": UNCERTAIN}, False),
    ("Probable lung nodule.", "Probable lung nodule.", {"Nodule": UNCERTAIN}, False),
    ("There is a lung nodule.", "Possible lung nodule.", {"Nodule": UNCERTAIN}, False),
    ("Possible lung nodule.", "Lung nodule.", {"Nodule": UNCERTAIN}, False),
    ("Possible emphysema.", "Possible emphysema.", {"Emphysema": PRESENT}, False),
    # A negative that a reader would take as the opposite of what was detected.
    ("Possible lung nodule. No lung mass.", "Possible lung nodule.", {"Nodule": UNCERTAIN}, False),
    ("Possible lung nodule. No pneumothorax.", "Possible lung nodule.", {"Nodule": UNCERTAIN}, True),
    ("Emphysema. No other abnormality.", "Emphysema.", {"Emphysema": PRESENT}, False),
    ("Emphysema.", "Emphysema. Clinical correlation is recommended.", {"Emphysema": PRESENT}, False),
    ("Emphysema.", "Emphysema. No other abnormality.", {"Emphysema": PRESENT}, False),
    # A negation or a hedge may reach over a semicolon: a reader would take all of these as denied or doubted.
    ("Negative for consolidation; lung mass.", "Lung mass.", {"Mass": PRESENT}, False),
    ("Suspicious for lung mass; emphysema.", "Emphysema.", {"Mass": UNCERTAIN, "Emphysema": PRESENT}, False),
    ("There is emphysema; no pneumothorax.", "Emphysema.", {"Emphysema": PRESENT}, True),
    ("Emphysema is present. 15. Lung mass.", "Emphysema and lung mass.", _TWO, False),
    ("1. Emphysema. 2. Lung mass.", "1. Emphysema. 2. Lung mass.", _TWO, True),
    ("2. Emphysema. 1. Lung mass.", "Emphysema and lung mass.", _TWO, False),
]


@pytest.mark.parametrize(("findings", "impression", "abnormal", "passes"), ENGLISH_CASES)
def test_hand_written_reports_are_judged_as_a_reader_would(findings, impression, abnormal, passes):
    labels = ("Cardiomegaly", "Consolidation", "Effusion", "Pneumothorax", "Nodule", "Mass", "Emphysema")
    request = request_for(dict.fromkeys(labels, ABSENT) | abnormal, Language.ENGLISH)
    failures = verify(Prose(findings, impression), request)
    assert (failures == ()) is passes, failures


def test_the_reasons_name_the_label_and_both_statuses():
    request = request_for({"Pneumothorax": PRESENT}, Language.ENGLISH)
    report = Prose("No pneumothorax.", "Left pneumothorax in the left lower lobe.")
    failures = verify(report, request)
    assert "findings: Pneumothorax is stated, not absent" in failures
    assert "impression: side or zone: 'lobe'" in failures
