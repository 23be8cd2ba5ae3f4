"""Every language has all that another has."""

from collections.abc import Iterator
from typing import Any

import pytest

from shared.domain.reports import Grade, Language
from shared.reporting.comparison import Change
from shared.reporting.lexicon import Organ
from shared.reporting.warnings import ImageWarning
from shared.words import words_of

MAY_DIFFER = ("terms", "small", "strange", "join", "places.sides", "warnings.reasons")
"""What a language has as many words for as it needs; the labels themselves are the lexicon's test's."""


def _keys(table: dict[str, Any], within: str = "") -> Iterator[str]:
    for name, value in table.items():
        at = f"{within}{name}"
        if at in MAY_DIFFER:
            yield at
        elif isinstance(value, dict):
            yield from _keys(value, f"{at}.")
        else:
            yield at


@pytest.mark.parametrize("language", Language)
def test_every_language_has_the_tables_of_english(language: Language):
    assert sorted(_keys(dict(words_of(language)))) == sorted(_keys(dict(words_of(Language.ENGLISH))))


@pytest.mark.parametrize("language", Language)
def test_what_the_code_names_has_its_words(language: Language):
    words = words_of(language)
    assert set(words["headings"]) == {*Organ, "critical"}
    assert set(words["comparison"]["changes"]) == set(Change)
    assert set(words["warnings"]["of_images"]) == set(ImageWarning)
    graded = set(Grade) - {Grade.SUPPORTED}
    assert set(words["departures"]["one"]) == set(words["departures"]["many"]) == graded
    assert set(words["paper"]["marks"]) == graded
