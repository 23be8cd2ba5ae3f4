"""What every writer's sentences have in common: the words of the scale, and the place.

Language models hedge in many words ("suspected", "cannot be excluded"), and differently in each section. What
they hedge is read by the labeller and said again in the words of the scale, with its place; a sentence that
states one label without its place gets it. A hedge that could not be read, or that the findings do not carry,
stays as it is and is refused by the verifier.

Map: `in_short` -> `hedges_of` -> `reworded`.
"""

from collections.abc import Mapping

from shared.domain.findings import FindingStatus, Place
from shared.domain.reports import Language
from shared.reporting.certainty import Certainty
from shared.reporting.labeller import Sentence, read
from shared.reporting.lexicon import LEXICONS
from shared.reporting.phrases import PHRASES, placed, sentence_of
from shared.reporting.places import is_within
from shared.reporting.request import ReportRequest


def in_short(label: str, request: ReportRequest) -> str:
    """Write the sentence of a detected label as an impression has it: how sure, its name, and where."""
    phrases = PHRASES[request.language]
    pattern = phrases.hedged.get(request.certainties()[label], phrases.brief)
    noun = LEXICONS[request.language].noun(label)
    return placed(sentence_of(pattern.replace("{n}", noun)), request.places().get(label), request.language)


def hedges_of(request: ReportRequest) -> Mapping[str, str]:
    """Return the sentence of each label that is probable or possible: the same in every section."""
    return {
        label: in_short(label, request) for label in request.labels(Certainty.PROBABLE, Certainty.POSSIBLE)
    }


def reworded(text: str, request: ReportRequest) -> str:
    """Put the hedges of a section into the words of the scale, and what is stated into its place."""
    hedges, places = hedges_of(request), request.places()
    sentences = read(text, request.language, labels=request.certainties())
    return " ".join(_reworded(sentence, hedges, places, request.language) for sentence in sentences)


def _reworded(
    sentence: Sentence, hedges: Mapping[str, str], places: Mapping[str, Place], language: Language
) -> str:
    mentions = sentence.mentions
    if not mentions or not all(is_within(one.place, places.get(one.label)) for one in mentions):
        return sentence.text
    if all(one.status is FindingStatus.UNCERTAIN and one.label in hedges for one in mentions):
        return " ".join(hedges[one.label] for one in mentions)
    only = mentions[0] if len(mentions) == 1 else None
    if only and only.status is FindingStatus.PRESENT and only.place is None and sentence.text.endswith("."):
        return placed(sentence.text, places.get(only.label), language)
    return sentence.text
