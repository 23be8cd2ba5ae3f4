import pytest
import torch
from libauc.losses import MultiLabelAUCMLoss
from libauc.optimizers import PESG
from sklearn.metrics import roc_auc_score

from training.losses import loss_named
from training.losses.auc_margin import AucMargin, SaddlePoint

LABELS = 4


def auc_margin(**options) -> AucMargin:
    made = loss_named("auc_margin", options, labels=LABELS, positives=torch.ones(LABELS), count=10)
    assert isinstance(made, AucMargin)
    return made


def draw(seed: int, count: int = 32):
    generator = torch.Generator().manual_seed(seed)
    logits = 3.0 * torch.randn(count, LABELS, generator=generator)
    targets = (torch.rand(count, LABELS, generator=generator) < 0.3).float()
    return logits.requires_grad_(), targets


def place(loss, *, a, b, alpha) -> None:
    with torch.no_grad():
        loss.a[:], loss.b[:], loss.alpha[:] = a, b, alpha


def test_its_gradients_are_those_of_libauc_where_all_is_known_and_the_margin_is_1():
    logits, targets = draw(1)
    ours, theirs = auc_margin(), MultiLabelAUCMLoss(num_labels=LABELS, device="cpu")
    place(ours, a=0.6, b=0.2, alpha=0.3)
    place(theirs, a=0.6, b=0.2, alpha=0.3)
    found = torch.autograd.grad(
        ours(logits, targets, torch.ones_like(targets)), [logits, ours.a, ours.b, ours.alpha]
    )
    expected = torch.autograd.grad(
        theirs(torch.sigmoid(logits), targets), [logits, theirs.a, theirs.b, theirs.alpha]
    )
    torch.testing.assert_close(found, expected)


def test_a_mask_is_the_same_as_leaving_the_rows_out():
    logits, targets = draw(2)
    known = torch.ones_like(targets)
    known[20:] = 0.0
    masked = auc_margin()(logits, targets, known)
    torch.testing.assert_close(masked, auc_margin()(logits[:20], targets[:20], known[:20]))


@pytest.mark.parametrize("margin", [0.1, 0.5, 1.0])
def test_it_is_never_negative_however_far_alpha_lags(margin):
    loss = auc_margin(margin=margin)
    lowest = 1.0
    for seed in range(50):
        logits, targets = draw(seed)
        separated = logits + 20.0 * (targets - 0.5)
        for scores in (logits, separated, -separated):
            for alpha in (0.0, 0.5, 3.0, 999.0):
                place(loss, a=0.9, b=0.1, alpha=alpha)
                lowest = min(lowest, loss(scores, targets, torch.ones_like(targets)).item())
    assert lowest >= 0.0


def test_libaucs_own_value_does_fall_below_0_which_is_why_ours_is_the_maximum_over_alpha():
    _, targets = draw(3)
    logits = 20.0 * (targets - 0.5)
    theirs = MultiLabelAUCMLoss(num_labels=LABELS, device="cpu")
    place(theirs, a=1.0, b=0.0, alpha=0.5)
    assert theirs(torch.sigmoid(logits), targets).item() < 0.0


def test_the_value_is_the_largest_over_alpha():
    logits, targets = draw(4)
    loss, known = auc_margin(margin=0.7), torch.ones_like(targets)
    value = loss(logits, targets, known)
    with torch.no_grad():  # the best alpha is the violated margin
        scores = torch.sigmoid(logits)
        means = [(scores * part).sum(0) / part.sum(0) for part in (1 - targets, targets)]
        loss.alpha.copy_((0.7 + means[0] - means[1]).clamp(min=0.0))
    at_best = loss(logits, targets, known)
    torch.testing.assert_close(at_best, value)
    (gradient,) = torch.autograd.grad(at_best, loss.alpha)
    torch.testing.assert_close(gradient, torch.zeros(LABELS))


def test_a_larger_margin_asks_for_more():
    logits, targets = draw(5)
    known = torch.ones_like(targets)
    assert auc_margin(margin=1.0)(logits, targets, known) > auc_margin(margin=0.5)(logits, targets, known)


def test_pesg_is_built_from_it_and_ranks_positives_first():
    torch.manual_seed(0)
    images = torch.randn(256, 10)
    targets = (images[:, :LABELS] + 0.5 * torch.randn(256, LABELS) > 1.0).float()
    known = (torch.rand(256, LABELS) < 0.8).float()
    network, loss = torch.nn.Linear(10, LABELS), auc_margin()
    saddle: SaddlePoint = loss
    optimizer = PESG(
        network.parameters(), loss_fn=saddle, lr=0.1, margin=saddle.margin, verbose=False, device="cpu"
    )
    before = roc_auc_score(targets, network(images).detach(), average="macro")
    first = loss(network(images), targets, known).item()
    for _ in range(800):
        optimizer.zero_grad()
        torch.autograd.backward(loss(network(images), targets, known))
        optimizer.step()
    assert loss(network(images), targets, known).item() < first
    assert roc_auc_score(targets, network(images).detach(), average="macro") > max(0.9, before)
    assert torch.all(loss.alpha > 0)
    assert torch.all(loss.a > loss.b)
