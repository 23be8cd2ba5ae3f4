import math

import pytest
import torch
from timm.loss import AsymmetricLossMultiLabel, LabelSmoothingCrossEntropy
from torch.nn.functional import binary_cross_entropy_with_logits

from training.losses import loss_named, names

LABELS = 5


def loss(name, *, positives=(10.0, 20.0, 30.0, 40.0, 50.0), count=100, **options):
    return loss_named(name, options, labels=LABELS, positives=torch.tensor(positives), count=count)


@pytest.fixture
def batch():
    generator = torch.Generator().manual_seed(5)
    logits = torch.randn(16, LABELS, generator=generator, requires_grad=True)
    targets = (torch.rand(16, LABELS, generator=generator) < 0.3).float()
    return logits, targets, torch.ones(16, LABELS)


@pytest.mark.parametrize("name", names())
def test_what_is_not_known_has_no_say(name, batch):
    logits, targets, known = batch
    known[3:, 1] = 0.0
    known[5] = 0.0
    first = loss(name)(logits, targets, known)
    (gradient,) = torch.autograd.grad(first, logits)
    assert torch.all(gradient[known == 0] == 0)
    assert torch.any(gradient[known == 1] != 0)
    changed = torch.where(known > 0, logits, 7.0), torch.where(known > 0, targets, 1.0 - targets)
    torch.testing.assert_close(loss(name)(*changed, known), first)


@pytest.mark.parametrize("name", names())
def test_a_batch_with_nothing_known_is_0_and_has_a_gradient(name, batch):
    logits, targets, known = batch
    value = loss(name)(logits, targets, torch.zeros_like(known))
    torch.autograd.backward(value)
    assert value.item() == 0.0
    assert logits.grad is not None
    assert torch.all(logits.grad == 0)


@pytest.mark.parametrize("name", names())
@pytest.mark.parametrize("target", [0.0, 1.0])
def test_a_batch_of_one_class_is_finite(name, target, batch):
    logits, _, known = batch
    value = loss(name)(logits, torch.full_like(known, target), known)
    torch.autograd.backward(value)
    assert math.isfinite(value.item())
    assert torch.all(torch.isfinite(logits.grad))


@pytest.mark.parametrize("name", names())
def test_a_step_down_the_gradient_lowers_the_loss(name, batch):
    logits, targets, known = batch
    criterion = loss(name)
    value = criterion(logits, targets, known)
    (gradient,) = torch.autograd.grad(value, logits)
    assert criterion(logits - 0.1 * gradient / gradient.norm(), targets, known) < value


@pytest.mark.parametrize("name", names())
def test_an_unknown_option_is_named_with_those_there_are(name):
    with pytest.raises(ValueError, match=rf"{name}: sharpnes: .*; it has"):
        loss(name, sharpnes=1.0)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("cross_entropy", {"balance": -1.0}),
        ("focal", {"gamma": -0.5}),
        ("asymmetric", {"clip": 1.0}),
        ("auc_margin", {"margin": 0.0}),
        ("auc_margin", {"margin": "wide"}),
    ],
)
def test_an_option_out_of_its_range_is_named(name, options):
    with pytest.raises(ValueError, match=next(iter(options))):
        loss(name, **options)


def test_an_unknown_loss_is_named_with_those_there_are():
    with pytest.raises(ValueError, match="'hinge'; there are asymmetric, auc_margin"):
        loss("hinge")


def test_counts_that_do_not_fit_the_labels_are_an_error():
    with pytest.raises(ValueError, match=r"\(5,\); they are \(4,\) and \(5,\)"):
        loss("cross_entropy", positives=(1.0, 2.0, 3.0, 4.0))
    with pytest.raises(ValueError, match=r"\(5,\) and \(3,\)"):
        loss("cross_entropy", count=torch.tensor([9, 9, 9]))


def test_balance_weighs_positives_by_a_power_of_how_rare_they_are(batch):
    logits, targets, known = batch
    rarity = torch.tensor([90 / 10, 80 / 20, 70 / 30, 60 / 40, 50 / 50])
    expected = binary_cross_entropy_with_logits(logits, targets, pos_weight=rarity**0.4)
    torch.testing.assert_close(loss("cross_entropy", balance=0.4)(logits, targets, known), expected)


@pytest.mark.parametrize("name", [name for name in names() if name != "auc_margin"])
def test_an_image_may_count_for_less(name, batch):
    logits, targets, _ = batch
    criterion = loss(name)
    weights = torch.ones(len(logits), 1)
    weights[0] = 0.5

    def total(rows: slice) -> torch.Tensor:
        some = weights[rows].expand_as(logits[rows])
        return criterion(logits[rows], targets[rows], some) * some.sum()

    if name != "balanced_cross_entropy":  # whose weights are those of the batch
        torch.testing.assert_close(total(slice(None)), total(slice(0, 1)) + total(slice(1, None)))
    everything = torch.ones_like(logits)
    assert criterion(logits, targets, weights.expand_as(logits)) != criterion(logits, targets, everything)


def test_a_label_that_few_images_know_is_balanced_by_these(batch):
    logits, targets, known = batch
    all_of_them = loss("cross_entropy", balance=1.0, positives=(5.0,) * 5, count=10)
    by_label = loss(
        "cross_entropy", balance=1.0, positives=(5.0,) * 5, count=torch.tensor([10, 10, 10, 10, 500])
    )
    assert by_label(logits, targets, known) > all_of_them(logits, targets, known)
    one = (logits[:, :4], targets[:, :4], known[:, :4])
    torch.testing.assert_close(
        loss_named("cross_entropy", {"balance": 1.0}, labels=4, positives=torch.full((4,), 5.0), count=10)(
            *one
        ),
        binary_cross_entropy_with_logits(*one[:2]),
    )


def test_labels_on_no_image_or_on_every_image_have_a_finite_weight(batch):
    logits, targets, known = batch
    value = loss("cross_entropy", balance=1.0, positives=(0.0, 0.0, 100.0, 100.0, 50.0))(
        logits, targets, known
    )
    assert math.isfinite(value.item())


def test_balanced_cross_entropy_is_the_papers_formula():
    logits = torch.tensor([[0.3, -1.0], [2.0, 0.1]])
    targets = torch.tensor([[1.0, 0.0], [0.0, 0.0]])
    f = torch.sigmoid(logits)
    beta_positive, beta_negative = 4 / 1, 4 / 3
    summed = -beta_positive * f[0, 0].log() - beta_negative * (
        (1 - f[0, 1]).log() + (1 - f[1, 0]).log() + (1 - f[1, 1]).log()
    )
    found = loss_named("balanced_cross_entropy", {}, labels=2, positives=torch.ones(2), count=4)
    torch.testing.assert_close(found(logits, targets, torch.ones(2, 2)), summed / 4)


def test_focal_without_focus_and_alpha_is_cross_entropy(batch):
    logits, targets, known = batch
    found = loss("focal", gamma=0.0, alpha=None)(logits, targets, known)
    torch.testing.assert_close(found, binary_cross_entropy_with_logits(logits, targets))


def test_focal_passes_over_what_is_right_already():
    right, wrong = torch.full((1, LABELS), 4.0), torch.full((1, LABELS), -4.0)
    ones = torch.ones(1, LABELS)
    focal, plain = loss("focal"), loss("cross_entropy")
    assert focal(right, ones, ones) / focal(wrong, ones, ones) < plain(right, ones, ones) / plain(
        wrong, ones, ones
    )


def test_asymmetric_with_all_known_is_the_authors_sum_over_its_terms(batch):
    logits, targets, known = batch
    authors = AsymmetricLossMultiLabel(gamma_neg=4, gamma_pos=1, clip=0.05, reduction="sum")(logits, targets)
    torch.testing.assert_close(loss("asymmetric")(logits, targets, known), authors / logits.numel())


def test_asymmetric_forgets_negatives_that_are_below_the_clip():
    logits = torch.full((1, LABELS), -4.0, requires_grad=True)  # a probability of 0.018
    (gradient,) = torch.autograd.grad(
        loss("asymmetric")(logits, torch.zeros(1, LABELS), torch.ones(1, LABELS)), logits
    )
    assert torch.all(gradient == 0)


@pytest.mark.parametrize("name", names())
def test_soft_targets_lie_between_the_hard_ones(name, batch):
    logits, targets, known = batch
    targets[:2, 0], targets[2:, 0] = 1.0, 0.0
    known[3:] = 0.0
    soft, hard = targets.clone(), targets.clone()
    soft[2, 0], hard[2, 0] = 0.7, 1.0
    values = [loss(name)(logits, each, known).item() for each in (targets, soft, hard)]
    assert len(set(values)) == 3
    assert all(math.isfinite(value) and value >= 0 for value in values)


def test_smoothing_is_label_smoothing_of_two_classes():
    """As timm's `LabelSmoothingCrossEntropy`, with which SwinCheX trains a label's two outputs."""
    outputs = torch.randn(6, 2, generator=torch.Generator().manual_seed(0))
    targets = torch.tensor([0, 1, 1, 0, 1, 0])
    smooth = loss_named("cross_entropy", {"smoothing": 0.1}, labels=1, positives=torch.ones(1), count=6)
    logits = (outputs[:, 1] - outputs[:, 0])[:, None]
    ours = smooth(logits, targets[:, None].float(), torch.ones(6, 1))
    torch.testing.assert_close(ours, LabelSmoothingCrossEntropy(smoothing=0.1)(outputs, targets))
