"""What of a report a network learns that compares images with texts: its impression, as CheXzero cuts it.

    impression_of    record -> its report's impression, or `NO_IMPRESSION`

Source: `write_report_csv` of rajpurkarlab/CheXzero, data_process.py, for MIMIC-CXR. It differs from the
section that training/datasets/report_sections.py cuts: of several impressions the last one counts, "FINDINGS
AND IMPRESSION:" is one too, and only recommendations and notifications end it.
"""

from typing import Final

from training.table import Record

NO_IMPRESSION: Final = "NO IMPRESSION"
"""What the authors write for a report without one; its image is trained on like every other."""
_HEADING: Final = "IMPRESSION:"
_ENDS: Final = (
    ("RECOMMENDATION(S):", "RECOMMENDATION:", "RECOMMENDATIONS:"),
    ("NOTIFICATION:", "NOTIFICATIONS:"),
)
"""The first of each that a report has, wherever it stands in it, ends the impression."""


def impression_of(record: Record) -> str:
    """Return the impression of an image's report on one line; of other data sets, which cut it: their own."""
    if record.dataset != "mimic_cxr":
        return " ".join(record.sections.get("impression", "").split()) or NO_IMPRESSION
    words = record.sections.get("report", "").split()
    if _HEADING not in words:
        return NO_IMPRESSION
    begin = len(words) - words[::-1].index(_HEADING)
    ends = [
        next((words.index(word) for word in alternatives if word in words), len(words))
        for alternatives in _ENDS
    ]
    # Their slice is empty where a recommendation stands before it; a text of nothing cannot be learnt.
    return " ".join(words[begin : min(ends)]) or NO_IMPRESSION
