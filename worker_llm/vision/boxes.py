"""Boxes that stand in a text: taken out of it, and kept with the sentence that they belong to.

A mark holds each one's place while the text around it is read (`put_aside`); then every sentence gets those
whose marks stand in it, or whose label it says (`placed`).

Map: `Found` · `put_aside` -> `placed`.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from shared.domain.reports import Region
from shared.reporting.labeller import split_sentences
from shared.reporting.request import Passage

NUMBER: Final = r"-?(?:\d+(?:\.\d+)?|\.\d+)"
LIST: Final = rf"\[\s*{NUMBER}(?:\s*[,;]\s*{NUMBER})*\s*[,;]?\s*\]?"
"""A list of numbers, whether it is closed or not."""

_OPEN, _CLOSE = "\ue000", "\ue001"
_OWN: Final = str.maketrans("", "", _OPEN + _CLOSE)
_BLANKS: Final = re.compile(r"\s+")
_MARK: Final = re.compile(f"{_OPEN}(\\d+){_CLOSE}")
_BEHIND: Final = re.compile(rf"([.!?])((?:[\s,]*{_MARK.pattern})+)")
"""A box behind the sentence's end is that sentence's."""
_PLACE: Final = r"(?:(?:the|a)\s+)?(?:bounding\s+)?(?:box(?:es)?|coordinates?|locations?|regions?|positions?)"
_AROUND: Final = re.compile(
    rf"(?:,?\s+(?:at|in|within|by)(?:\s+{_PLACE})?|,?\s+{_PLACE})?\s*:?\s*[\[(]*\s*"
    rf"{_MARK.pattern}(?:\s*(?:,\s*and|,|;|and)?\s*{_MARK.pattern})*\s*[\])]*",
    re.IGNORECASE,
)
"""Boxes, and the words that lead to nothing without them."""
_LOOSE: Final = re.compile(r"(?<=[.!?])\s*\.(?!\d)|\s+(?=[.,;!?])|\[[\s,;]*\]|\(\s*\)")


@dataclass(frozen=True, slots=True)
class Found:
    """What stood for a box.

    Attributes:
        region: None of one that nobody can read.
        label: the words that it is of, where it says them.
    """

    region: Region | None
    label: str = ""


def put_aside(text: str, boxes: re.Pattern[str], read: Callable[[str], Found]) -> tuple[str, list[Found]]:
    """Return a text with a mark for every box, and the boxes in their order."""
    found: list[Found] = []

    def mark(box: re.Match[str]) -> str:
        found.append(read(box.group()))
        return f"{_OPEN}{len(found) - 1}{_CLOSE}"

    # One blank or one line's end for many: the patterns here would take minutes over thousands of them.
    return boxes.sub(mark, _BLANKS.sub(_one, text.translate(_OWN))), found


def _one(blanks: re.Match[str]) -> str:
    return "\n" if "\n" in blanks.group() else " "


def placed(pieces: Iterable[Passage], found: Sequence[Found]) -> tuple[tuple[Passage, ...], int]:
    """Return every sentence of a text with its boxes, and how many boxes are no sentence's or unreadable."""
    sentences: list[str] = []
    own: list[set[int]] = []
    for piece in pieces:
        for sentence in split_sentences(_BEHIND.sub(r"\2\1", piece.text)):
            text = unmarked(sentence)
            if re.search(r"\w", text):
                sentences.append(text)
                own.append({int(number) for number in _MARK.findall(sentence)})
    for number, box in enumerate(found):
        if box.label:
            said = _sentence_of(box.label, sentences)
            for index, numbers in enumerate(own):
                (numbers.add if index == said else numbers.discard)(number)
    passages = tuple(
        Passage(text, _regions(found[number] for number in sorted(numbers)))
        for text, numbers in zip(sentences, own, strict=True)
    )
    kept = {number for numbers in own for number in numbers if found[number].region is not None}
    return passages, len(found) - len(kept)


def _regions(boxes: Iterable[Found]) -> tuple[Region, ...]:
    return tuple(dict.fromkeys(box.region for box in boxes if box.region is not None))


def unmarked(text: str) -> str:
    """Return a text without marks and without the words that led to them."""
    return " ".join(_LOOSE.sub("", _AROUND.sub(" ", text)).split())


def _sentence_of(label: str, sentences: Sequence[str]) -> int | None:
    """Return which sentence says a label: all of it, or first."""
    wanted = _plain(label)
    plain = [_plain(sentence) for sentence in sentences]
    if wanted in plain:
        return plain.index(wanted)
    return next((index for index, said in enumerate(plain) if wanted and wanted in said), None)


def _plain(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.lower()))
