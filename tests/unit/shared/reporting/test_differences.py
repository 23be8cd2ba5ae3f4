"""What two versions of a report differ in."""

import pytest

from shared.domain.reports import Grade, GradedSentence, Section
from shared.reporting.differences import Op, differences

EFFUSION, SMALL = "There is a pleural effusion.", "There is a small pleural effusion."
HEART, NODULE = "The heart is enlarged.", "Possible lung nodule."


def sentences(*texts: str, section: Section = Section.FINDINGS) -> list[GradedSentence]:
    return [GradedSentence(section, text, Grade.SUPPORTED) for text in texts]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ([EFFUSION], [EFFUSION], [(Op.SAME, EFFUSION, EFFUSION)]),
        ([EFFUSION], [SMALL], [(Op.CHANGED, EFFUSION, SMALL)]),
        ([EFFUSION], [NODULE], [(Op.ADDED, None, NODULE), (Op.REMOVED, EFFUSION, None)]),
        ([], [NODULE], [(Op.ADDED, None, NODULE)]),
        ([NODULE], [], [(Op.REMOVED, NODULE, None)]),
        (
            [HEART, EFFUSION],
            [SMALL, NODULE],
            [(Op.REMOVED, HEART, None), (Op.CHANGED, EFFUSION, SMALL), (Op.ADDED, None, NODULE)],
        ),
    ],
    ids=["same", "changed", "another", "added", "removed", "the one that is like it"],
)
def test_each_sentence_is_told_of_once(
    before: list[str], after: list[str], expected: list[tuple[Op, str | None, str | None]]
):
    found = differences(sentences(*before), sentences(*after))
    assert [(one.op, one.before, one.after) for one in found] == expected


def test_sections_are_compared_each_by_itself():
    impression = sentences(EFFUSION, section=Section.IMPRESSION)
    found = [(one.section, one.op) for one in differences(sentences(EFFUSION), impression)]
    assert found == [(Section.FINDINGS, Op.REMOVED), (Section.IMPRESSION, Op.ADDED)]
