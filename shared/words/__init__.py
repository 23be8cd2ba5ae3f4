"""Every word that reports are written in and read by: one TOML file a language, named by its code.

The code that writes or reads with a table stands with what it writes: this is where the tables come from.

Map: `words_of`, `in_each`.
"""

import tomllib
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final, TypeVar

from shared.domain.reports import Language

_FOLDER: Final = Path(__file__).parent

Table = TypeVar("Table")


@cache
def words_of(language: Language) -> Mapping[str, Any]:
    """Return a language's tables."""
    return tomllib.loads((_FOLDER / f"{language}.toml").read_text(encoding="utf-8"))


def in_each(name: str, make: Callable[[Mapping[str, Any]], Table]) -> Mapping[Language, Table]:
    """Return what is made of one table of each language."""
    return {language: make(words_of(language)[name]) for language in Language}
