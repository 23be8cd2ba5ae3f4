"""The figures against scikit-learn, on scores made here with gaps in what is known."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, f1_score, roc_auc_score

from tests.support.bundles import LABELS, tiny_card
from training.answers import summary_of
from training.metrics import once
from training.scoring.figures import (
    BINS,
    Figures,
    auprc,
    calibration_error,
    calibration_noise,
    measured_figures,
)
from training.scoring.label_table import Labelled
from training.scoring.measured import Measured
from training.scoring.papers import papers
from training.scoring.scored import Scored, scored

IMAGES = 200
THRESHOLD = 0.6  # of the tiny card


@pytest.fixture(scope="module")
def images() -> Scored:
    random = np.random.default_rng(3)
    measured = []
    for index in range(IMAGES):
        probabilities = tuple(random.random(2))
        truth = {name: bool(random.random() < p) for name, p in zip(LABELS, probabilities, strict=True)}
        known = {name: there for name, there in truth.items() if random.random() < 0.8}
        row = Labelled(
            file=f"{index}.png",
            patient=f"p{index // 2}",
            view="AP" if index % 3 else "PA",
            labels=known,
            sex="F" if index % 2 else "M",
            age_years=float(index % 100),
        )
        measured.append(Measured(Path(row.file), row, "", np.zeros(2, np.float32), probabilities))
    return scored(LABELS, measured)


def figures_of(images: Scored) -> Figures:
    card = tiny_card({"model.onnx": "", "cam.npy": ""})
    return measured_figures(images, card, summary_of(images, card, others=None))


@pytest.fixture(scope="module")
def figures(images: Scored) -> Figures:
    return figures_of(images)


def test_the_figures_of_a_label_are_those_of_scikit_learn(images, figures):
    for k, label in enumerate(figures.labels):
        rows = images.known[:, k]
        truth, scores = images.truth[rows, k], images.scores[rows, k]
        called = scores >= THRESHOLD
        assert (label.positives, label.negatives) == (truth.sum(), (~truth).sum())
        assert label.auroc.value == pytest.approx(roc_auc_score(truth, scores), abs=1e-4)
        assert label.auprc.value == pytest.approx(average_precision_score(truth, scores), abs=1e-4)
        assert label.f1.value == pytest.approx(f1_score(truth, called), abs=1e-4)
        assert label.sensitivity == pytest.approx(called[truth].mean(), abs=1e-4)
        for one in (label.auroc, label.auprc, label.f1):
            assert one.low < one.value < one.high


def test_scores_that_tie_are_taken_together(images):
    scores, truth = images.scores[:, 0].round(1), images.truth[:, 0]
    assert auprc(scores, truth, once(truth)) == pytest.approx(average_precision_score(truth, scores))
    assert auprc(np.full(len(truth), 0.5), truth, once(truth)) == pytest.approx(truth.mean())


def test_means_are_over_the_labels_and_micro_f1_over_all_that_is_known(images, figures):
    per_label = [(images.truth[rows, k], images.scores[rows, k]) for k, rows in enumerate(images.known.T)]
    aurocs = [roc_auc_score(truth, scores) for truth, scores in per_label]
    f1s = [f1_score(truth, scores >= THRESHOLD) for truth, scores in per_label]
    assert figures.metrics.macro_auroc.value == pytest.approx(np.mean(aurocs), abs=1e-4)
    assert figures.f1_macro.value == pytest.approx(np.mean(f1s), abs=1e-4)
    micro = f1_score(images.truth[images.known], images.scores[images.known] >= THRESHOLD)
    assert figures.f1_micro.value == pytest.approx(micro, abs=1e-4)


def test_a_group_has_the_figures_of_its_images_alone(images, figures):
    assert set(figures.groups) == {"sex", "age in years", "view"}  # all are of one source
    (women, _) = figures.groups["sex"]
    chosen = images.groups["sex"] == "F"
    expected = np.mean(
        [
            roc_auc_score(images.truth[rows, k], images.scores[rows, k])
            for k, rows in enumerate((images.known & chosen[:, None]).T)
        ]
    )
    assert (women.name, women.images, women.labels) == ("F", IMAGES // 2, 2)
    assert women.macro_auroc.value == pytest.approx(expected, abs=1e-4)
    assert [group.name for group in figures.groups["age in years"]] == [
        "0 to 17",
        "18 to 39",
        "40 to 59",
        "60 to 79",
        "80 and more",
    ]


def test_the_calibration_error_is_the_gap_in_each_bin_by_its_share(images):
    scores, truth = images.scores[:, 0], images.truth[:, 0]
    place = np.minimum((scores * BINS).astype(int), BINS - 1)
    gaps = [
        (place == one).mean() * abs(truth[place == one].mean() - scores[place == one].mean())
        for one in np.unique(place)
    ]
    assert calibration_error(scores, truth, once(truth)) == pytest.approx(sum(gaps), abs=1e-6)


def test_right_probabilities_are_within_the_noise_and_wrong_ones_are_not(figures):
    random = np.random.default_rng(0)
    scores = random.random(500)
    truth = random.random(500) < scores
    assert calibration_error(scores, truth, once(truth)) < calibration_noise(scores)
    assert calibration_error(scores**3, truth, once(truth)) > calibration_noise(scores**3)


def test_a_label_that_is_shown_too_seldom_has_no_figure(images):
    few = np.flatnonzero(images.truth[:, 1])[:4]
    rows = [one for index, one in enumerate(images.measured) if index in few or not images.truth[index, 1]]
    rows = [replace(one, row=replace(one.row, sex="", age_years=None, view="PA")) for one in rows]
    found = figures_of(scored(LABELS, rows))
    assert (found.labels[1].positives, found.labels[1].auroc, found.labels[1].ece) == (4, None, None)
    assert found.metrics is not None
    assert found.labels[0].auroc is not None
    assert found.metrics.macro_auroc.value == found.labels[0].auroc.value


def test_every_figure_of_a_paper_has_a_source_and_the_contradictory_ones_are_told():
    assert all("arXiv" in paper.source or "doi" in paper.source for paper in papers())
    assert {paper.name for paper in papers() if paper.doubtful} == {"CheXpert", "CheXzero"}
    (chexnet,) = [paper for paper in papers() if paper.name == "CheXNet"]
    assert (len(chexnet.auroc), chexnet.macro) == (14, 0.841)
