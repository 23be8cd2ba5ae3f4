"""A report on paper: PDF/A-2a and PDF/UA-1 at once, for archives and for those who have it read aloud.

`sheet_of` says what stands on it, the template `report.typ` how it looks, and Typst sets it. No text of a
report is ever part of the template: it comes as data.

Map: `render` -> `_without` what no font has (`_is_shown`) -> `_compiled`.
"""

import json
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache, lru_cache
from importlib.resources import files
from pathlib import Path
from threading import Lock
from typing import Final, NamedTuple, TypeAlias

from typst import Compiler, Fonts, TypstError

from shared.rendering.document import ReportDocument
from shared.rendering.pdf_sheet import sheet_of

MEDIA_TYPE: Final = "application/pdf"

Part: TypeAlias = "str | float | Sequence[Part] | Mapping[str, Part] | None"
"""A piece of a sheet."""

_TEMPLATE: Final = (Path(__file__).parent / "report.typ").read_bytes()
_ONE_CHARACTER: Final = b"""\
#let sheet = json(bytes(sys.inputs.sheet))
#set document(title: "one character")
#set text(font: sheet.fonts, lang: "en")
#sheet.character
"""
_FONTS: Final = ("manimgx_fonts", "manimgx_fonts_cjk")
"""Packages of the Noto fonts: they have the scripts that names are written in, on every machine the same."""
_FIRST: Final = ("Noto Sans", "Noto Sans CJK JP")
"""Languages write one Han character differently: where nothing tells which it is, as in Japan."""

_SPACES: Final = dict.fromkeys(map(ord, "\t\n\v\f\r\x85\u2028\u2029"), " ")
_NEVER: Final = {"Cc", "Cn", "Co", "Cs"}
"""Categories without a glyph: controls, and what is unassigned, private, or half of a pair."""
_OVERRIDES: Final = {"LRO", "RLO"}
"""They turn what follows round, so that a page would say what its text does not."""
_ONE_AT_A_TIME: Final = Lock()


class _Press(NamedTuple):
    compiler: Compiler
    fonts: list[str]


def render(document: ReportDocument) -> bytes:
    """Set the report on A4 pages, in the same bytes each time.

    A character that no font has stands as its Unicode number, and a line of the page says so.
    """
    sheet = sheet_of(document)
    # Typst takes whole seconds.
    at = document.reported_at.replace(microsecond=0)
    characters = _characters(sheet)
    hidden = {character for character in characters if _is_never_shown(character)}
    try:
        return _compiled(_TEMPLATE, _without(hidden, sheet), at)
    except TypstError:
        # PDF/A allows no character without a glyph, and Typst keeps to that.
        hidden |= {character for character in characters - hidden if not _is_shown(character)}
        return _compiled(_TEMPLATE, _without(hidden, sheet), at)


def _without(hidden: Collection[str], sheet: Mapping[str, Part]) -> Mapping[str, Part]:
    """Return a sheet with the numbers of the hidden characters in their places, and a line about them."""
    numbers = {ord(character): f"[U+{ord(character):04X}]" for character in hidden}
    shown = {name: _translated(part, _SPACES | numbers) for name, part in sheet.items()}
    return shown if hidden else shown | {"not_shown": None}


def _is_never_shown(character: str) -> bool:
    is_override = unicodedata.bidirectional(character) in _OVERRIDES
    is_blank = ord(character) in _SPACES
    return is_override or (unicodedata.category(character) in _NEVER and not is_blank)


@lru_cache(maxsize=10_000)
def _is_shown(character: str) -> bool:
    """Tell whether a page may hold a character, by setting one with it alone."""
    try:
        _compiled(_ONE_CHARACTER, {"character": character}, datetime.fromtimestamp(0, UTC))
    except TypstError:
        return False
    return True


def _characters(value: Part) -> set[str]:
    """Return the characters of every text of a sheet that are not plain ASCII."""
    if isinstance(value, str):
        return set() if _is_plain(value) else set(value)
    if isinstance(value, Mapping):
        return _characters([*value.values()])
    return set().union(*map(_characters, value)) if isinstance(value, Sequence) else set()


def _translated(value: Part, table: Mapping[int, str]) -> Part:
    """Return a sheet with the characters of every text translated, as `str.translate` does."""
    if isinstance(value, str):
        return value if _is_plain(value) else value.translate(table)
    if isinstance(value, Mapping):
        return {name: _translated(item, table) for name, item in value.items()}
    return [_translated(item, table) for item in value] if isinstance(value, Sequence) else value


def _is_plain(text: str) -> bool:
    # Quick, since the pictures are text too.
    return text.isascii() and text.isprintable()


@cache
def _press() -> _Press:
    fonts = Fonts(
        include_system_fonts=False,
        include_embedded_fonts=False,
        font_paths=[str(files(package)) for package in _FONTS],
    )
    others = [family for family in fonts.families() if family not in _FIRST]
    return _Press(Compiler(font_paths=fonts, ignore_system_fonts=True), [*_FIRST, *others])


def _compiled(source: bytes, sheet: Mapping[str, Part], at: datetime) -> bytes:
    # The compiler refuses a second caller while it works.
    with _ONE_AT_A_TIME:
        press = _press()
        paper = press.compiler.compile(
            input=source,
            sys_inputs={"sheet": json.dumps({**sheet, "fonts": press.fonts})},
            format="pdf",
            pdf_standards=["a-2a", "ua-1"],
            timestamp=at,
        )
    assert isinstance(paper, bytes)  # noqa: S101  a PDF is one file; other formats are one a page
    return paper
