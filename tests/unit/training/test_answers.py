"""Figures within a source, the look-ups beside them, studies, and the paper's labels."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest

from training.answers import Answers, Truths, label_figures, look_up, macro, metrics_of, of_studies
from training.metrics import auroc, aurocs, once

LABELS = ("Effusion", "Mass")


def measured(answers: Answers, *, others: Truths | None = None, paper: Sequence[str] = ()) -> Any:
    """Return metrics of which no figure is missing; those that are missing are asked for by name."""
    return metrics_of(answers, np.zeros(answers.truth.shape, bool), others=others, paper=paper)


def label(answers: Answers, k: int) -> Any:
    return label_figures(answers, k, threshold=0.5)


def shares(sources: np.ndarray) -> np.ndarray:
    return np.where(sources == "clinic", 0.8, 0.2)


@pytest.fixture
def answers() -> Answers:
    """400 images of two sources, of which one shows each label four times as often.

    The score of Effusion is the source alone; that of Mass sees the label as well.
    """
    random = np.random.default_rng(0)
    sources = np.repeat(["clinic", "ward"], 200)
    truth = random.random((400, 2)) < shares(sources)[:, None]
    scores = np.stack([shares(sources), shares(sources) + 0.3 * truth[:, 1] + random.normal(0, 0.2, 400)], 1)
    return Answers(
        labels=LABELS,
        truth=truth,
        known=np.ones((400, 2), bool),
        patients=np.array([f"p{n // 2}" for n in range(400)]),
        studies=np.array([f"s{n}" for n in range(400)]),
        sources=sources,
        views=np.array(["PA", "AP"] * 200),
        scores=scores,
    )


def test_what_knows_the_source_alone_is_good_over_all_pairs_and_chance_within_a_source(answers):
    effusion, mass = (label(answers, k) for k in range(2))
    assert effusion.auroc.low > 0.7
    assert effusion.within_source.value == 0.5
    assert mass.auroc.value > mass.within_source.value > 0.7


def test_a_stratified_figure_is_the_share_of_right_pairs_of_all_pairs_within_a_stratum():
    random = np.random.default_rng(1)
    truth, strata = random.random(60) < 0.4, np.array(["a", "b", "c"] * 20)
    scores = random.random(60).round(1)  # with ties
    right = pairs = 0.0
    for i in np.flatnonzero(truth):
        for j in np.flatnonzero(~truth & (strata == strata[i])):
            right += (scores[i] > scores[j]) + (scores[i] == scores[j]) / 2
            pairs += 1
    within = partial(aurocs, scores, truth, once(truth))
    assert within(strata=strata) == pytest.approx(right / pairs)
    assert within(strata=np.full(60, "a")) == pytest.approx(auroc(scores, truth))
    assert np.isnan(within(strata=truth.astype(str)))


def test_a_look_up_says_what_the_sources_are_worth(answers):
    metrics = measured(answers, others=answers)
    by_hand = np.mean([auroc(shares(answers.sources), answers.truth[:, k]) for k in range(2)])
    assert metrics.source_alone.value == pytest.approx(by_hand, abs=1e-4)
    assert metrics.looked_up_elsewhere
    assert metrics.macro_auroc.value > metrics.within_source.value
    # The views are told apart by nothing but chance.
    assert metrics.source_and_view_alone.value == pytest.approx(metrics.source_alone.value, abs=0.03)
    assert not measured(answers).looked_up_elsewhere


def test_a_source_that_is_not_known_elsewhere_gets_the_share_of_all(answers):
    elsewhere = replace(answers, sources=np.full(400, "elsewhere"))
    found = look_up(answers, answers.sources, elsewhere, elsewhere.sources)
    assert found is not None
    assert found.value == 0.5


def test_where_no_source_has_both_there_is_no_figure_within(answers):
    apart = replace(answers, sources=np.arange(400).astype(str))
    assert macro(apart, strata=apart.sources) is None
    assert label(apart, 0).within_source is None
    assert measured(apart).within_source is None


def test_a_study_has_the_highest_score_of_its_images_and_what_any_of_them_shows(answers):
    assert of_studies(answers) is None
    pairs = replace(answers, studies=answers.patients, known=answers.known.copy())
    pairs.known[0] = False
    studies = of_studies(pairs)
    assert studies is not None
    assert studies.scores.shape == (200, 2)
    first = list(studies.studies).index("p1")
    np.testing.assert_array_equal(studies.scores[first], answers.scores[2:4].max(0))
    np.testing.assert_array_equal(studies.truth[first], answers.truth[2:4].any(0))
    assert studies.known.all()
    metrics = measured(pairs)
    assert metrics.studies == 200
    assert metrics.per_study == macro(studies) != metrics.macro_auroc


def test_the_paper_s_mean_is_over_its_labels_or_is_not_there(answers):
    metrics = measured(answers, paper=("Mass",))
    assert metrics.paper.value == label(answers, 1).auroc.value
    assert measured(answers, paper=LABELS).paper is None  # the same as the mean
    assert measured(answers, paper=("Mass", "Edema")).paper is None
    rare = replace(
        answers, truth=answers.truth & (np.arange(400) < 4)[:, None] | (answers.truth & [True, False])
    )
    assert measured(rare, paper=("Mass",)).paper is None
