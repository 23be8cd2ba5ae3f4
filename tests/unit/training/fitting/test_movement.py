"""Which weights an optimizer moves, decays and pulls back."""

import pytest
import torch

from tests.support.trained import TINY
from training.architectures.registry import create
from training.fitting.movement import optimizer_of, renew_reference
from training.losses import loss_named
from training.recipe import Model
from training.stages import Optimizer as Settings

LABELS = ("Effusion", "Mass")
CPU = torch.device("cpu")


def network_of(architecture: str):
    options = TINY[architecture]
    return create(Model(architecture=architecture, start="scratch", options=options), LABELS, size=64)


def criterion_of(name: str):
    return loss_named(name, {}, labels=2, positives=torch.ones(2), count=4)


@pytest.mark.parametrize("name", ["adam", "adamw", "sgd"])
@pytest.mark.parametrize("architecture", ["swinchex", "lt_vit", "densenet121"])
def test_norms_biases_and_positions_are_not_decayed(architecture, name):
    network = network_of(architecture)
    settings = Settings(name=name, rate=1e-3, head_rate=10.0, decay=0.1)
    optimizer = optimizer_of(settings, network, criterion_of("cross_entropy"), device=CPU)
    head = {id(parameter) for parameter in network.head_parameters()}
    names = {id(parameter): part for part, parameter in network.named_parameters()}
    seen = set()
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            part = names[id(parameter)]
            seen.add(part)
            position = part.endswith(("relative_position_bias_table", "pos_embed", "cls_token"))
            spared = parameter.ndim == 1 or part.endswith(".bias") or position
            assert group["weight_decay"] == (0.0 if spared else 0.1), part
            assert group["lr"] == pytest.approx(1e-2 if id(parameter) in head else 1e-3)
    assert seen == set(names.values())


def test_pesgs_reference_is_the_mean_of_the_weights_of_the_epoch():
    loss = criterion_of("auc_margin")
    settings = Settings(name="pesg", rate=0.1)
    network = network_of("densenet121")
    optimizer = optimizer_of(settings, network, loss, device=CPU)
    weight = network.get_parameter("head.weight")
    place = next(i for i, one in enumerate(optimizer.param_groups[0]["params"]) if one is weight)
    path = []
    for _ in range(3):
        logits = network(torch.rand(4, 1, 64, 64)).logits
        torch.autograd.backward(loss(logits, torch.eye(4)[:, :2], torch.ones(4, 2)))
        optimizer.step()
        path.append(weight.detach().clone())
    state = optimizer.state_dict()
    assert not torch.allclose(state["model_ref"][place], torch.stack(path).mean(0))
    renew_reference(optimizer)
    state = optimizer.state_dict()
    torch.testing.assert_close(state["model_ref"][place], torch.stack(path).mean(0))
    assert state["T"] == 0
    assert not state["model_acc"][place].any()


def test_optimizers_without_a_reference_have_none_to_renew():
    network = network_of("densenet121")
    off = Settings(name="pesg", rate=0.1, options={"epoch_decay": 0.0})
    renew_reference(optimizer_of(off, network, criterion_of("auc_margin"), device=CPU))
    renew_reference(optimizer_of(Settings(), network, criterion_of("cross_entropy"), device=CPU))
