"""What the reader of a report must know of its grades before it: one sentence a kind, the loudest first.

A report whose every sentence is supported, and that names all that was detected, needs none.

Map: `in_words`.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from shared.domain.reports import Grade, Language
from shared.reporting.labeller import LEXICONS
from shared.reporting.phrases import join_and
from shared.reporting.verifier import HeldProse


@dataclass(frozen=True, slots=True)
class _Wording:
    one: Mapping[Grade, str]
    many: Mapping[Grade, str]
    unnamed: str


_WORDING: Final[Mapping[Language, _Wording]] = {
    Language.ENGLISH: _Wording(
        one={
            Grade.CONTRADICTS: "1 sentence of this report contradicts the findings.",
            Grade.UNSUPPORTED: "1 sentence of this report is not supported by the findings.",
            Grade.UNREAD: "1 sentence of this report was not checked against the findings.",
        },
        many={
            Grade.CONTRADICTS: "{} sentences of this report contradict the findings.",
            Grade.UNSUPPORTED: "{} sentences of this report are not supported by the findings.",
            Grade.UNREAD: "{} sentences of this report were not checked against the findings.",
        },
        unnamed="Detected by the classifier, and not mentioned in this report: {}.",
    ),
    Language.SPANISH: _Wording(
        one={
            Grade.CONTRADICTS: "1 frase de este informe contradice los hallazgos.",
            Grade.UNSUPPORTED: "1 frase de este informe no está respaldada por los hallazgos.",
            Grade.UNREAD: "1 frase de este informe no se ha comprobado con los hallazgos.",
        },
        many={
            Grade.CONTRADICTS: "{} frases de este informe contradicen los hallazgos.",
            Grade.UNSUPPORTED: "{} frases de este informe no están respaldadas por los hallazgos.",
            Grade.UNREAD: "{} frases de este informe no se han comprobado con los hallazgos.",
        },
        unnamed="Detectado por el clasificador y no mencionado en este informe: {}.",
    ),
}


def in_words(prose: HeldProse, language: Language) -> Iterator[str]:
    """Yield what was written departs in, in its language."""
    wording = _WORDING[language]
    counts = Counter(sentence.grade for sentence in prose.sentences)
    for grade in wording.one:
        if counts[grade] == 1:
            yield wording.one[grade]
        elif counts[grade]:
            yield wording.many[grade].format(counts[grade])
        if grade is Grade.CONTRADICTS and prose.unnamed:
            names = [LEXICONS[language].term(label).names[0].text for label in prose.unnamed]
            yield wording.unnamed.format(join_and(names, language))
