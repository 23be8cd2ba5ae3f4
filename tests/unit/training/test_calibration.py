import numpy as np
import pytest

from training.calibration import cuts, scalings


def drawn(positives: int, negatives: int, shift: float, seed: int = 0):
    """Logits whose true probability is known to be overconfident by a factor of three."""
    random = np.random.default_rng(seed)
    labels = np.concatenate([np.ones(positives), np.zeros(negatives)]).astype(np.float32)
    logits = random.normal(np.where(labels > 0, shift, -shift), 1.0) * 3.0
    return logits.astype(np.float32)[:, None], labels[:, None]


def test_calibration_makes_the_mean_probability_the_share_of_positives():
    logits, labels = drawn(100, 400, 0.7)
    probabilities = scalings(logits, labels)[0](logits[:, 0])
    assert probabilities.mean() == pytest.approx(0.2, abs=0.02)


def test_calibration_takes_back_what_is_overconfident_and_keeps_the_order():
    logits, labels = drawn(100, 400, 0.7)
    scaling = scalings(logits, labels)[0]
    assert 0.0 < scaling.slope < 1.0
    ranks = np.argsort(logits[:, 0])
    assert (np.diff(scaling(logits[ranks, 0])) >= 0).all()


def test_a_label_with_two_positives_is_held_to_the_pooled_slope():
    common, common_labels = drawn(150, 150, 0.7)
    rare, _ = drawn(2, 298, 3.0, seed=1)  # two positives that happen to stand out
    rare_labels = np.concatenate([np.ones(2), np.zeros(298)]).astype(np.float32)[:, None]
    found = scalings(np.hstack([common, rare]), np.hstack([common_labels, rare_labels]))
    assert found[1].slope < 2.0 * found[0].slope


@pytest.mark.parametrize("shift", [0.1, 0.5, 2.0])
def test_few_images_without_a_finding_are_called_present_or_uncertain(shift):
    logits, labels = drawn(60, 400, shift)
    probabilities = scalings(logits, labels)[0](logits[:, 0])[:, None]
    (cut,) = cuts(probabilities, labels)
    negatives = probabilities[labels[:, 0] == 0, 0]
    assert 0.0 < cut.uncertain_from <= cut.threshold < 1.0
    assert (negatives >= cut.threshold).mean() <= 0.16
    assert (negatives >= cut.uncertain_from).mean() <= 0.29


def test_a_good_classifier_finds_most_of_what_is_there():
    logits, labels = drawn(100, 400, 2.0)
    probabilities = scalings(logits, labels)[0](logits[:, 0])[:, None]
    (cut,) = cuts(probabilities, labels)
    assert (probabilities[labels[:, 0] == 1, 0] >= cut.threshold).mean() > 0.9
