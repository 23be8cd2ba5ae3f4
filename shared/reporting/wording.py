"""The scale of words, held by every writer: a sentence that hedges gets the one wording of its label.

Language models hedge in many words ("suspected", "cannot be excluded"), and differently in each section.
What they hedge is read by the labeller and said again in the words of the scale; a hedge that could not be
read, or that the findings do not carry, stays as it is and is refused by the verifier.

Map: `hedges_of` -> `on_the_scale`.
"""

from collections.abc import Mapping

from shared.domain.findings import FindingStatus
from shared.reporting.certainty import Certainty
from shared.reporting.labeller import LEXICONS, Sentence, read
from shared.reporting.phrases import hedged
from shared.reporting.request import ReportRequest


def hedges_of(request: ReportRequest) -> Mapping[str, str]:
    """Return the sentence of each label that is probable or possible."""
    lexicon = LEXICONS[request.language]
    return {
        label: hedged(lexicon.term(label).names[0].text, certainty, request.language)
        for label, certainty in request.certainties().items()
        if certainty in {Certainty.PROBABLE, Certainty.POSSIBLE}
    }


def on_the_scale(text: str, request: ReportRequest) -> str:
    """Put the hedges of a section into the words of the scale."""
    hedges = hedges_of(request)
    sentences = read(text, request.language, labels=request.certainties())
    return " ".join(_reworded(sentence, hedges) for sentence in sentences)


def _reworded(sentence: Sentence, hedges: Mapping[str, str]) -> str:
    all_hedged = all(
        mention.status is FindingStatus.UNCERTAIN and mention.label in hedges for mention in sentence.mentions
    )
    if not sentence.mentions or not all_hedged:
        return sentence.text
    return " ".join(hedges[mention.label] for mention in sentence.mentions)
