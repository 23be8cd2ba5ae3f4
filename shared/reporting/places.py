"""Where a finding is, in words: one phrase is written for each place, and others are read too.

Map: `in_place` (written) · `PHRASES` (read) · `is_within`.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from shared.domain.findings import Place, Side, Zone
from shared.domain.reports import Language
from shared.reporting.lexicon import expand

_ONE_SIDE: Final[Mapping[Language, Mapping[Zone | None, tuple[str, ...]]]] = {
    Language.ENGLISH: {
        None: ("on the {}", "on the {} side", "in the {} (lung|hemithorax)", "{}", "{} sided"),
        Zone.APICAL: ("at the {} apex", "(at|in) the {} lung apex", "in the {} apex", "{} apical"),
        Zone.UPPER: ("in the {} upper zone", "in the {} upper lung (zone|)", "{} upper zone"),
        Zone.MIDDLE: ("in the {} mid zone", "in the {} (mid|middle) lung zone", "{} (mid|middle) zone"),
        Zone.LOWER: ("in the {} lower zone", "in the {} lower lung (zone|)", "{} lower zone"),
        Zone.BASAL: ("at the {} base", "(at|in) the {} lung base", "{} (basal|basilar)"),
        Zone.PERIHILAR: ("in the {} perihilar region", "{} perihilar"),
    },
    Language.SPANISH: {
        None: ("en el lado {o}", "a la {a}", "en el (pulmón|hemitórax) {o}", "{o}", "{a}", "{o}s", "{a}s"),
        Zone.APICAL: ("en el ápice {o}", "apical {o}", "apical {a}"),
        Zone.UPPER: ("en la zona superior {a}", "en el campo (pulmonar|) superior {o}"),
        Zone.MIDDLE: ("en la zona media {a}", "en el campo (pulmonar|) medio {o}"),
        Zone.LOWER: ("en la zona inferior {a}", "en el campo (pulmonar|) inferior {o}"),
        Zone.BASAL: ("en la base {a}", "en la base pulmonar {a}", "basal {o}", "basal {a}"),
        Zone.PERIHILAR: ("en la región perihiliar {a}", "perihiliar {o}", "perihiliar {a}"),
    },
}
"""{} is the side; in Spanish {o} and {a} are its two genders. The first phrase is the one that is written."""
_BOTH_SIDES: Final[Mapping[Language, Mapping[Zone | None, tuple[str, ...]]]] = {
    Language.ENGLISH: {
        None: ("on both sides", "in both lungs", "bilateral", "bilaterally"),
        Zone.APICAL: ("at both apices", "biapical"),
        Zone.UPPER: ("in both upper zones", "bilateral upper zone"),
        Zone.MIDDLE: ("in both mid zones", "bilateral (mid|middle) zone"),
        Zone.LOWER: ("in both lower zones", "bilateral lower zone"),
        Zone.BASAL: ("at both bases", "at both lung bases", "(bibasal|bibasilar)"),
        Zone.PERIHILAR: ("in both perihilar regions", "bilateral perihilar"),
    },
    Language.SPANISH: {
        None: ("en ambos lados", "en ambos (pulmones|hemitórax)", "(bilateral|bilaterales)"),
        Zone.APICAL: ("en ambos ápices", "biapical"),
        Zone.UPPER: ("en ambas zonas superiores",),
        Zone.MIDDLE: ("en ambas zonas medias",),
        Zone.LOWER: ("en ambas zonas inferiores",),
        Zone.BASAL: ("en ambas bases", "en ambas bases pulmonares", "(bibasal|bibasales)"),
        Zone.PERIHILAR: ("en ambas regiones perihiliares",),
    },
}
_NO_SIDE: Final[Mapping[Language, Mapping[Zone, tuple[str, ...]]]] = {
    Language.ENGLISH: {
        Zone.APICAL: ("at the apex", "apical"),
        Zone.UPPER: ("in the upper zone", "upper zone"),
        Zone.MIDDLE: ("in the mid zone", "(mid|middle) zone"),
        Zone.LOWER: ("in the lower zone", "lower zone"),
        Zone.BASAL: ("at the base", "(basal|basilar)"),
        Zone.PERIHILAR: ("in the perihilar region", "perihilar"),
    },
    Language.SPANISH: {
        Zone.APICAL: ("en el ápice", "apical"),
        Zone.UPPER: ("en la zona superior",),
        Zone.MIDDLE: ("en la zona media",),
        Zone.LOWER: ("en la zona inferior",),
        Zone.BASAL: ("en la base", "basal"),
        Zone.PERIHILAR: ("en la región perihiliar", "perihiliar"),
    },
}
_SIDES: Final[Mapping[Language, Mapping[Side, Mapping[str, str]]]] = {
    Language.ENGLISH: {Side.RIGHT: {"": "right"}, Side.LEFT: {"": "left"}},
    Language.SPANISH: {
        Side.RIGHT: {"o": "derecho", "a": "derecha"},
        Side.LEFT: {"o": "izquierdo", "a": "izquierda"},
    },
}


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
    for side, words in _SIDES[language].items():
        for zone, patterns in _ONE_SIDE[language].items():
            yield Place(side, zone), tuple(_with_side(pattern, words) for pattern in patterns)
    for zone, patterns in _BOTH_SIDES[language].items():
        yield Place(Side.BOTH, zone), patterns
    for zone, patterns in _NO_SIDE[language].items():
        yield Place(None, zone), patterns


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
