"""The pages of the models that see, and the catalogue: the same models, licences and commands."""

import pytest

from shared.catalogue import CATALOGUE, Entry
from shared.catalogue_reference import PAGES, head, table
from tests.support.services import ROOT

_PAGES = ROOT / PAGES


def test_the_table_of_models_is_up_to_date():
    assert (_PAGES / "README.md").read_text() == table(), "run `make docs`"


def test_every_model_has_its_page_and_every_page_its_model():
    assert {page.stem for page in _PAGES.glob("*.md")} == {"README", *CATALOGUE}


@pytest.mark.parametrize("entry", CATALOGUE.values(), ids=CATALOGUE.keys())
def test_a_page_says_what_the_catalogue_says_and_what_the_model_is(entry: Entry):
    page = (_PAGES / f"{entry.name}.md").read_text()
    assert page.startswith(head(entry)), "run `make docs`"
    assert "\n## What it is\n" in page
    for fact in (entry.licence, entry.terms, entry.tried, *entry.steps):
        assert fact in page
