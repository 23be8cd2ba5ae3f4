"""Cuts a radiology report in free text into its sections.

    cut    text -> "report" (all of it), and what stands below each heading, by name

A heading is a line's beginning in capitals with a colon: "FINDINGS:", "REASON FOR EXAM:". Headings that mean
the same get one name. What stands under no heading is in "report" only.
"""

import re
from typing import Final

_HEADING: Final = re.compile(r"^[ \t]{0,3}([A-Z][A-Z ,()/&-]{2,60}?)[ \t]*:", re.MULTILINE)
_NAMES: Final = {
    heading: name
    for name, headings in {
        "indication": (
            "INDICATION", "INDICATIONS", "HISTORY", "CLINICAL HISTORY", "CLINICAL INFORMATION",
            "PATIENT HISTORY", "CLINICAL INDICATION", "REASON FOR EXAM", "REASON FOR EXAMINATION",
            "REASON FOR THE EXAM",
        ),
        "comparison": ("COMPARISON", "COMPARISONS", "COMPARISON EXAM", "COMPARISON FILM", "REFERENCE EXAM"),
        "technique": ("TECHNIQUE",),
        "findings": ("FINDINGS", "FINDINGS AND IMPRESSION", "FINDINGS/IMPRESSION", "FINDINGS / IMPRESSION"),
        "impression": ("IMPRESSION", "IMPRESSIONS", "CONCLUSION"),
    }.items()
    for heading in headings
}  # fmt: skip
"""The headings of MIMIC-CXR's reports, from memory of its own section parser; its text was not at hand."""


def cut(text: str) -> dict[str, str]:
    """Return the sections that are not empty, spaces and line breaks made one space each in all but "report".

    A heading of no known meaning keeps its own words, in small letters. Where one comes twice, the texts are
    joined: an addendum often repeats them.
    """
    sections = {"report": text.strip()} if text.strip() else {}
    headings = list(_HEADING.finditer(text))
    ends = [*(heading.start() for heading in headings), len(text)]
    for heading, end in zip(headings, ends[1:], strict=True):
        words = " ".join(heading[1].split())
        name = _NAMES.get(words, words.lower())
        body = " ".join(text[heading.end() : end].split())
        if body and name != "report":
            sections[name] = f"{sections[name]} {body}" if name in sections else body
    return sections
