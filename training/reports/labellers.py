"""Our labeller beside NegEx on real reports, held against the MeSH terms that people chose.

A reader says of a report which labels it affirms; the terms say which it shows. A report in which a label is
neither affirmed nor shown is right: what is not named is absent. The grammar reads a sentence in full or not
at all, so how much it read stands beside its figures.

Map: `readers` -> `compared` -> `Compared`, `Figures`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shared.bundles import Interval
from shared.domain.findings import FindingStatus
from shared.domain.reports import Language
from shared.reporting.labeller import Sentence, read
from training.metrics import FEWEST, Counts, interval, shares
from training.reports.open_i import RealReport
from training.reports.prose import ProseReader, read_prose

Reader = Callable[[str], frozenset[str]]
"""A text -> the labels that it affirms, surely or with a hedge."""


def read_by_grammar(text: str) -> frozenset[str]:
    """Return what the verifier's labeller reads as present or uncertain."""
    return frozenset(
        mention.label
        for sentence in read(text, Language.ENGLISH)
        for mention in sentence.mentions
        if mention.status is not FindingStatus.ABSENT
    )


def share_read(texts: Sequence[str]) -> float:
    """Return the share of sentences that the grammar can read."""
    sentences: list[Sentence] = [one for text in texts for one in read(text, Language.ENGLISH)]
    return sum(one.readable for one in sentences) / max(1, len(sentences))


def affirmed(found: Mapping[str, FindingStatus]) -> frozenset[str]:
    """Return the labels that a text affirms."""
    return frozenset(label for label, status in found.items() if status is FindingStatus.PRESENT)


def readers() -> dict[str, Reader]:
    """Return what is compared, by name; the last one is what training reads real reports with."""
    plain = ProseReader(own_names=False)
    return {
        "our grammar": read_by_grammar,
        "negspacy, our lexicon's names": lambda text: affirmed(plain.read(text)),
        "negspacy, names of real reports": lambda text: affirmed(read_prose(text)),
    }


@dataclass(frozen=True, slots=True)
class Figures:
    """Precision, recall and F1, each with its 95 % interval over reports; None where nothing was counted."""

    precision: Interval | None
    recall: Interval | None
    f1: Interval | None


@dataclass(frozen=True, slots=True)
class Compared:
    """One reader.

    Attributes:
        labels: each label that at least `FEWEST` reports show, with how many do.
        micro: of all decisions.
        macro: the mean F1 of `labels`.
    """

    labels: Mapping[str, tuple[int, Figures]]
    micro: Figures
    macro: Interval | None


@dataclass(frozen=True, slots=True)
class _Counted:
    """Where a reader affirmed (N, L) and where the terms do, of what the terms say anything of."""

    hits: NDArray[np.float64]
    affirmed: NDArray[np.float64]
    shown: NDArray[np.float64]


def compared(reports: Sequence[RealReport], reader: Reader) -> Compared:
    """Hold a reader against the terms."""
    labels = sorted({label for report in reports for label in report.labels})
    said = [reader(report.text) for report in reports]
    known = np.array([[label in report.labels for label in labels] for report in reports])
    shown = np.array([[report.labels.get(label, False) for label in labels] for report in reports])
    claimed = np.array([[label in one for label in labels] for one in said]) & known
    uids = np.array([report.uid for report in reports])
    counted = _Counted(*(np.asarray(one, np.float64) for one in (claimed & shown, claimed, shown)))
    told = [index for index in range(len(labels)) if shown[:, index].sum() >= FEWEST]
    return Compared(
        labels={
            labels[index]: (int(shown[:, index].sum()), _figures(counted, [index], uids)) for index in told
        },
        micro=_figures(counted, list(range(len(labels))), uids),
        macro=interval(lambda counts: _f1s(counted, counts, told).mean(0), uids) if told else None,
    )


def _figures(counted: _Counted, columns: Sequence[int], uids: NDArray[np.str_]) -> Figures:
    hits, claimed, shown = (one[:, columns].sum(1) for one in (counted.hits, counted.affirmed, counted.shown))

    def figure(above: NDArray[np.float64], below: NDArray[np.float64]) -> Interval | None:
        if not below.any():
            return None
        return interval(lambda counts: shares(counts @ above, counts @ below), uids)

    return Figures(figure(hits, claimed), figure(hits, shown), figure(2 * hits, claimed + shown))


def _f1s(counted: _Counted, counts: Counts, columns: Sequence[int]) -> NDArray[np.float64]:
    """Return (L, R) the F1 of each label in each resample; 0 where it was neither shown nor affirmed."""
    hits, below = (
        (counts @ one[:, columns]).T for one in (2 * counted.hits, counted.affirmed + counted.shown)
    )
    return shares(hits, below, empty=0.0)
