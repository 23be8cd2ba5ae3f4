from functools import partial

import numpy as np
import pytest

from shared.bundles import Interval
from training.metrics import auroc, aurocs, in_words, interval, macro_auroc, macro_interval, resampled

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
    figure = partial(aurocs, scores, truth)
    alone = interval(figure, np.arange(400).astype(str))
    assert alone.low < alone.value < alone.high
    # The same images as those of ten patients: ten draws say less than four hundred.
    grouped = interval(figure, np.repeat(np.arange(10), 40).astype(str))
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


@pytest.mark.parametrize("images", [90, 3000])
def test_a_figure_of_a_resample_is_that_of_its_rows_however_many_are_held_at_once(images):
    random = np.random.default_rng(0)
    truth, strata = random.random(images) < 0.3, random.choice(["a", "b"], images)
    scores, patients = random.random(images).round(1), random.choice(list("cdefgh"), images)
    drawn: list[np.ndarray] = []

    def figure(counts):
        drawn.append(counts)
        return aurocs(scores, truth, counts, strata=strata)

    found = resampled(figure, patients)
    assert (len(drawn) > 1) == (images > 90)
    together = np.concatenate(drawn)
    assert len(found) == len(together) == 1000
    for counts, value in zip(together[::100], found[::100], strict=True):
        assert all(len(set(counts[patients == one])) == 1 for one in set(patients))
        rows = np.repeat(np.arange(images), counts.astype(int))
        parts = [rows[strata[rows] == one] for one in ("a", "b")]
        pairs = [truth[part].sum() * (~truth[part]).sum() for part in parts]
        right = [auroc(scores[part], truth[part]) for part in parts]
        assert value == pytest.approx(np.average(right, weights=pairs))


def test_an_interval_does_not_hang_on_the_names_of_the_patients():
    random = np.random.default_rng(0)
    truth, owner = random.random(60) < 0.4, np.arange(60) // 3
    figure = partial(aurocs, random.normal(truth * 1.0, 1.0), truth)
    names = random.permutation(20).astype(str)
    assert interval(figure, names[owner]) == interval(figure, owner.astype(str))


def test_an_interval_is_said_in_one_way():
    one = Interval(value=0.7254, low=0.6881, high=0.762)
    assert in_words(one) == "0.725 (0.688 to 0.762)"
    assert in_words(one, sign=True) == "+0.725 (+0.688 to +0.762)"
    assert in_words(None, without="none") == "none"
