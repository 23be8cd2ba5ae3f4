"""A report line by line, as a person works through it: what they decided, and the sections that come of it.

A line is a sentence of the version that they saw, or one that they added. The lines of warnings are not
among them: those come back by themselves, as they are by then (`edits.py`).

Map: `settled`, `accepted`, `as_they_stand` -> `is_unchanged` · `sections_of` (`_paragraphs`,
`_in_paragraphs`) · `graded`.
"""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Final

from shared.domain.reports import Decision, Grade, GradedSentence, Line, ReportSections, Section
from shared.errors import BadInputError
from shared.reporting.edits import held_sections
from shared.reporting.request import ReportRequest

_LIST_MARK: Final = re.compile(r"^(?:\d?\d[.)]|[-*•])\s*")
"""Of a list whose numbers would no longer count once a line is struck."""
_NOTHING: Final = ReportSections(technique="", findings="", impression="")


def settled(
    lines: Sequence[Line], sentences: Sequence[GradedSentence], *, warnings: Collection[str]
) -> tuple[Line, ...]:
    """Hold a person's lines against the sentences of the version that they saw.

    A decision says what the texts say: an accepted line of another text is changed, and a changed one of the
    same text accepted. What was added and struck again is left out.

    Args:
        sentences: all of that version.
        warnings: its lines of warnings.

    Raises:
        BadInputError: a line is of no such sentence or of another section, two are of one, or a sentence that
            is no warning has none: nobody would have decided to leave it out.
    """
    settled_lines = []
    seen: set[int] = set()
    for number, line in enumerate(lines, 1):
        if line.of is None:
            if line.decision is not Decision.STRUCK:
                settled_lines.append(replace(line, decision=Decision.ADDED))
            continue
        if line.of >= len(sentences) or sentences[line.of].section is not line.section:
            message = (
                f"line {number} is of sentence {line.of}, and the version has none there in {line.section}"
            )
            raise BadInputError(message)
        if line.of in seen:
            message = f"line {number} is of sentence {line.of}, and so is an earlier line"
            raise BadInputError(message)
        seen.add(line.of)
        sentence = sentences[line.of]
        if sentence.text not in warnings:
            settled_lines.append(_decided(line, sentence))
    for index, sentence in enumerate(sentences):
        if index not in seen and sentence.text not in warnings:
            message = f"sentence {index} has no line: to leave it out, send its line as struck"
            raise BadInputError(message)
    return tuple(settled_lines)


def accepted(lines: Sequence[Line]) -> tuple[Line, ...]:
    """Return the lines of a report that is signed: what nobody decided on was accepted with it."""
    return tuple(
        replace(line, decision=Decision.ACCEPTED) if line.decision is Decision.OPEN else line
        for line in lines
    )


def as_they_stand(sentences: Sequence[GradedSentence], *, warnings: Collection[str]) -> tuple[Line, ...]:
    """Return the lines of a version that was left as it is, each accepted."""
    return tuple(
        Line(sentence.section, sentence.text, index, Decision.ACCEPTED)
        for index, sentence in enumerate(sentences)
        if sentence.text not in warnings
    )


def is_unchanged(lines: Sequence[Line]) -> bool:
    """Tell whether settled lines say what the version said, in its order."""
    indexes = [line.of for line in lines if line.of is not None]
    decisions = {line.decision for line in lines}
    return decisions <= {Decision.OPEN, Decision.ACCEPTED} and indexes == sorted(indexes)


def sections_of(
    lines: Sequence[Line], sections: ReportSections, sentences: Sequence[GradedSentence]
) -> ReportSections:
    """Make the sections of what was not struck, in the order of the lines, in the paragraphs that there were.

    A line that was added stands in the paragraph of the line before it.

    Args:
        lines: as `settled` returns them.
        sections: of the version that they were made of; its paragraphs keep their headings.
        sentences: all of that version.

    Raises:
        BadInputError: a line is empty, or nothing of the findings or of the impression is left.
    """
    kept = [line for line in lines if line.decision is not Decision.STRUCK]
    for section in (Section.FINDINGS, Section.IMPRESSION):
        if not any(line.section is section for line in kept):
            message = f"nothing of the {section} is left: add what the images show"
            raise BadInputError(message)
    if any(not line.text.strip() for line in kept):
        message = "a line is empty: strike it, or say something"
        raise BadInputError(message)
    return ReportSections(
        **{
            section.value: _in_paragraphs(
                [line for line in kept if line.section is section],
                _paragraphs(getattr(sections, section), section, sentences),
            )
            for section in Section
        }
    )


def graded(line: Line, request: ReportRequest, sentences: Sequence[GradedSentence]) -> GradedSentence:
    """Grade what a line says: the loudest grade of its sentences is its own; a heading alone is unread.

    Args:
        sentences: all of the version that it is of; where it still says the same it keeps its regions.
    """
    held = held_sections(replace(_NOTHING, **{line.section.value: line.text}), request)
    own = [sentence for sentence in held.sentences if sentence.section is line.section]
    grades = {sentence.grade for sentence in own} or {Grade.UNREAD}
    labels = dict.fromkeys(label for sentence in own for label in sentence.labels)
    grade = next(grade for grade in Grade if grade in grades)
    was = None if line.of is None else sentences[line.of]
    regions = was.regions if was is not None and was.text == line.text else ()
    return GradedSentence(line.section, line.text, grade, tuple(labels), regions)


def _decided(line: Line, sentence: GradedSentence) -> Line:
    if line.decision is Decision.STRUCK:
        return replace(line, text=sentence.text)
    if line.text != sentence.text:
        return replace(line, decision=Decision.CHANGED)
    return replace(line, decision=Decision.OPEN if line.decision is Decision.OPEN else Decision.ACCEPTED)


def _paragraphs(
    text: str, section: Section, sentences: Sequence[GradedSentence]
) -> dict[int, tuple[int, str]]:
    """Return of each sentence of a section, by its index, the number of its paragraph and its heading."""
    found: dict[int, tuple[int, str]] = {}
    headings: dict[int, str] = {}
    end = 0
    for index, sentence in enumerate(sentences):
        if sentence.section is not section:
            continue
        # A sentence that does not stand in the text as it was read counts to the paragraph before it.
        at = text.find(sentence.text, end)
        start = max(at, end)
        number = text.count("\n", 0, start)
        before = text[text.rfind("\n", 0, start) + 1 : start]
        heading = headings.setdefault(number, _LIST_MARK.sub("", before).strip())
        found[index] = number, heading
        end = end if at < 0 else at + len(sentence.text)
    return found


def _in_paragraphs(lines: Sequence[Line], paragraphs: dict[int, tuple[int, str]]) -> str:
    return "\n".join(
        " ".join(filter(None, (heading, *(text for _, text in group))))
        for (_, heading), group in groupby(_placed(lines, paragraphs), key=lambda placed: placed[0])
    )


def _placed(
    lines: Sequence[Line], paragraphs: dict[int, tuple[int, str]]
) -> Iterator[tuple[tuple[int, str], str]]:
    """Return each line's text with its paragraph; what was added before all others is in the first."""
    own = (paragraphs[line.of] for line in lines if line.of is not None)
    place = next(own, (0, ""))
    for line in lines:
        place = place if line.of is None else paragraphs[line.of]
        yield place, line.text
