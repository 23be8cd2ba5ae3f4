"""The picture of a Secondary Capture: radiographs with boxes and heatmaps, drawn for a viewer's screen.

banner      what made it, and whether anybody has signed
radiograph  with numbered boxes · its heatmaps, the strongest first · its legend below
...
footer      that it is no medical device
"""

import textwrap
from collections.abc import Sequence
from io import BytesIO
from typing import Final

from PIL import Image, ImageDraw, ImageFont

from shared.domain.findings import FindingStatus
from shared.rendering import notes
from shared.rendering.document import FindingLine, ImageLine, ReportDocument, image_in_words
from shared.rendering.stated import stated
from shared.version import SOFTWARE

_SIDE: Final = 1000
"""Pixels of a radiograph's square, where a study has one or two; more of them share the same height."""
_MOST_ROWS: Final = 2
_GAP: Final = 20
_MAPS: Final = 4
"""Heatmaps beside a radiograph, two in a column; the rest would be too small to read."""
_TEXT: Final = 26
_TITLE: Final = 40
_WHITE, _YELLOW, _GRAY, _BLACK = "#ffffff", "#ffd60a", "#b0b0b0", "#000000"
_ALPHABET: Final = "cp1252"
_LINE: Final = 1.35
_LETTER: Final = 0.52
"""Width of a letter of the font, by its size: about the mean."""


def sheet_of(document: ReportDocument) -> Image.Image:
    """Draw everything; the width is even.

    Args:
        document: with the pictures of the radiographs, and of the heatmaps.
    """
    rows = [_row(document, image) for image in document.images if image.index in document.pictures]
    width = max(row.width for row in rows)
    parts = [_banner(document, width), *rows, _lines([document.words.not_a_medical_device], width, _GRAY)]
    sheet = Image.new("RGB", (width, sum(part.height + _GAP for part in parts)), _BLACK)
    top = 0
    for part in parts:
        sheet.paste(part, (0, top))
        top += part.height + _GAP
    return sheet


def _banner(document: ReportDocument, width: int) -> Image.Image:
    words = document.words
    status = words.report_status[document.status].upper()
    said = [*notes.status_lines(document), document.author_line, *notes.warning_lines(document)]
    title = _lines([f"{SOFTWARE} {document.software_version}: AI, {status}"], width, _YELLOW, size=_TITLE)
    return _above(title, _lines(said, width, _WHITE))


def _row(document: ReportDocument, image: ImageLine) -> Image.Image:
    """Draw one radiograph with what the report states of it."""
    side = _SIDE * _MOST_ROWS // max(_MOST_ROWS, len(document.pictures))
    findings = [
        one.finding
        for one in stated(document)
        if one.finding and one.finding.image == image.index and one.status is not FindingStatus.ABSENT
    ]
    findings.sort(key=lambda finding: -finding.probability)
    boxed = [finding for finding in findings if finding.box]
    picture = _fitted(_radiograph(document, image), side)
    row = Image.new("RGB", (2 * (side + _GAP), side), _BLACK)
    row.paste(_with_boxes(picture, boxed), (0, 0))
    mapped = [finding for finding in findings if (image.index, finding.label) in document.heatmaps]
    tile = (side - _GAP) // 2
    for place, finding in enumerate(mapped[:_MAPS]):
        left = side + _GAP + (place % 2) * (tile + _GAP)
        row.paste(_tile(document, image, finding, tile), (left, place // 2 * (tile + _GAP)))
    legend = [f"{number}  {_in_words(document, finding)}" for number, finding in enumerate(boxed, start=1)]
    legend += [_in_words(document, finding) for finding in findings if not finding.box]
    title = _lines([image_in_words(image, document.words)], row.width, _WHITE)
    return _above(_above(title, row), _lines(legend, row.width, _YELLOW))


def _radiograph(document: ReportDocument, image: ImageLine) -> Image.Image:
    return Image.open(BytesIO(document.pictures[image.index])).convert("RGB")


def _fitted(picture: Image.Image, side: int) -> Image.Image:
    """Scale a picture so that its longer side has so many pixels."""
    scale = side / max(picture.size)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    return picture.resize(size, Image.Resampling.LANCZOS)


def _with_boxes(picture: Image.Image, findings: Sequence[FindingLine]) -> Image.Image:
    """Draw numbered boxes; a black edge lets them be seen on white too."""
    pen = ImageDraw.Draw(picture)
    for number, finding in enumerate(findings, start=1):
        assert finding.box is not None  # noqa: S101  the caller has no others
        box = finding.box
        corners = [
            (box.left * picture.width, box.top * picture.height),
            (box.right * picture.width - 1, box.bottom * picture.height - 1),
        ]
        pen.rectangle(corners, outline=_BLACK, width=6)
        pen.rectangle(
            [(x + step, y + step) for (x, y), step in zip(corners, (1, -1), strict=True)],
            outline=_YELLOW,
            width=3,
        )
        at = (corners[0][0] + 10, corners[0][1] + 6)
        pen.text(at, str(number), font=_font(_TITLE), fill=_YELLOW, stroke_width=3, stroke_fill=_BLACK)
    return picture


def _tile(document: ReportDocument, image: ImageLine, finding: FindingLine, side: int) -> Image.Image:
    """Draw a heatmap over the radiograph, with its name below."""
    name = _lines([finding.name], side, _WHITE)
    under = _fitted(_radiograph(document, image), side - name.height)
    heat = Image.open(BytesIO(document.heatmaps[image.index, finding.label])).convert("RGBA")
    heat = heat.resize(under.size, Image.Resampling.BILINEAR)
    under.paste(heat, (0, 0), heat)
    tile = Image.new("RGB", (side, side), _BLACK)
    tile.paste(under, (0, 0))
    tile.paste(name, (0, under.height))
    return tile


def _in_words(document: ReportDocument, finding: FindingLine) -> str:
    name = notes.finding_in_words(finding, document.language)
    status = document.words.finding_status[finding.status]
    return f"{name}: {status}, {finding.probability:.2f}"


def _lines(texts: Sequence[str], width: int, color: str, *, size: int = _TEXT) -> Image.Image:
    """Draw lines of text, broken where they would not fit; without any, a strip of no height."""
    letters = int(width / (size * _LETTER))
    # The font that Pillow brings has Latin letters; the name of a file may have others.
    shown = [text.encode(_ALPHABET, "replace").decode(_ALPHABET) for text in texts]
    lines = [line for text in shown for line in textwrap.wrap(text, letters)]
    strip = Image.new("RGB", (width, round(len(lines) * size * _LINE)), _BLACK)
    pen = ImageDraw.Draw(strip)
    for number, text in enumerate(lines):
        pen.text((4, number * size * _LINE), text, font=_font(size), fill=color)
    return strip


def _above(upper: Image.Image, lower: Image.Image) -> Image.Image:
    """Put two strips of one width together."""
    both = Image.new("RGB", (upper.width, upper.height + lower.height), _BLACK)
    both.paste(upper, (0, 0))
    both.paste(lower, (0, upper.height))
    return both


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
