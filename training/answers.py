"""What a classifier says of images, beside what is true of them: the one place that makes figures of it.

    Truths       what is true of N images, and where they come from
    Answers      the same, and N scores a label
    label_figures, metrics_of, of_studies    for cards
    summary_of                               all of it, once for `evaluate` and its report

Every figure is pooled, and within one source: an image's source and view predict its labels too. `metrics_of`
says by how much: the AUROC of a look-up that knows nothing else.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shared.bundles import Card, Interval, Metrics
from training.metrics import FEWEST, Strata, macro_interval, often_enough


@dataclass(frozen=True, slots=True)
class Truths:
    """What is true of N images on L labels, and where they come from.

    Attributes:
        labels: (L,) ids.
        truth: (N, L) whether the label is there; false where that is not known.
        known: (N, L) whether anybody says.
        patients: (N,) whose image it is.
        studies: (N,) likewise; an image of no known study is one of its own.
        sources: (N,) data set or folder; "" where nobody says.
        views: (N,).
    """

    labels: tuple[str, ...]
    truth: NDArray[np.bool_]
    known: NDArray[np.bool_]
    patients: NDArray[np.str_]
    studies: NDArray[np.str_]
    sources: NDArray[np.str_]
    views: NDArray[np.str_]

    def with_scores(self, scores: NDArray[np.float64]) -> "Answers":
        """Return the same with what a classifier says: (N, L) calibrated probabilities."""
        return Answers(**values_of(self), scores=scores)

    @property
    def sources_and_views(self) -> NDArray[np.str_]:
        """(N,) names of both together."""
        return np.array([f"{source} {view}" for source, view in zip(self.sources, self.views, strict=True)])


@dataclass(frozen=True, slots=True)
class Answers(Truths):
    """The same, with what a classifier says.

    Attributes:
        scores: (N, L) calibrated probabilities.
    """

    scores: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class LabelFigures:
    """One label.

    Attributes:
        positives: images with it.
        negatives: images without it; those of which nothing is known are in neither.
        auroc: None, like all figures below, where the images show or lack it too seldom to say.
        within_source: AUROC over pairs of images of one source.
        sensitivity: at the threshold.
        specificity: likewise.
    """

    positives: int
    negatives: int
    auroc: Interval | None
    within_source: Interval | None
    sensitivity: float | None
    specificity: float | None


@dataclass(frozen=True, slots=True)
class Summary:
    """What is said of a bundle wherever it is measured; `labels` are the card's, in its order."""

    metrics: Metrics | None
    labels: tuple[LabelFigures, ...]


def values_of(one: Any) -> dict[str, Any]:  # noqa: ANN401  # of any dataclass
    """Return the values of a dataclass by their names, as they are: what one with more fields is made of."""
    return {field.name: getattr(one, field.name) for field in fields(one)}


def summary_of(answers: Answers, card: Card, *, others: Truths | None) -> Summary:
    """Measure a bundle by its card's thresholds; the labels of `answers` are the card's.

    Args:
        others: as in `metrics_of`.
    """
    thresholds = np.array([label.threshold for label in card.labels])
    return Summary(
        metrics_of(answers, answers.scores >= thresholds, others=others, paper=card.paper_labels),
        tuple(label_figures(answers, k, threshold=label.threshold) for k, label in enumerate(card.labels)),
    )


def label_figures(answers: Answers, k: int, *, threshold: float) -> LabelFigures:
    """Measure the label in column `k`."""
    rows = answers.known[:, k]
    scores, shown = answers.scores[rows, k], answers.truth[rows, k]
    patients, sources = answers.patients[rows], answers.sources[rows]
    positives, negatives = int(shown.sum()), int((~shown).sum())
    told = min(positives, negatives) >= FEWEST
    called = scores >= threshold
    return LabelFigures(
        positives,
        negatives,
        auroc=macro_interval(scores[:, None], shown[:, None], patients),
        within_source=macro_interval(scores[:, None], shown[:, None], patients, strata=sources),
        sensitivity=round(float(called[shown].mean()), 4) if told else None,
        specificity=round(float((~called[~shown]).mean()), 4) if told else None,
    )


def metrics_of(
    answers: Answers, present: NDArray[np.bool_], *, others: Truths | None, paper: Sequence[str] = ()
) -> Metrics | None:
    """Measure a classifier; None where no label is shown and lacking `FEWEST` times.

    Args:
        present: (N, L) what it calls present.
        others: images of other patients, which say how frequent a label is in each source; without any the
            look-ups are of the same images that they are measured on, and so a little too good.
        paper: labels that the paper's own mean is over.
    """
    overall = macro(answers)
    if overall is None:
        return None
    normal = answers.known.all(1) & ~answers.truth.any(1)
    looked = others or answers
    studies = of_studies(answers)
    own = np.array([answers.labels.index(label) for label in paper if label in answers.labels], int)
    return Metrics(
        within_source=macro(answers, strata=answers.sources),
        within_source_and_view=macro(answers, strata=answers.sources_and_views),
        macro_auroc=overall,
        source_alone=look_up(answers, answers.sources, looked, looked.sources),
        source_and_view_alone=look_up(answers, answers.sources_and_views, looked, looked.sources_and_views),
        looked_up_elsewhere=others is not None,
        per_study=None if studies is None else macro(studies),
        studies=len(set(answers.studies)),
        paper=_mean_of_all(answers, own) if 0 < len(own) == len(paper) < len(answers.labels) else None,
        by_view=_each(answers, answers.views),
        by_source=_each(answers, answers.sources),
        findings_per_study=round(float(present.sum(1).mean()), 3),
        findings_per_normal=round(float(present[normal].sum(1).mean()), 3) if normal.any() else None,
    )


def macro(
    answers: Answers, rows: NDArray[np.bool_] | None = None, *, strata: Strata | None = None
) -> Interval | None:
    """Return the mean AUROC of the labels, of some images or all; over pairs within one stratum if told."""
    some = np.ones(len(answers.patients), bool) if rows is None else rows
    return macro_interval(
        answers.scores[some],
        answers.truth[some],
        answers.patients[some],
        known=answers.known[some],
        strata=None if strata is None else strata[some],
    )


def look_up(answers: Truths, strata: Strata, others: Truths, their_strata: Strata) -> Interval | None:
    """Return the mean AUROC of what knows of an image its stratum alone.

    Its score is the share of `others` in that stratum that show the label; of all others where none is in it.
    """
    shares = np.zeros(answers.truth.shape)
    for k in range(answers.truth.shape[1]):
        sure = others.known[:, k]
        shown, theirs = others.truth[sure, k], their_strata[sure]
        overall = float(shown.mean()) if len(shown) else 0.0
        share = {name: float(shown[theirs == name].mean()) for name in np.unique(theirs)}
        shares[:, k] = [share.get(name, overall) for name in strata]
    return macro_interval(shares, answers.truth, answers.patients, known=answers.known)


def of_studies(answers: Answers) -> Answers | None:
    """Return a row a study: the highest score of its images (Irvin 2019); None where each has one image.

    A label is there when any image of the study has it.
    """
    names, first, owner = np.unique(answers.studies, return_index=True, return_inverse=True)
    if len(names) == len(answers.studies):
        return None
    shape = (len(names), len(answers.labels))
    scores, truth, known = np.full(shape, -np.inf), np.zeros(shape, bool), np.zeros(shape, bool)
    np.maximum.at(scores, owner, answers.scores)
    np.logical_or.at(truth, owner, answers.truth)
    np.logical_or.at(known, owner, answers.known)
    return Answers(
        labels=answers.labels,
        truth=truth,
        known=known,
        patients=answers.patients[first],
        studies=names,
        sources=answers.sources[first],
        views=np.full(len(names), "all"),
        scores=scores,
    )


def _mean_of_all(answers: Answers, columns: NDArray[np.int64]) -> Interval | None:
    """Return the mean of some labels; None where one is told too seldom: the mean would be of others."""
    part = np.ix_(np.arange(len(answers.patients)), columns)
    truth, known = answers.truth[part], answers.known[part]
    if not often_enough(truth, known).all():
        return None
    return macro_interval(answers.scores[part], truth, answers.patients, known=known)


def _each(answers: Answers, kinds: NDArray[np.str_]) -> dict[str, Interval]:
    found = {str(kind): macro(answers, kinds == kind) for kind in np.unique(kinds)}
    return {kind: one for kind, one in found.items() if one is not None}
