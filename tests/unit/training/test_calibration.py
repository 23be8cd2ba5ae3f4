import numpy as np
import pytest
from scipy.special import expit

from training.calibration import Calibrated, CalibrationError, Method, calibrate
from training.table import Split


def drawn(positives: int, negatives: int, shift: float, seed: int = 0):
    """Logits whose true probability is known to be overconfident by a factor of three."""
    random = np.random.default_rng(seed)
    labels = np.concatenate([np.ones(positives), np.zeros(negatives)]).astype(np.float32)
    logits = random.normal(np.where(labels > 0, shift, -shift), 1.0) * 3.0
    return logits.astype(np.float32)[:, None], labels[:, None]


def fitted(logits, targets, method: Method = Method.PLATT) -> list[Calibrated]:
    return calibrate(logits, targets, splits=[Split.VALIDATION] * len(logits), method=method)


def test_calibration_makes_the_mean_probability_the_share_of_positives():
    logits, labels = drawn(100, 400, 0.7)
    probabilities = fitted(logits, labels)[0].scaling(logits[:, 0])
    assert probabilities.mean() == pytest.approx(0.2, abs=0.02)


def test_calibration_takes_back_what_is_overconfident_and_keeps_the_order():
    logits, labels = drawn(100, 400, 0.7)
    scaling = fitted(logits, labels)[0].scaling
    assert 0.0 < scaling.slope < 1.0
    ranks = np.argsort(logits[:, 0])
    assert (np.diff(scaling(logits[ranks, 0])) >= 0).all()


def test_a_label_with_six_positives_is_held_to_the_pooled_slope():
    common, common_labels = drawn(150, 150, 0.7)
    rare, rare_labels = drawn(6, 294, 3.0, seed=1)  # six positives that happen to stand out
    found = fitted(np.hstack([common, rare]), np.hstack([common_labels, rare_labels]))
    assert found[1].own
    assert found[1].scaling.slope < 2.0 * found[0].scaling.slope


def test_a_label_shown_too_seldom_gets_what_fits_all_labels_and_says_so():
    common, common_labels = drawn(150, 150, 0.7)
    rare, rare_labels = drawn(4, 296, 0.7, seed=1)
    found = fitted(np.hstack([common, rare]), np.hstack([common_labels, rare_labels]))
    assert [one.own for one in found] == [True, False]
    both = np.vstack([common, rare]), np.vstack([common_labels, rare_labels])
    pooled = fitted(*both)[0].scaling
    assert found[1].scaling.slope == pytest.approx(pooled.slope, rel=1e-3)
    assert found[1].scaling.offset == pytest.approx(pooled.offset, rel=1e-3)


def test_what_is_not_labelled_takes_no_part():
    logits, labels = drawn(100, 400, 0.7)
    more = np.vstack([logits, np.full((300, 1), 9.0, np.float32)])
    silent = np.vstack([labels, np.full((300, 1), np.nan, np.float32)])
    assert fitted(more, silent) == fitted(logits, labels)


def test_one_temperature_of_all_labels_is_found_again():
    random = np.random.default_rng(0)
    true = random.normal(-1.0, 2.0, (4000, 2)).astype(np.float32)
    labels = (random.random(true.shape) < expit(true)).astype(np.float32)
    found = fitted(2.5 * true, labels, Method.TEMPERATURE)
    assert found[0].scaling == found[1].scaling
    assert 1.0 / found[0].scaling.slope == pytest.approx(2.5, rel=0.1)
    assert found[0].scaling.offset == 0.0


@pytest.mark.parametrize("other", [Split.TRAIN, Split.TEST, None])
def test_one_image_of_another_split_is_refused(other):
    logits, labels = drawn(20, 20, 1.0)
    with pytest.raises(CalibrationError, match="validation images alone"):
        calibrate(logits, labels, splits=[*[Split.VALIDATION] * 39, other])


def test_too_few_images_of_every_label_are_refused():
    with pytest.raises(CalibrationError, match="give more"):
        fitted(*drawn(4, 100, 1.0))


@pytest.mark.parametrize("shift", [0.1, 0.5, 2.0])
def test_few_images_without_a_finding_are_called_present_or_uncertain(shift):
    logits, labels = drawn(60, 400, shift)
    (one,) = fitted(logits, labels)
    negatives = one.scaling(logits[labels == 0])
    assert 0.0 < one.cut.uncertain_from <= one.cut.threshold < 1.0
    assert (negatives >= one.cut.threshold).mean() <= 0.16
    assert (negatives >= one.cut.uncertain_from).mean() <= 0.29


def test_a_good_classifier_finds_most_of_what_is_there():
    logits, labels = drawn(100, 400, 2.0)
    (one,) = fitted(logits, labels)
    assert (one.scaling(logits[labels == 1]) >= one.cut.threshold).mean() > 0.9
