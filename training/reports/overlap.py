"""How alike the words of two reports are: BLEU-4, ROUGE-L and METEOR, each by a library that is kept.

    words     a text -> the words that BLEU and METEOR count; ROUGE's library cuts its own, likewise
    overlaps  texts, references -> the three figures, in [0, 1]

METEOR has its stages "exact" and "stem": the third needs WordNet's data, which its library fetches by itself.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from nltk.translate.bleu_score import SmoothingFunction, corpus_bleu
from nltk.translate.meteor_score import single_meteor_score
from rouge_score.rouge_scorer import RougeScorer


@dataclass(frozen=True, slots=True)
class Overlaps:
    """Figures of a set of texts: BLEU-4 of them together (Papineni 2002), the means of the two others."""

    bleu4: float
    rouge_l: float
    meteor: float


class _NoWordNet:
    """Stands where WordNet would: no word has a synonym."""

    def synsets(self, _word: str) -> tuple[()]:
        return ()


def words(text: str) -> list[str]:
    """Return the words and numbers of a text in small letters."""
    return re.findall(r"[^\W_]+", text.lower())


def overlaps(texts: Sequence[str], references: Sequence[str]) -> Overlaps:
    """Hold texts against the references in the same places; a text without words scores 0.

    Raises:
        ValueError: there is none.
    """
    pairs = [(words(text), words(reference)) for text, reference in zip(texts, references, strict=True)]
    if not pairs:
        message = "there are no texts"
        raise ValueError(message)
    scorer = RougeScorer(["rougeL"])
    return Overlaps(
        # Without smoothing, a set in which no four words agree would have no figure but a warning.
        bleu4=float(
            corpus_bleu(
                [[reference] for _, reference in pairs],
                [text for text, _ in pairs],
                smoothing_function=SmoothingFunction().method1,
            )
        ),
        rouge_l=fmean(
            scorer.score(reference, text)["rougeL"].fmeasure
            for text, reference in zip(texts, references, strict=True)
        ),
        meteor=fmean(single_meteor_score(reference, text, wordnet=_NoWordNet()) for text, reference in pairs),
    )
