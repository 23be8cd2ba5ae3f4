from dataclasses import replace

import numpy as np
import pytest

from shared.domain.findings import ViewPosition
from training.policies import SMOOTH, targets_of
from training.recipe import Policy
from training.table import Record, State

LABELS = ("Edema", "Effusion", "Mass")


def record(image="a.png", dataset="chexpert", **labels: State) -> Record:
    return Record(dataset, image, f"{dataset}:1", f"{dataset}:1/1", ViewPosition.PA, labels)


FOUR = [
    record("0.png", Edema=State.PRESENT, Effusion=State.ABSENT, Mass=State.UNCERTAIN),
    record("1.png", Edema=State.UNCERTAIN, Effusion=State.UNCERTAIN),
    record("2.png", dataset="nih", Mass=State.PRESENT),
    record("3.png"),
]
UNCERTAIN = np.array([[0, 0, 1], [1, 1, 0], [0, 0, 0], [0, 0, 0]], np.float32)
CERTAIN = np.array([[1, 1, 0], [0, 0, 0], [0, 0, 1], [0, 0, 0]], np.float32)


@pytest.mark.parametrize("policy", [one for one in Policy if one is not Policy.SELF_TRAINED])
def test_what_is_certain_is_taught_whatever_the_policy(policy):
    found = targets_of(FOUR, LABELS, policy)
    for part in (found.targets, found.known, found.uncertain):
        assert part.dtype == np.float32
    np.testing.assert_array_equal(found.uncertain, UNCERTAIN)
    assert np.all(found.known[CERTAIN == 1] == 1)
    np.testing.assert_array_equal(found.targets[CERTAIN == 1], [1, 0, 1])
    assert np.all(found.known[(CERTAIN == 0) & (UNCERTAIN == 0)] == 0)


@pytest.mark.parametrize("policy", [Policy.IGNORE, Policy.MULTICLASS])
def test_ignored_and_multiclass_labels_are_not_known(policy):
    np.testing.assert_array_equal(targets_of(FOUR, LABELS, policy).known, CERTAIN)


@pytest.mark.parametrize(("policy", "value"), [(Policy.ZEROS, 0.0), (Policy.ONES, 1.0)])
def test_zeros_and_ones(policy, value):
    found = targets_of(FOUR, LABELS, policy)
    assert np.all(found.targets[UNCERTAIN == 1] == value)
    np.testing.assert_array_equal(found.known, CERTAIN + UNCERTAIN)


def test_smooth_ones_are_in_their_range_and_differ_by_image_and_label():
    many = [record(f"{i}.png", Edema=State.UNCERTAIN, Effusion=State.UNCERTAIN) for i in range(500)]
    found = targets_of(many, LABELS[:2], Policy.SMOOTH_ONES).targets
    assert SMOOTH[0] <= found.min() < 0.57
    assert 0.83 < found.max() <= SMOOTH[1]
    assert found.mean() == pytest.approx(0.7, abs=0.01)
    assert len(np.unique(found)) > 990


def test_smooth_ones_are_the_same_in_every_run_and_order():
    first = targets_of(FOUR, LABELS, Policy.SMOOTH_ONES).targets
    turned = targets_of(FOUR[::-1], LABELS[::-1], Policy.SMOOTH_ONES).targets
    np.testing.assert_array_equal(first, turned[::-1, ::-1])
    # Literal: a hash that differs by process, as Python's own does, would pass the line above.
    assert first[0, 2] == pytest.approx(0.697812, abs=1e-5)


def test_a_label_may_have_a_policy_of_its_own():
    found = targets_of(FOUR, LABELS, Policy.ZEROS, policies={"Edema": Policy.ONES, "Mass": Policy.IGNORE})
    assert (found.targets[1, 0], found.targets[1, 1]) == (1.0, 0.0)
    assert found.known[0, 2] == 0.0


def test_self_trained_labels_are_the_probabilities_where_uncertain_only():
    soft = np.linspace(0.1, 0.9, 12, dtype=np.float32).reshape(4, 3)
    found = targets_of(FOUR, LABELS, Policy.SELF_TRAINED, soft=soft)
    np.testing.assert_array_equal(found.targets[UNCERTAIN == 1], soft[UNCERTAIN == 1])
    np.testing.assert_array_equal(found.targets[CERTAIN == 1], [1, 0, 1])


@pytest.mark.parametrize("soft", [None, np.zeros((4, 2), np.float32)])
def test_self_trained_without_fitting_probabilities_is_an_error(soft):
    with pytest.raises(ValueError, match=r"self_trained needs probabilities of shape \(4, 3\)"):
        targets_of(FOUR, LABELS, Policy.SELF_TRAINED, soft=soft)


@pytest.mark.parametrize("wrong", [1.5, -0.1, np.nan])
def test_probabilities_that_are_none_are_an_error_that_names_the_label(wrong):
    with pytest.raises(ValueError, match="Mass"):
        targets_of(
            FOUR, LABELS, Policy.IGNORE, policies={"Mass": Policy.SELF_TRAINED}, soft=np.full((4, 3), wrong)
        )


def test_a_policy_of_an_unknown_label_is_an_error_that_names_it():
    with pytest.raises(ValueError, match="Hernia"):
        targets_of(FOUR, LABELS, Policy.ZEROS, policies={"Hernia": Policy.ONES})


def test_no_records_are_no_rows():
    assert targets_of([], LABELS, Policy.ZEROS).targets.shape == (0, 3)


def test_where_readers_voted_their_share_is_taught_instead_of_what_most_say():
    voted = [
        replace(FOUR[0], votes={"Edema": 2 / 3, "Mass": 0.5}),
        replace(FOUR[2], votes={"Mass": 1 / 3}),
    ]
    found = targets_of(voted, LABELS, Policy.MULTICLASS, votes=True)
    np.testing.assert_allclose(found.targets, [[2 / 3, 0, 0.5], [0, 0, 1 / 3]], rtol=1e-6)
    np.testing.assert_array_equal(found.known, [[1, 1, 1], [0, 0, 1]])
    assert not found.uncertain.any(), "a tie that is taught as one half is no class of its own"
    np.testing.assert_array_equal(
        targets_of(voted, LABELS, Policy.IGNORE).targets, [[1, 0, 0], [0, 0, 1]], err_msg="without"
    )
