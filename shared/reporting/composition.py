"""A report made of what a writer wrote: by organ, with what rules write around it.

A denial is the sentence that a language model gets wrong at a patient's cost, and it has one wording: of each
organ the labels that were looked for, each once, without those that may be the same as something detected.

    TECHNIQUE    how the images were taken, by rule
    COMPARISON   with the study before, by rule
    FINDINGS     a paragraph an organ: the writer's sentences, then what was not detected
    IMPRESSION   the writer's sentences by weight, what is critical marked; then what is recommended

What departs from the findings keeps its writer's order, and what rules write follows it.

Map: `composed` (`_by_organ`, `_impression`; of what departs `_as_written`, `_impression_as_written`; of a
writer without an impression `_impression_by_rule`), `nothing_detected` -> `_report` · `technique_lines`,
`by_rule` (all that rules may write).
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from shared.domain.reports import Grade, GradedSentence, ReportSections, Section
from shared.reporting.certainty import Certainty
from shared.reporting.lexicon import LEXICONS, Organ, organ_of, weight_of
from shared.reporting.phrases import PHRASES, join_nor, sentence_of
from shared.reporting.recommendations import recommended
from shared.reporting.relations import may_be_the_same
from shared.reporting.request import Prose, ReportRequest, View
from shared.reporting.verifier import HeldProse, HeldSentence
from shared.reporting.weighing import impression_of
from shared.reporting.wording import in_short
from shared.words import in_each

_WORDS: Final = in_each("report", dict)


@dataclass(frozen=True, slots=True)
class Composed:
    """The sections of a report, and every sentence of them in order."""

    sections: ReportSections
    sentences: tuple[GradedSentence, ...]


@dataclass(frozen=True, slots=True)
class _Passage:
    """A piece of a section, and the sentences that stand in it."""

    text: str
    sentences: tuple[GradedSentence, ...]


def composed(prose: Prose, held: HeldProse, request: ReportRequest) -> Composed:
    """Make a report of what a writer wrote.

    Args:
        prose: its text.
        held: the same, graded.
        request: what it was written from.
    """
    departs = any(sentence.grade is not Grade.SUPPORTED for sentence in held.sentences)
    findings = _as_written(prose, held, request) if departs else _by_organ(held, request)
    if not prose.concludes:
        return _report(request, findings, _impression_by_rule(request))
    impression = _impression_as_written(prose, held, request) if departs else _impression(held, request)
    return _report(request, findings, impression)


def nothing_detected(request: ReportRequest) -> Composed:
    """Make the report of a study in which no label was detected; it leaves a writer nothing to write."""
    return _report(request, _by_organ(HeldProse(()), request), _impression_by_rule(request))


def by_rule(request: ReportRequest) -> Mapping[str, tuple[str, ...]]:
    """Return what rules may write in FINDINGS and IMPRESSION, each sentence with the labels that it names."""
    sentences = [*_denials(request).values(), *_recommendations(request)]
    if not request.detected():
        sentences += nothing_detected(request).sentences[-1:]
    return {sentence.text: sentence.labels for sentence in sentences}


def technique_lines(request: ReportRequest) -> tuple[str, ...]:
    """Write the technique section: how the images were taken. Those left out are a warning's business."""
    words = _WORDS[request.language]
    counts = Counter(_in_words(view, words) for view in request.views)
    views = ", ".join(f"{count} x {view}" if count > 1 else view for view, count in counts.items())
    line = words["technique"].format(views=views)
    sided = [place for place in request.places().values() if place.side is not None]
    return (line, words["as_displayed"]) if any(place.as_displayed for place in sided) else (line,)


def _in_words(view: View, words: Mapping[str, Any]) -> str:
    return str(words["judged_views" if view.judged else "views"][view.position])


def _report(request: ReportRequest, findings: Sequence[_Passage], impression: Sequence[_Passage]) -> Composed:
    technique = [
        GradedSentence(Section.TECHNIQUE, line, Grade.SUPPORTED) for line in technique_lines(request)
    ]
    comparison = [
        GradedSentence(Section.COMPARISON, statement.text, Grade.SUPPORTED, statement.labels)
        for statement in request.compared()
    ]
    return Composed(
        ReportSections(
            technique=_passage(technique).text,
            comparison=_passage(comparison).text,
            findings="\n".join(passage.text for passage in findings),
            impression="\n".join(passage.text for passage in impression),
        ),
        (
            *technique,
            *comparison,
            *(sentence for passage in (*findings, *impression) for sentence in passage.sentences),
        ),
    )


def _by_organ(held: HeldProse, request: ReportRequest) -> list[_Passage]:
    """Put each sentence to the organ of the first label that it names."""
    of_organ: dict[Organ, list[GradedSentence]] = {organ: [] for organ in Organ}
    for sentence in held.of(Section.FINDINGS):
        of_organ[organ_of(sentence.labels[0])].append(sentence.graded())
    for organ, denial in _denials(request).items():
        of_organ[organ].append(denial)
    return [
        _passage(sentences, heading=LEXICONS[request.language].headings[organ])
        for organ, sentences in of_organ.items()
        if sentences
    ]


def _impression(held: HeldProse, request: ReportRequest) -> list[_Passage]:
    due = impression_of(request)

    def order(sentence: HeldSentence) -> int:
        return min((due.index(label) for label in sentence.labels if label in due), default=len(due))

    own = sorted(held.of(Section.IMPRESSION), key=order)
    return _weighed([sentence.graded() for sentence in own], request)


def _weighed(sentences: Iterable[GradedSentence], request: ReportRequest) -> list[_Passage]:
    """Put what is critical first, and what may follow last."""
    critical: list[GradedSentence] = []
    others: list[GradedSentence] = []
    for sentence in sentences:
        (critical if set(sentence.labels) & set(request.critical) else others).append(sentence)
    return [*_critical(critical, request), *_passages(others), *_passages(_recommendations(request))]


def _impression_by_rule(request: ReportRequest) -> list[_Passage]:
    """Write the impression of a study without its writer; of one with nothing detected it says so."""
    if not request.detected():
        count = len(request.certainties())
        text = _WORDS[request.language]["nothing"].format(count=count)
        if count == 1:
            (denial,) = _denials(request).values()
            text = denial.text
        denied = request.labels(Certainty.NOT_DETECTED)
        return [_passage([GradedSentence(Section.IMPRESSION, text, Grade.SUPPORTED, denied)])]
    return _weighed([_in_short(label, request) for label in impression_of(request)], request)


def _as_written(prose: Prose, held: HeldProse, request: ReportRequest) -> list[_Passage]:
    own = _Passage(prose.findings, tuple(sentence.graded() for sentence in held.of(Section.FINDINGS)))
    headings = LEXICONS[request.language].headings
    denials = _denials(request).items()
    return [own, *(_passage([denial], heading=headings[organ]) for organ, denial in denials)]


def _impression_as_written(prose: Prose, held: HeldProse, request: ReportRequest) -> list[_Passage]:
    own = _Passage(prose.impression, tuple(sentence.graded() for sentence in held.of(Section.IMPRESSION)))
    critical = [_in_short(label, request) for label in request.detected() if label in request.critical]
    return [*_critical(critical, request), own, *_passages(_recommendations(request))]


def _in_short(label: str, request: ReportRequest) -> GradedSentence:
    return GradedSentence(Section.IMPRESSION, in_short(label, request), Grade.SUPPORTED, (label,))


def _critical(sentences: Iterable[GradedSentence], request: ReportRequest) -> Iterator[_Passage]:
    """Give each a line of its own, marked."""
    for sentence in sentences:
        yield _passage([sentence], heading=LEXICONS[request.language].critical)


def _denials(request: ReportRequest) -> dict[Organ, GradedSentence]:
    """Write for each organ which of its labels were looked for and not detected."""
    unsaid = may_be_the_same(request.detected())
    labels = sorted(set(request.labels(Certainty.NOT_DETECTED)) - unsaid, key=weight_of)
    lexicon = LEXICONS[request.language]
    denials: dict[Organ, GradedSentence] = {}
    for organ in Organ:
        own = tuple(label for label in labels if organ_of(label) is organ)
        names = join_nor([lexicon.noun(label) for label in own], request.language)
        if own:
            text = sentence_of(PHRASES[request.language].denied.replace("{n}", names))
            denials[organ] = GradedSentence(Section.FINDINGS, text, Grade.SUPPORTED, own)
    return denials


def _recommendations(request: ReportRequest) -> list[GradedSentence]:
    return [GradedSentence(Section.IMPRESSION, text, Grade.SUPPORTED) for text in recommended(request)]


def _passages(sentences: Sequence[GradedSentence]) -> Iterator[_Passage]:
    if sentences:
        yield _passage(sentences)


def _passage(sentences: Iterable[GradedSentence], *, heading: str = "") -> _Passage:
    own = tuple(sentences)
    text = " ".join(sentence.text for sentence in own)
    return _Passage(f"{heading}: {text}" if heading else text, own)
