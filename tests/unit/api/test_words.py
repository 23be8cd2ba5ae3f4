"""The words of the page: each language has them all, and no other file of the page has any."""

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Final

import pytest
from typing_extensions import override

from tests.support.page_modules import MODULES
from tests.support.words import WORDS, words_in

LANGUAGES: Final = tuple(sorted(file.stem for file in WORDS.glob("*.js")))
SAME_IN_SPANISH: Final = {"places.zones.apical", "places.zones.basal", "shortcuts.keys.control"}
SPEAKING: Final = sorted(file for file in MODULES.rglob("*.js") if file.parent != WORDS)

_TOKEN: Final = re.compile(
    r"""//[^\n]*|/\*.*?\*/|"((?:[^"\\\n]|\\.)*)"|'((?:[^'\\\n]|\\.)*)'|`((?:[^`\\]|\\.)*)`""", re.DOTALL
)
_SAYS_SOMETHING: Final = re.compile(r"[A-Za-z]{2,}\W* [A-Za-z]{2,}|^\W*[A-Z][a-z]+")
"""Two words beside each other, or a word with a capital letter."""
TECHNICAL: Final = {
    *("Authorization", "Bearer …", "Content-Type", "Idempotency-Key", "If-Match", "If-None-Match"),
    *("AbortError", "Files", "Problem"),
    *("Arrow", "Enter", "Shift+…", "Shift+ArrowDown", "Shift+ArrowLeft", "Shift+ArrowRight", "Shift+ArrowUp"),
    *("(pointer: coarse)", "input, select, textarea, dialog"),
    *("mark mark-…", "saving saving-…", "status-line status-…", "viewer-keys viewer-found"),
    *("DICOM SR (TID 1500)", "DICOM Basic Text SR", "DICOM Secondary Capture", "DICOM GSPS"),
    *("DICOM PDF", "IHE AIRAI"),
    *("CXR Reporter", "… · CXR Reporter", "docker compose logs credentials", "helm status"),
}
"""What the browser, the server or a terminal reads, and the name of the product."""


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_says_everything(language: str):
    words, english = words_in(language), words_in("en")
    assert words.keys() == english.keys()
    assert [key for key, text in words.items() if not text.strip()] == []
    gaps = {key: sorted(re.findall(r"\{\d\}", text)) for key, text in words.items()}
    assert gaps == {key: sorted(re.findall(r"\{\d\}", text)) for key, text in english.items()}


def test_what_is_not_translated_is_known():
    english = words_in("en")
    assert {key for key, text in words_in("es").items() if text == english[key]} == SAME_IN_SPANISH


@pytest.mark.parametrize("module", SPEAKING, ids=lambda module: module.relative_to(MODULES).as_posix())
def test_no_other_module_has_words_of_its_own(module: Path):
    found = _TOKEN.finditer(module.read_text(encoding="utf-8"))
    texts = {re.sub(r"\$\{[^{}]*\}", "…", next(filter(None, match.groups()), "")) for match in found}
    assert len(SPEAKING) > 30
    assert {text for text in texts if _SAYS_SOMETHING.search(text)} <= TECHNICAL


def test_the_page_itself_has_no_words_but_for_browsers_without_javascript():
    reader = _Reader()
    reader.feed((MODULES.parent / "index.html").read_text(encoding="utf-8"))
    assert reader.texts == ["CXR Reporter"]
    assert reader.languages == {"en", "es"}


def test_the_style_sheets_have_no_words():
    said = re.compile(r"content:[^;]*\"[^\";]*[A-Za-z]{2,}[^\";]*\"")
    sheets = sorted((MODULES.parent / "css").glob("*.css"))
    assert [sheet.name for sheet in sheets if said.search(sheet.read_text(encoding="utf-8"))] == []


class _Reader(HTMLParser):
    """Collects the texts outside of noscript, and the languages that are named."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.languages: set[str] = set()
        self._hidden = False

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._hidden = self._hidden or tag == "noscript"
        given = dict(attrs)
        self.languages |= {given["lang"] or ""} if "lang" in given else set()
        self.texts += [given[name] or "" for name in ("aria-label", "title", "alt") if name in given]

    @override
    def handle_endtag(self, tag: str) -> None:
        self._hidden = self._hidden and tag != "noscript"

    @override
    def handle_data(self, data: str) -> None:
        if data.strip() and not self._hidden:
            self.texts.append(data.strip())
