"""The pages of documentation: all of them found from docs/README.md, and every link leads somewhere."""

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from shared.bundles import load_bundle
from shared.settings import BUNDLED
from training.metrics import in_words

_ROOT = Path(__file__).parents[2]
_DOCS = _ROOT / "docs"
_PAGES = sorted([*_ROOT.glob("*.md"), *_ROOT.glob("[a-z]*/**/*.md")])
_DECISIONS = sorted((_DOCS / "decisions").glob("[0-9]*.md"))
_FOLDERS = (
    "api|bench|cxr|docker|docs|gateway|helm|migrations|samples|shared|tests|training|worker_cnn|worker_llm"
)
_NAMED_FILE = re.compile(rf"(?:{_FOLDERS})/[\w./-]+\.(?:py|md|toml|txt|json|yaml)")
_MARKDOWN = MarkdownIt().enable("table")


def name_of(path: Path) -> str:
    return path.relative_to(_ROOT).as_posix()


def tokens(page: Path) -> list[Token]:
    return _MARKDOWN.parse(page.read_text(encoding="utf-8"))


def links(page: Path) -> Iterator[tuple[Path, str]]:
    """Yield the file and the anchor of each link within the project."""
    for block in tokens(page):
        for part in block.children or ():
            target = str(part.attrGet("href") or "")
            if target and ":" not in target:
                file, _, anchor = target.partition("#")
                yield (page.parent / file).resolve() if file else page, anchor


def anchors(page: Path) -> set[str]:
    """Return what GitHub names the page's headings."""
    read = tokens(page)
    titles = [
        "".join(part.content for part in inline.children or ())
        for opening, inline in pairwise(read)
        if opening.type == "heading_open"
    ]
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", _PAGES, ids=name_of)
def test_every_link_leads_to_a_file_and_a_heading_that_are_there(page: Path):
    broken = [
        f"{file}#{anchor}"
        for file, anchor in links(page)
        if not file.exists() or (anchor and anchor not in anchors(file))
    ]
    assert not broken


def test_every_page_is_reached_from_the_index():
    reached = {_DOCS / "README.md"}
    waiting = list(reached)
    while waiting:
        found = {file for file, _ in links(waiting.pop()) if file.suffix == ".md"} - reached
        reached |= found
        waiting += found
    assert set(_DOCS.glob("**/*.md")) <= reached


@pytest.mark.parametrize("page", sorted(_DOCS.glob("**/*.md")), ids=name_of)
def test_every_file_that_a_page_names_is_there(page: Path):
    named = _NAMED_FILE.findall(page.read_text(encoding="utf-8"))
    assert not {file for file in named if not (_ROOT / file).exists()}


@pytest.mark.parametrize("page", _DECISIONS, ids=name_of)
def test_a_decision_has_its_number_its_date_and_what_would_change_it(page: Path):
    title, blank, date, *text = page.read_text(encoding="utf-8").splitlines()
    assert title.startswith(f"# {int(page.name[:4])}. ")
    assert blank == ""
    assert re.fullmatch(r"20\d\d-[01]\d-[0-3]\d", date)
    assert sum("What would change our mind" in line for line in text) == 1


def test_no_two_decisions_have_one_number():
    numbers = [page.name[:4] for page in _DECISIONS]
    assert len(numbers) == len(set(numbers)) > 0


@pytest.mark.parametrize("page", ["README.md", "bench/README.md"])
def test_what_the_classifier_is_worth_is_said_as_its_card_has_it(page):
    metrics = load_bundle(BUNDLED).card.metrics
    assert metrics is not None
    assert metrics.within_source is not None
    assert in_words(metrics.within_source) in (_ROOT / page).read_text(encoding="utf-8")
