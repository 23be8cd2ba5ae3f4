"""What moves the weights: the optimizer that a recipe names, its rates over time, a running average."""

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.optim import SGD, Adam, AdamW, Optimizer
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from training.architectures.base import Classifier, Criterion
from training.recipe import RecipeError
from training.stages import Optimizer as Settings
from training.stages import Schedule


def optimizer_of(
    settings: Settings, network: Classifier, criterion: Criterion, *, device: torch.device
) -> Optimizer:
    """Make a recipe's optimizer.

    Norms, biases and what timm's networks name (positions, class tokens) are not decayed; PESG, which has one
    group of weights, decays all.

    Raises:
        RecipeError: an option is unknown; or "pesg" without a loss that it can work with, or the other way
            round, or with a rate of its own for the head.
    """
    saddle = isinstance(criterion, nn.Module) and hasattr(criterion, "alpha")
    if saddle != (settings.name == "pesg"):
        message = 'the loss "auc_margin" and the optimizer "pesg" need each other'
        raise RecipeError(message)
    if saddle and settings.head_rate != 1.0:
        message = "pesg has one rate for all weights: leave out head_rate"
        raise RecipeError(message)
    decay, options = settings.decay, settings.options
    groups = _groups(settings, network)
    try:
        if settings.name == "pesg":
            # It takes seconds to load (graph networks, data sets), which others need not wait for.
            from libauc.optimizers import PESG  # noqa: PLC0415

            return PESG(  # type: ignore[no-any-return]  # libauc has no types
                [parameter for group in groups for parameter in group["params"]],
                loss_fn=criterion,
                lr=settings.rate,
                momentum=settings.momentum,
                weight_decay=decay,
                device=device,
                verbose=False,
                **options,
            )
        if settings.name == "sgd":
            return SGD(groups, lr=settings.rate, momentum=settings.momentum, weight_decay=decay, **options)
        chosen = Adam if settings.name == "adam" else AdamW
        return chosen(groups, lr=settings.rate, weight_decay=decay, **options)
    except TypeError as error:
        message = f"optimizer.options of {settings.name}: {error}"
        raise RecipeError(message) from error


def renew_reference(optimizer: Optimizer) -> None:
    """Let PESG's reference, which the weights are pulled to, be their mean over the epoch that ends.

    Source: Yuan 2020, section 4; LibAUC's example for CheXpert calls it at each epoch but the first
    (Optimization-AI/LibAUC, examples/scripts/07_optimizing_multi_label_auroc_loss_…).
    """
    update: Any = getattr(optimizer, "update_regularizer", None)
    if update is not None and getattr(optimizer, "model_ref", None) is not None:
        update()


def _groups(settings: Settings, network: Classifier) -> list[dict[str, Any]]:
    """Return the weights that are trained, by rate and decay."""
    head = {id(parameter) for parameter in network.head_parameters()}
    spared = _spared(network)
    groups: dict[tuple[bool, bool], list[nn.Parameter]] = {}
    for parameter in network.parameters():
        if parameter.requires_grad:
            groups.setdefault((id(parameter) in head, id(parameter) in spared), []).append(parameter)
    return [
        {
            "params": parameters,
            "lr": settings.rate * (settings.head_rate if of_head else 1.0),
            "weight_decay": 0.0 if is_spared else settings.decay,
        }
        for (of_head, is_spared), parameters in sorted(groups.items())
    ]


def _spared(network: nn.Module) -> set[int]:
    """Return the ids of weights that are not decayed: of one dimension, biases, and those timm names."""
    spared = {id(p) for name, p in network.named_parameters() if p.ndim <= 1 or name.endswith(".bias")}
    for module in network.modules():
        named: Any = getattr(module, "no_weight_decay", None)
        if callable(named):
            own = dict(module.named_parameters())
            spared |= {id(own[name]) for name in named() if name in own}
    return spared


@dataclass(slots=True)
class Rates:
    """The factor on every learning rate, over a training of `epochs`.

    Attributes:
        reduced: what "plateau" came to.
        best: validation loss, which "plateau" watches.
        stood: epochs since then.
    """

    schedule: Schedule
    epochs: int
    reduced: float = 1.0
    best: float = math.inf
    stood: int = 0

    def at(self, progress: float) -> float:
        """Return the factor after `progress` epochs; during `warm_up` it rises evenly."""
        schedule = self.schedule
        if progress < schedule.warm_up:
            return (progress + 1e-3) / (schedule.warm_up + 1e-3)
        if schedule.name == "cosine":
            share = (progress - schedule.warm_up) / max(self.epochs - schedule.warm_up, 1e-6)
            return 0.5 * (1.0 + math.cos(math.pi * min(share, 1.0)))
        if schedule.name == "step":
            return float(schedule.factor ** (int(progress) // schedule.every))
        return self.reduced

    def validated(self, loss: float) -> None:
        """Hear of an epoch's validation loss."""
        if self.schedule.name != "plateau":
            return
        self.stood = 0 if loss < self.best else self.stood + 1
        self.best = min(loss, self.best)
        if self.stood > self.schedule.patience:
            self.reduced *= self.schedule.factor
            self.stood = 0

    def state_dict(self) -> dict[str, float]:
        """Return what `load_state_dict` takes."""
        return {"reduced": self.reduced, "best": self.best, "stood": self.stood}

    def load_state_dict(self, state: dict[str, float]) -> None:
        """Go on from a state."""
        self.reduced, self.best, self.stood = state["reduced"], state["best"], int(state["stood"])


def set_rates(optimizer: Optimizer, bases: list[float], factor: float) -> None:
    """Set each group's rate to its base times a factor."""
    for group, base in zip(optimizer.param_groups, bases, strict=True):
        group["lr"] = base * factor


def average_of(network: Classifier, decay: float) -> AveragedModel | None:
    """Return a running average of a network's weights and batch norm figures; None for a decay of 0."""
    if decay == 0.0:
        return None
    moving = get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]
    average = AveragedModel(network, multi_avg_fn=moving, use_buffers=True)
    return average.requires_grad_(requires_grad=False)
