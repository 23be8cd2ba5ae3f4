"""The radiographs of a report on paper: as SVG, with the boxes of findings and sentences, and under heatmaps.

Typst takes a picture in memory only where it is text, as SVG is; what is drawn over it stays sharp in print.
"""

import base64
from collections.abc import Mapping
from io import BytesIO
from typing import Any, Final

from PIL import Image

from shared.domain.findings import Box, FindingStatus
from shared.domain.reports import AiMark, Grade
from shared.rendering.assessed import upheld
from shared.rendering.document import FindingLine, ImageLine, ReportDocument, image_in_words
from shared.rendering.notes import finding_in_words

_LONGER_SIDE: Final = 1000
"""Pixels of a radiograph: 300 an inch at half of the page's width."""
_UNDER_HEATMAP: Final = 500
"""Pixels of a radiograph that a heatmap lies over: the map is coarser than that."""
_QUALITY: Final = 90
_STROKE: Final = 0.006  # of the picture's longer side
_NUMBER: Final = 0.065  # likewise
_COLOR: Final = "#ffd60a"
_WRITERS_COLOR: Final = "#64d2ff"
"""Of boxes that a writer told: nobody checked them, and no finding's box looks like one."""


def title_of(document: ReportDocument, words: Mapping[str, Any]) -> str:
    """Return the heading of the radiographs: whose marks are on them, the classifier's or a seeing writer's.

    Args:
        words: the table `sheet` in the document's language.
    """
    shown = [image for image in document.images if image.index in document.pictures]
    marked = any(
        line.box is not None or _heatmap(document, line) is not None
        for image in shown
        for line in _found(document, image)
    )
    told = any(_told(document, image, words) for image in shown)
    marks = "_and_".join([*(["found"] if marked else []), *(["told"] if told else [])])
    return str(words["pictures"][marks or "plain"])


def pictures_of(document: ReportDocument, words: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return each radiograph that was used and can be shown: its title, and its cells as `_cells` has them.

    Args:
        words: the table `sheet` in the document's language.
    """
    return [
        {"title": words["radiograph"].format(image=name), "cells": _cells(document, image, name, words)}
        for image in document.images
        if image.index in document.pictures
        for name in [image_in_words(image, document.words)]
    ]


def _cells(
    document: ReportDocument, image: ImageLine, name: str, words: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Return the radiograph with its boxes, then one cell for each heatmap of what is present."""
    picture = Image.open(BytesIO(document.pictures[image.index])).convert("L")
    lines = _found(document, image)
    boxed = [(line, line.box) for line in lines if line.box is not None]
    legend = [
        f"{number} {finding_in_words(line, document.language)} "
        f"({document.words.finding_status[line.status]}, {line.probability:.2f})"
        for number, (line, _) in enumerate(boxed, start=1)
    ]
    boxes = [
        _drawn_box(box, number, picture.size, dots=3 * (line.status is FindingStatus.UNCERTAIN))
        for number, (line, box) in enumerate(boxed, start=1)
    ]
    told = _told(document, image, words)
    for number, (box, line) in enumerate(told, start=len(boxed) + 1):
        legend.append(f"{number} {line}")
        boxes.append(_drawn_box(box, number, picture.size, dots=1, color=_WRITERS_COLOR))
    cells: list[dict[str, Any]] = [
        {
            "svg": _svg(picture, _LONGER_SIDE, "".join(boxes)),
            "alt": words["radiograph_alt"].format(image=name, boxes="; ".join(legend) or words["no_boxes"]),
            "ratio": picture.height / picture.width,
            "caption": legend,
        }
    ]
    return cells + [
        {
            "svg": _svg(picture, _UNDER_HEATMAP, _embedded(overlay, "png", picture.size)),
            "alt": words["heatmap_alt"].format(image=name, finding=line.name),
            "ratio": picture.height / picture.width,
            "caption": [words["heatmap"].format(finding=line.name)],
        }
        for line in lines
        if (overlay := _heatmap(document, line)) is not None
    ]


def _found(document: ReportDocument, image: ImageLine) -> list[FindingLine]:
    """Return what the classifier found on an image and no signer denied."""
    return [
        line
        for line in upheld(document)
        if line.image == image.index and line.status is not FindingStatus.ABSENT
    ]


def _heatmap(document: ReportDocument, line: FindingLine) -> bytes | None:
    """Return the overlay of a finding that is present, where one is kept."""
    if line.image is None or line.status is not FindingStatus.PRESENT:
        return None
    return document.heatmaps.get((line.image, line.label))


def _told(document: ReportDocument, image: ImageLine, words: Mapping[str, Any]) -> list[tuple[Box, str]]:
    """Return where its writer saw what a sentence says, with the sentence, marked as it is in the text."""
    signed = document.ai_mark is AiMark.REVIEWED
    marks = document.words.marks
    told: list[tuple[Box, str]] = []
    for sentence in document.sentences:
        marked = not signed and sentence.grade is not Grade.SUPPORTED
        text = f"[{marks[sentence.grade].upper()}: {sentence.text}]" if marked else sentence.text
        line = words["as_told"].format(sentence=text)
        told += [(region.box, line) for region in sentence.regions if region.image == image.index]
    return told


def _svg(picture: Image.Image, longer_side: int, over: str) -> str:
    """Draw over a radiograph, in its own pixels."""
    small = picture.copy()
    small.thumbnail((longer_side, longer_side))
    packed = BytesIO()
    small.save(packed, "JPEG", quality=_QUALITY)
    width, height = picture.size
    under = _embedded(packed.getvalue(), "jpeg", picture.size)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}">{under}{over}</svg>'
    )


def _embedded(content: bytes, kind: str, size: tuple[int, int]) -> str:
    packed = base64.b64encode(content).decode()
    width, height = size
    return (
        f'<image width="{width}" height="{height}" preserveAspectRatio="none" '
        f'href="data:image/{kind};base64,{packed}"/>'
    )


def _drawn_box(box: Box, number: int, size: tuple[int, int], *, dots: int, color: str = _COLOR) -> str:
    """Draw a box with its number in a corner, each in another one: boxes are often nearly the same.

    Args:
        dots: how long the dashes of its line are, in widths of the line; 0 for a whole line.
    """
    width, height = size
    unit = max(size)
    stroke, text = _STROKE * unit, _NUMBER * unit
    left, top, right, bottom = box.left * width, box.top * height, box.right * width, box.bottom * height
    is_right, is_low = number % 2 == 0, number % 4 in {3, 0}
    x, anchor = (right - 2 * stroke, "end") if is_right else (left + 2 * stroke, "start")
    y = bottom - 2 * stroke if is_low else top + text
    dashes = f' stroke-dasharray="{dots * stroke:.1f}"' if dots else ""
    return (
        f'<rect x="{left:.1f}" y="{top:.1f}" width="{right - left:.1f}" height="{bottom - top:.1f}" '
        f'fill="none" stroke="{color}" stroke-width="{stroke:.1f}"{dashes}/>'
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{color}" font-family="Noto Sans" '
        f'font-weight="bold" font-size="{text:.1f}" stroke="black" stroke-width="{stroke:.1f}" '
        f'paint-order="stroke">{number}</text>'
    )
