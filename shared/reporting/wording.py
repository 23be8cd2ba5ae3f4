"""What every writer's sentences have in common: the words of the scale, and the place.

Language models hedge in many words ("suspected", "cannot be excluded"), and differently in each section. What
they hedge is read by the labeller and said again in the words of the scale, with its place; a sentence that
states one label without its place gets it. A hedge that could not be read, or that the findings do not carry,
stays as it is and is refused by the verifier.

Map: `hedges_of` -> `in_short`, `reworded`.
"""

from collections.abc import Mapping

from shared.domain.findings import FindingStatus
from shared.reporting.certainty import Certainty
from shared.reporting.labeller import Sentence, read
from shared.reporting.lexicon import LEXICONS
from shared.reporting.phrases import PHRASES, hedged, placed, sentence_of
from shared.reporting.places import is_within
from shared.reporting.request import ReportRequest


def hedges_of(request: ReportRequest) -> Mapping[str, str]:
    """Return the sentence of each label that is probable or possible."""
    lexicon, places = LEXICONS[request.language], request.places()
    return {
        label: hedged(lexicon.term(label).names[0].text, certainty, request.language, place=places.get(label))
        for label, certainty in request.certainties().items()
        if certainty in {Certainty.PROBABLE, Certainty.POSSIBLE}
    }


def in_short(label: str, request: ReportRequest) -> str:
    """Write the sentence of one label as an impression has it: its name, how sure, and where."""
    hedge = hedges_of(request).get(label)
    if hedge is not None:
        return hedge
    noun = LEXICONS[request.language].term(label).names[0].text
    sentence = sentence_of(PHRASES[request.language].brief.replace("{n}", noun))
    place = request.places().get(label)
    return sentence if place is None else placed(sentence, place, request.language)


def reworded(text: str, request: ReportRequest) -> str:
    """Put the hedges of a section into the words of the scale, and what is stated into its place."""
    sentences = read(text, request.language, labels=request.certainties())
    return " ".join(_reworded(sentence, request) for sentence in sentences)


def _reworded(sentence: Sentence, request: ReportRequest) -> str:
    hedges, places, mentions = hedges_of(request), request.places(), sentence.mentions
    if not mentions or not all(is_within(one.place, places.get(one.label)) for one in mentions):
        return sentence.text
    if all(one.status is FindingStatus.UNCERTAIN and one.label in hedges for one in mentions):
        return " ".join(hedges[one.label] for one in mentions)
    label, place = mentions[0].label, mentions[0].place
    if len(mentions) == 1 and mentions[0].status is FindingStatus.PRESENT and place is None:
        known = places.get(label)
        if known is not None and sentence.text.endswith("."):
            return placed(sentence.text, known, request.language)
    return sentence.text
