"""A section cut where a reader must be warned: before and after each sentence that is not supported.

Map: `Passage` -> `passages`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from shared.domain.reports import Grade, GradedSentence


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of a section; `grade` is of a sentence that is not supported, and None of all else."""

    text: str
    grade: Grade | None = None


def passages(text: str, sentences: Sequence[GradedSentence]) -> list[Passage]:
    """Cut a section; its passages together are the whole text.

    Where a sentence does not stand in the text as it was read (a list's number was taken out of it), the
    whole section has the loudest mark: a mark may be too large, never missing.
    """
    cut: list[Passage] = []
    start = 0
    for sentence in sentences:
        at = text.find(sentence.text, start)
        if at < 0:
            return _whole(text, sentences)
        end = at + len(sentence.text)
        if sentence.grade is not Grade.SUPPORTED:
            cut += [Passage(text[start:at]), Passage(sentence.text, sentence.grade)]
        else:
            cut.append(Passage(text[start:end]))
        start = end
    return _joined([*cut, Passage(text[start:])])


def _whole(text: str, sentences: Sequence[GradedSentence]) -> list[Passage]:
    grades = {sentence.grade for sentence in sentences} - {Grade.SUPPORTED}
    return [Passage(text, next((grade for grade in Grade if grade in grades), None))]


def _joined(cut: Sequence[Passage]) -> list[Passage]:
    """Join what has no mark, so that a section without any is one passage."""
    joined: list[Passage] = []
    for passage in cut:
        if passage.grade is None and joined and joined[-1].grade is None:
            joined[-1] = Passage(joined[-1].text + passage.text)
        elif passage.text:
            joined.append(passage)
    return joined
