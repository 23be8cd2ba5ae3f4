"""A section cut where a reader must be warned."""

from collections.abc import Sequence

import pytest

from shared.domain.reports import Grade, GradedSentence, Section
from shared.rendering.passages import Passage, passages

FIRST, SECOND, THIRD = "There is an effusion.", "The aorta is wide.", "No nodule."
TEXT = f"{FIRST} {SECOND}\n{THIRD}"


def graded(*sentences: tuple[str, Grade]) -> list[GradedSentence]:
    return [GradedSentence(Section.FINDINGS, text, grade) for text, grade in sentences]


@pytest.mark.parametrize(
    ("grades", "expected"),
    [
        ((Grade.SUPPORTED,) * 3, [Passage(TEXT)]),
        (
            (Grade.SUPPORTED, Grade.UNREAD, Grade.SUPPORTED),
            [Passage(f"{FIRST} "), Passage(SECOND, Grade.UNREAD), Passage(f"\n{THIRD}")],
        ),
        (
            (Grade.CONTRADICTS, Grade.UNSUPPORTED, Grade.UNREAD),
            [
                Passage(FIRST, Grade.CONTRADICTS),
                Passage(" "),
                Passage(SECOND, Grade.UNSUPPORTED),
                Passage("\n"),
                Passage(THIRD, Grade.UNREAD),
            ],
        ),
    ],
    ids=["none", "one in the middle", "every one"],
)
def test_what_is_not_supported_stands_by_itself_and_all_else_in_one_piece(
    grades: Sequence[Grade], expected: list[Passage]
):
    sentences = graded(*zip((FIRST, SECOND, THIRD), grades, strict=True))
    assert passages(TEXT, sentences) == expected
    assert "".join(passage.text for passage in expected) == TEXT


def test_a_sentence_said_twice_is_marked_where_it_was_read():
    sentences = graded((FIRST, Grade.SUPPORTED), (FIRST, Grade.UNREAD))
    expected = [Passage(f"{FIRST} "), Passage(FIRST, Grade.UNREAD)]
    assert passages(f"{FIRST} {FIRST}", sentences) == expected


@pytest.mark.parametrize(
    ("grades", "mark"),
    [
        ((Grade.SUPPORTED, Grade.SUPPORTED), None),
        ((Grade.UNREAD, Grade.SUPPORTED), Grade.UNREAD),
        ((Grade.UNREAD, Grade.CONTRADICTS), Grade.CONTRADICTS),
        ((Grade.UNREAD, Grade.UNSUPPORTED), Grade.UNSUPPORTED),
    ],
)
def test_a_section_in_which_a_sentence_is_not_found_has_the_loudest_mark_as_a_whole(
    grades: Sequence[Grade], mark: Grade | None
):
    text = "There is an\n2. effusion. The aorta is wide."
    sentences = graded(*zip((FIRST, SECOND), grades, strict=True))
    assert passages(text, sentences) == [Passage(text, mark)]
