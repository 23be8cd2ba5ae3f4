import pytest

from shared.domain.findings import ViewPosition
from training.impressions import NO_IMPRESSION, impression_of
from training.table import Record

MIMIC = """                                 FINAL REPORT
 EXAMINATION:  CHEST (PA AND LAT)

 FINDINGS:  Lungs are clear.

 IMPRESSION:  No acute
 process."""


def record(dataset: str, **sections: str) -> Record:
    return Record(dataset, "1.jpg", f"{dataset}:1", f"{dataset}:1", ViewPosition.PA, {}, sections=sections)


@pytest.mark.parametrize(
    ("report", "impression"),
    [
        (MIMIC, "No acute process."),
        (f"{MIMIC}\n\n RECOMMENDATION(S):  Repeat.\n NOTIFICATION:  By phone.", "No acute process."),
        (f"{MIMIC}\n\n NOTIFICATION:  By phone.\n\n RECOMMENDATION:  Repeat.", "No acute process."),
        (f"{MIMIC}\n\n ADDENDUM:\n\n IMPRESSION:  Small nodule.", "Small nodule."),
        ("FINDINGS AND IMPRESSION:\n Edema.\n COMPARISON: none.", "Edema. COMPARISON: none."),
        ("RECOMMENDATION: see below. IMPRESSION: Edema.", NO_IMPRESSION),
        ("IMPRESSION:", NO_IMPRESSION),
        ("FINDINGS: Lungs are clear.", NO_IMPRESSION),
        ("", NO_IMPRESSION),
    ],
)
def test_an_impression_is_what_the_authors_cut(report, impression):
    assert impression_of(record("mimic_cxr", report=report, findings="Clear.")) == impression


def test_a_report_that_comes_in_sections_has_its_own():
    whole = "IMPRESSION: Edema. END OF IMPRESSION: SUMMARY 2."
    said = record("chexpert_plus", report=whole, impression=" Pulmonary\nedema. ")
    assert impression_of(said) == "Pulmonary edema."
    assert impression_of(record("open_i", findings="Large heart.")) == NO_IMPRESSION
