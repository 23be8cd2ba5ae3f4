"""Where a finding is, in words: one phrase is written for each place, and others are read too.

Map: `in_place` (written) · `PHRASES` (read) · `is_within`.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from shared.domain.findings import Place, Side, Zone
from shared.domain.reports import Language
from shared.reporting.lexicon import expand
from shared.words import in_each

_TABLES: Final = in_each("places", dict)


def in_place(place: Place, language: Language) -> str:
    """Write a place: "on the right", "in both lower zones"; whether it is as displayed is said elsewhere."""
    return _WRITTEN[language][place.side, place.zone]


def is_within(said: Place | None, known: Place | None) -> bool:
    """Tell whether all that is said of a place is known of it; nothing said always is."""
    if said is None:
        return True
    side, zone = (known.side, known.zone) if known is not None else (None, None)
    return said.side in {None, side} and said.zone in {None, zone}


def _phrases(language: Language) -> Iterator[tuple[Place, tuple[str, ...]]]:
    """Yield each place with its patterns; {} or {o} and {a} in one of them is the side."""
    table = _TABLES[language]
    for side, words in table["sides"].items():
        for zone, patterns in table["one_side"].items():
            yield Place(Side(side), _zone(zone)), tuple(_with_side(pattern, words) for pattern in patterns)
    for zone, patterns in table["both_sides"].items():
        yield Place(Side.BOTH, _zone(zone)), tuple(patterns)
    for zone, patterns in table["no_side"].items():
        yield Place(None, _zone(zone)), tuple(patterns)


def _zone(name: str) -> Zone | None:
    return None if name == "anywhere" else Zone(name)


def _with_side(pattern: str, words: Mapping[str, str]) -> str:
    for gender, word in words.items():
        pattern = pattern.replace(f"{{{gender}}}", word)
    return pattern


_WRITTEN: Final = {
    language: {(place.side, place.zone): patterns[0] for place, patterns in _phrases(language)}
    for language in Language
}
PHRASES: Final[Mapping[Language, Mapping[str, Place]]] = {
    language: {
        text: place
        for place, patterns in _phrases(language)
        for pattern in patterns
        for text in expand(pattern)
    }
    for language in Language
}
"""What the labeller reads as a place."""
