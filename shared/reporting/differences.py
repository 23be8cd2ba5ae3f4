"""What two versions of a report differ in, sentence by sentence.

Map: `Difference` -> `differences` -> `_of_block` (sentences that took the place of others: which of which).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum
from typing import Final

from shared.domain.reports import GradedSentence, Section

_IS_CHANGED_FROM: Final = 0.5
"""Share of letters that two sentences have in common (`SequenceMatcher.ratio`) to count as one, changed."""


class Op(StrEnum):
    """What became of a sentence."""

    SAME = "same"
    CHANGED = "changed"
    REMOVED = "removed"
    ADDED = "added"


@dataclass(frozen=True, slots=True)
class Difference:
    """One sentence of two versions; what was added has no `before`, and what was removed no `after`."""

    section: Section
    op: Op
    before: str | None
    after: str | None


def differences(before: Sequence[GradedSentence], after: Sequence[GradedSentence]) -> Iterator[Difference]:
    """Go through two versions' sentences, section by section, in the order of the later one."""
    for section in Section:
        old = [sentence.text for sentence in before if sentence.section is section]
        new = [sentence.text for sentence in after if sentence.section is section]
        for tag, i1, i2, j1, j2 in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
            if tag == "equal":
                yield from (Difference(section, Op.SAME, text, text) for text in old[i1:i2])
            else:
                yield from _of_block(section, old[i1:i2], new[j1:j2])


def _of_block(section: Section, old: Sequence[str], new: Sequence[str]) -> Iterator[Difference]:
    rest = list(old)
    for text in new:
        likeness = [SequenceMatcher(None, earlier, text).ratio() for earlier in rest]
        best = max(range(len(rest)), key=likeness.__getitem__, default=0)
        if not rest or likeness[best] < _IS_CHANGED_FROM:
            yield Difference(section, Op.ADDED, None, text)
            continue
        yield from (Difference(section, Op.REMOVED, earlier, None) for earlier in rest[:best])
        yield Difference(section, Op.CHANGED, rest[best], text)
        rest = rest[best + 1 :]
    yield from (Difference(section, Op.REMOVED, earlier, None) for earlier in rest)
