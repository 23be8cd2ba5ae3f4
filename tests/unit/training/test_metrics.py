import numpy as np
import pytest

from training.metrics import auroc, interval, macro_auroc, macro_interval

TRUTH = np.array([True, True, False, False])


def test_auroc_counts_the_pairs_in_the_right_order():
    assert auroc(np.array([0.9, 0.2, 0.5, 0.1]), TRUTH) == pytest.approx(3 / 4)
    assert auroc(np.array([0.9, 0.8, 0.5, 0.1]), TRUTH) == 1.0


def test_a_constant_classifier_has_one_half():
    assert auroc(np.zeros(4), TRUTH) == 0.5


def test_without_both_classes_there_is_no_figure():
    assert np.isnan(auroc(np.zeros(4), np.ones(4, bool)))


def test_the_macro_figure_leaves_out_what_is_too_rare():
    scores = np.array([[0.9, 0.0], [0.8, 1.0], [0.2, 0.9], [0.1, 0.8]])
    truth = np.array([[1, 1], [1, 0], [0, 0], [0, 0]], bool)
    assert macro_auroc(scores, truth, fewest=2) == 1.0
    assert macro_auroc(scores, truth, fewest=1) == 0.5


def test_an_interval_holds_its_figure_and_draws_patients_not_images():
    random = np.random.default_rng(0)
    truth = random.random(400) < 0.4
    scores = random.normal(truth * 1.0, 1.0)
    alone = interval(lambda rows: auroc(scores[rows], truth[rows]), np.arange(400).astype(str))
    assert alone.low < alone.value < alone.high
    # The same images as those of ten patients: ten draws say less than four hundred.
    grouped = interval(
        lambda rows: auroc(scores[rows], truth[rows]), np.repeat(np.arange(10), 40).astype(str)
    )
    assert grouped.value == alone.value
    assert grouped.low != alone.low


def test_what_is_not_known_of_an_image_counts_in_no_figure_of_that_label():
    scores = np.array([0.9, 0.8, 0.1, 0.2] * 5)[:, None]
    truth = np.array([True, False, False, True] * 5)[:, None]
    known = np.array([True, True, True, False] * 5)[:, None]
    assert macro_auroc(scores, truth, known=known) == 1.0
    assert macro_auroc(scores, truth) < 1.0
    found = macro_interval(scores, truth, np.arange(20).astype(str), known=known)
    assert found is not None
    assert found.value == 1.0
    assert macro_interval(scores, truth, np.arange(20).astype(str), known=known & ~truth) is None
