"""The verifier, proved: every mutated report is caught and every correct one passes."""

from random import Random

import pytest

from shared.domain import Language, ReportSections
from tests.support.llm_reports import (
    ABSENT,
    ADDED,
    PRESENT,
    SAID_MUTATIONS,
    UNCERTAIN,
    add_sentence,
    draw_case,
    request_for,
    spoil_text,
)
from worker_llm.request import technique_line
from worker_llm.verify import verify
from worker_llm.writers.template import write_by_rule


@pytest.mark.parametrize("mutate", SAID_MUTATIONS, ids=lambda mutate: mutate.__name__)
def test_no_report_that_says_something_else_passes(mutate):
    missed, tried = [], 0
    for seed in range(150):
        wrong = mutate(draw_case(seed), Random(seed))
        if wrong is None:
            continue
        tried += 1
        if not verify(wrong.sections(), wrong.request):
            missed.append((wrong.request.statuses(), wrong.sections()))
    assert tried >= 80
    assert missed == []


@pytest.mark.parametrize("kind", sorted(ADDED[Language.ENGLISH]))
def test_no_report_with_a_sentence_that_the_findings_cannot_carry_passes(kind):
    missed = []
    for seed in range(60):
        case = draw_case(seed)
        wrong = add_sentence(case, kind, Random(seed))
        if not verify(wrong, case.request):
            missed.append((case.request.statuses(), wrong))
    assert missed == []


def test_no_spoilt_text_passes():
    for seed in range(40):
        case = draw_case(seed)
        for what, wrong in spoil_text(case):
            assert verify(wrong, case.request), (what, wrong)


def test_every_correct_report_in_words_of_its_own_passes():
    for seed in range(1_000):
        case = draw_case(seed)
        assert verify(case.sections(), case.request) == (), case.sections()


def test_a_report_for_another_study_is_refused():
    refused = 0
    for seed in range(300):
        case, other = draw_case(seed), draw_case(seed + 1_000)
        if case.request.statuses() == other.request.statuses():
            continue
        report = write_by_rule(other.request, seed=str(seed))
        refused += bool(verify(report, case.request))
    assert refused == 300


_TWO = {"Emphysema": PRESENT, "Mass": PRESENT}
ENGLISH_CASES = [
    ("The lungs are clear.", "No acute cardiopulmonary abnormality.", {}, True),
    ("The heart is enlarged.", "Cardiomegaly.", {"Cardiomegaly": PRESENT}, True),
    ("The heart size is normal.", "Cardiomegaly.", {"Cardiomegaly": PRESENT}, False),
    ("The lungs are clear. Consolidation is seen.", "Consolidation.", {"Consolidation": PRESENT}, False),
    ("The lungs are clear. There is cardiomegaly.", "Cardiomegaly.", {"Cardiomegaly": PRESENT}, True),
    ("Cardiomegaly without pleural effusion.", "Cardiomegaly.", {"Cardiomegaly": PRESENT}, True),
    ("Cardiomegaly, but no pneumothorax.", "1. Cardiomegaly.", {"Cardiomegaly": PRESENT}, True),
    ("Neither pneumothorax nor pleural effusion is seen.", "No abnormality is detected.", {}, True),
    ("No fracture.", "No abnormality is detected.", {}, False),
    ("A nodule or mass is possible.", "Possible nodule.", {"Nodule": UNCERTAIN, "Mass": UNCERTAIN}, False),
    (
        "Suspected lung nodule or lung mass.",
        "Possible lung nodule; possible lung mass.",
        {"Nodule": UNCERTAIN, "Mass": UNCERTAIN},
        True,
    ),
    ("Emphysema. No other abnormality.", "Emphysema. CT is recommended.", {"Emphysema": PRESENT}, False),
    ("Emphysema.", "Emphysema. Clinical correlation is recommended.", {"Emphysema": PRESENT}, True),
    ("No abnormality is detected.", "Clinical correlation is recommended.", {}, False),
    # A negation or a hedge may reach over a semicolon: a reader would take all of these as denied or doubted.
    ("Negative for consolidation; lung mass.", "Lung mass.", {"Mass": PRESENT}, False),
    ("Suspicious for lung mass; emphysema.", "Emphysema.", {"Mass": UNCERTAIN, "Emphysema": PRESENT}, False),
    ("There is emphysema; no pneumothorax.", "Emphysema.", {"Emphysema": PRESENT}, True),
    ("Emphysema. No other abnormality. Lung mass.", "Emphysema and lung mass.", _TWO, False),
    ("Emphysema. Lung mass. No other abnormality.", "Emphysema and lung mass.", _TWO, True),
    ("Emphysema is present. 15. Lung mass.", "Emphysema and lung mass.", _TWO, False),
    ("1. Emphysema. 2. Lung mass.", "1. Emphysema. 2. Lung mass.", _TWO, True),
    ("2. Emphysema. 1. Lung mass.", "Emphysema and lung mass.", _TWO, False),
    ("No abnormality is detected.", "Normal chest radiograph.", {}, False),
]


@pytest.mark.parametrize(("findings", "impression", "abnormal", "passes"), ENGLISH_CASES)
def test_hand_written_reports_are_judged_as_a_reader_would(findings, impression, abnormal, passes):
    labels = ("Cardiomegaly", "Consolidation", "Effusion", "Pneumothorax", "Nodule", "Mass", "Emphysema")
    request = request_for(dict.fromkeys(labels, ABSENT) | abnormal, Language.ENGLISH)
    failures = verify(ReportSections(technique_line(request), findings, impression), request)
    assert (failures == ()) is passes, failures


def test_a_classifier_of_few_labels_may_not_call_the_chest_normal():
    request = request_for({"Pneumonia": ABSENT, "Effusion": ABSENT}, Language.ENGLISH)
    report = ReportSections(technique_line(request), "No pneumonia.", "Normal chest radiograph.")
    assert verify(report, request)


def test_the_reasons_name_the_label_and_both_statuses():
    request = request_for({"Pneumothorax": PRESENT}, Language.ENGLISH)
    report = ReportSections(technique_line(request), "No pneumothorax.", "Left pneumothorax.")
    failures = verify(report, request)
    assert "findings: Pneumothorax is present, not absent" in failures
    assert "impression: side or zone: 'left'" in failures
