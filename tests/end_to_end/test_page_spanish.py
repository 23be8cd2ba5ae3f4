"""The page for a Spanish reader: none of its words is left in English, and reports come in Spanish."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]  # ships no types

from tests.end_to_end.conftest import OpenTab, ask
from tests.support.browser import STUDY_SECONDS, Tab
from tests.support.stack import FullStack
from tests.support.words import words_in

SPANISH: Final = words_in("es")
_SAID: Final = """() => {
  const texts = [document.title];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
    const element = node instanceof Element ? node : node.parentElement;
    if (element.closest("body [lang=en], noscript, script, code, .file-name")) continue;
    const names = ["aria-label", "title", "alt"];
    if (node === element) texts.push(...names.map((name) => element.getAttribute(name)));
    else texts.push(node.data);
  }
  return texts.filter(Boolean).join("\\n");
}"""
"""All that is read or heard of the page, but for what is marked as English and names of files."""


def english_on(tab: Tab) -> set[str]:
    """Return the English words of the page that stand on it."""
    said: str = tab.page.evaluate(_SAID)
    return {words for words in _ENGLISH_ONLY if re.search(rf"(?<!\w){re.escape(words)}(?!\w)", said)}


def _pieces(language: str) -> Iterator[str]:
    for text in words_in(language).values():
        yield from filter(None, (piece.strip(" .,:;·?¿()") for piece in re.split(r"\{\d\}", text)))


_ENGLISH_ONLY: Final = {words for words in _pieces("en") if words not in "\n".join(_pieces("es"))}


@pytest.fixture
def spanish(open_tab: OpenTab) -> Tab:
    return open_tab(locale="es-ES")


def test_from_upload_to_report_in_spanish(
    spanish: Tab, open_tab: OpenTab, stack: FullStack, samples: Path
) -> None:
    page = spanish.page
    spanish.open()
    assert page.locator("html").get_attribute("lang") == "es"
    page.keyboard.press("?")
    page.get_by_role("dialog", name=SPANISH["shortcuts.title"]).wait_for()
    assert english_on(spanish) == set()
    page.keyboard.press("Escape")
    spanish.choose(samples / "chest-1.png")
    assert page.get_by_label(SPANISH["upload.language"]).input_value() == "es"
    assert english_on(spanish) == set()
    page.get_by_role("button", name=SPANISH["upload.send"]).click()
    page.locator("#status.status-completed").wait_for(timeout=STUDY_SECONDS * 1000)
    page.locator("[data-section=impression]").wait_for()
    spanish.wait_for_radiograph()
    report = ask(stack, f"/v1/studies/{spanish.study_id}/report").json()
    assert report["language"] == "es"
    assert spanish.section("impression") == report["sections"]["impression"]
    assert re.fullmatch(r"Completado tras (\d+ min )?\d+(,\d)? s", page.locator("#status").inner_text())
    assert page.locator(".critical").inner_text() == "Crítico: Hernia diafragmática"
    assert re.fullmatch(r"0,\d\d", page.locator(".finding > .number").first.inner_text())
    assert english_on(spanish) == set()
    assert [found["id"] for found in Axe().run(page).response["violations"]] == []
    spanish.open()
    page.locator(f'.study-row[href="#/studies/{report["study_id"]}"]', has_text="Completado").wait_for()
    assert english_on(spanish) == set()

    spanish.refusals_expected = 1  # there is no draft yet
    spanish.open(f"#/studies/{report['study_id']}/review")
    page.get_by_label(SPANISH["review.name"], exact=True).fill("Dra. Ana Ruiz")
    page.keyboard.press("Enter")
    page.locator(".line:focus").wait_for()
    page.keyboard.press("c")
    page.keyboard.press("Control+a")
    page.keyboard.type("Hay un neumotórax.")
    page.locator(".line-grade").wait_for()
    assert english_on(spanish) == set()
    page.keyboard.press("Control+Enter")
    page.locator(".standing", has_text=SPANISH["review.standings.final"]).wait_for()
    page.locator(".versions summary").click()
    page.locator(".difference ins").first.wait_for()
    assert english_on(spanish) == set()

    english = open_tab()
    english.open(f"#/studies/{report['study_id']}")
    section = english.page.locator("[data-section=impression]")
    section.wait_for()
    assert (section.get_attribute("lang"), section.get_by_role("heading").inner_text()) == ("es", "Impresión")
    findings = english.page.locator(".finding")
    assert english.page.locator(".finding-name [lang=es]").count() == findings.count() > 0
    assert {"Report", "Findings", "Not for diagnosis"} <= english_on(english)


def test_files_of_a_batch_are_refused_in_spanish(spanish: Tab, tmp_path: Path) -> None:
    page = spanish.page
    notes = [tmp_path / f"note-{number}.dcm" for number in range(2)]
    for note in notes:
        note.write_text(f"not a radiograph {note.name}")
    spanish.open()
    spanish.choose(*notes)
    page.get_by_role("radio", name=SPANISH["upload.each"]).check()
    page.get_by_role("button", name=SPANISH["upload.send"]).click()
    page.get_by_text("Terminados: 2 de 2 · completo").wait_for()
    page.locator(".study-row").nth(1).wait_for()
    assert "Rechazado 2" in " ".join(
        page.get_by_role("list", name="Estudios por estado").inner_text().split()
    )
    assert english_on(spanish) == set()
