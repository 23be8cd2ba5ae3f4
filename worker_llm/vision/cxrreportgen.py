"""CXRReportGen (MAIRA-2's recipe, arXiv 2406.04449): findings with boxes, as an endpoint of Azure gives them.

It takes one row of a table. No text of it is empty: what is missing is "None". It answers JSON, as a text:

    [["The heart is large.", [[0.31, 0.4, 0.71, 0.8]]], ["No effusion.", null]]

where a box is fractions of the square in the middle of the frontal radiograph. It writes no impression.

Map: `CxrReportGen` (`ask`, `read`) -> `_passage`, `_boxes`, `_region` · `row_of`.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any, Final

from shared.domain.reports import Region
from shared.outgoing import bare, base64_of, png_of
from shared.reporting.composition import technique_lines
from shared.reporting.request import Passage, ReportRequest, Sight
from worker_llm.vision.asking import Answer, Question, study_before
from worker_llm.vision.frames import Frame, centre_square, frontal_and_lateral
from worker_llm.vision.slots import LONGEST_REPORT, MISSING, objections_in_words, slot

_NONE: Final = "None"
_LONGEST: Final = 450
_SIDE: Final = 1024
"""Pixels of the longest side that is sent; the model itself takes half as many."""
_SLACK: Final = 0.1
"""How far beyond the square a corner may be said to lie; further off it is no fraction."""
_NESTED: Final = 3
"""How often a text may be wrapped as JSON in JSON."""


class CxrReportGen:
    """How CXRReportGen is asked and read."""

    def ask(self, request: ReportRequest, sight: Sight) -> Question:
        """Fill the row; see `Model.ask`."""
        frontal, lateral = frontal_and_lateral(sight)
        shown = {"frontal_image": centre_square(frontal)}
        if lateral is not None:
            shown["lateral_image"] = centre_square(lateral)
        if sight.earlier is not None:
            shown["prior_image"] = centre_square(sight.earlier.picture, earlier=True)
        images = [{"type": "image", "column": column} for column in shown]
        texts = [
            {"type": "text", "column": column, "text": text}
            for column, text in _texts(request, sight).items()
        ]
        return Question(
            chat=[{"role": "user", "content": [*images, *texts]}],
            images=tuple(image for image, _ in shown.values()),
            frames=tuple(frame for _, frame in shown.values()),
            longest=_LONGEST,
        )

    def read(self, text: str, question: Question) -> Answer:
        """Read sentences and boxes; see `Model.read`."""
        rows: object = text
        for _ in range(_NESTED):
            if not isinstance(rows, str):
                break
            try:
                rows = json.loads(rows)
            except (ValueError, RecursionError):
                break
        if isinstance(rows, str):
            # Prose without boxes is a text too; JSON that was cut off is none.
            return Answer(() if rows.lstrip().startswith(("[", "{")) else (Passage(rows, ()),))
        read = [_passage(row, question.frames[0]) for row in rows] if isinstance(rows, list) else []
        kept = [found for found in read if found is not None]
        return Answer(tuple(passage for passage, _ in kept), dropped=sum(dropped for _, dropped in kept))


def row_of(question: Question) -> dict[str, str]:
    """Return the columns of a question's row and what stands in each."""
    images = iter(question.images)
    return {
        item["column"]: base64_of(png_of(bare(next(images), longest=_SIDE)))
        if item["type"] == "image"
        else item["text"]
        for item in question.chat[0]["content"]
    }


def _texts(request: ReportRequest, sight: Sight) -> dict[str, str]:
    texts = {
        # The one slot that takes a sentence of any kind.
        "indication": " ".join(filter(None, (_said(sight.indication), objections_in_words(request)))),
        "technique": " ".join(technique_lines(request)),
        "comparison": study_before(request) or _NONE,
    }
    if sight.earlier is not None and sight.earlier.report:
        texts["prior_report"] = _said(sight.earlier.report, longest=LONGEST_REPORT)
    return texts


def _said(text: str | None, longest: int = 600) -> str:
    cleaned = slot(text, longest=longest)
    return _NONE if cleaned == MISSING else cleaned


def _passage(row: object, frame: Frame) -> tuple[Passage, int] | None:
    """Read a row of the answer, and how many of its boxes cannot be read; None where it holds no sentence."""
    sentence, boxes = (row[0], row[1:]) if isinstance(row, list) and row else (row, [])
    if not isinstance(sentence, str) or not sentence.strip():
        return None
    regions = [_region(box, frame) for box in _boxes(boxes)]
    kept = tuple(region for region in regions if region is not None)
    return Passage(sentence, kept), len(regions) - len(kept)


def _boxes(said: Sequence[Any]) -> Iterator[object]:
    """Yield what stands for a box: documented as a list of lists or null, and given as one list too."""
    for boxes in said:
        if boxes is None:
            continue
        nested = isinstance(boxes, list) and any(isinstance(box, list) for box in boxes)
        yield from boxes if nested else ([boxes] if boxes != [] else [])


def _region(box: object, frame: Frame) -> Region | None:
    if not isinstance(box, list) or not all(_is_fraction(corner) for corner in box):
        return None
    return frame.region(box)


def _is_fraction(corner: object) -> bool:
    return isinstance(corner, int | float) and -_SLACK <= corner <= 1 + _SLACK
