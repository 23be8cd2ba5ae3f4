"""What is minimised: losses over many labels, with a mask of what is known.

    loss_named           name and options, as a recipe writes them -> a criterion
    cross_entropy        options `balance`, `smoothing`
    balanced_cross_entropy
    focal                options `alpha`, `gamma`
    asymmetric           options `gamma_negative`, `gamma_positive`, `clip`
    auc_margin           option `margin`; see auc_margin.py for the optimizer that it needs

A criterion takes (logits, targets, known), each (N, L), and returns a scalar. Data sets with different labels
train together because `known` is 0 where a data set does not have a label; between 0 and 1 it is how much
an image counts. Where nothing of a batch is known the loss is 0, and gradients, all 0, still flow from it.
Targets may be soft, as some policies (training/policies.py) and mixup make them.
"""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import ValidationError
from torch import Tensor, as_tensor

from training.architectures.base import Criterion
from training.losses.auc_margin import AucMarginOptions
from training.losses.options import LossOptions
from training.losses.pointwise import (
    AsymmetricOptions,
    BalancedCrossEntropyOptions,
    CrossEntropyOptions,
    FocalOptions,
)

_LOSSES: Final[Mapping[str, type[LossOptions]]] = {
    "cross_entropy": CrossEntropyOptions,
    "balanced_cross_entropy": BalancedCrossEntropyOptions,
    "focal": FocalOptions,
    "asymmetric": AsymmetricOptions,
    "auc_margin": AucMarginOptions,
}


def names() -> list[str]:
    """Return the names that `loss_named` knows, sorted."""
    return sorted(_LOSSES)


def loss_named(
    name: str, options: Mapping[str, Any], *, labels: int, positives: Tensor, count: int | Tensor
) -> Criterion:
    """Return a loss, a `torch.nn.Module`.

    Args:
        labels: how many there are, L.
        positives: (L,) training images on which each is present.
        count: training images; (L,) of those on which each is known, where that differs by label.

    Raises:
        ValueError: there is no such loss, an option is unknown or out of its range, or `positives` or `count`
            do not fit to `labels`.
    """
    if name not in _LOSSES:
        message = f"there is no loss {name!r}; there are {', '.join(names())}"
        raise ValueError(message)
    counts = as_tensor(count).expand(labels) if as_tensor(count).ndim == 0 else as_tensor(count)
    if positives.shape != (labels,) or counts.shape != (labels,):
        shapes = f"{tuple(positives.shape)} and {tuple(counts.shape)}"
        message = f"positives and counts are one a label, ({labels},); they are {shapes}"
        raise ValueError(message)
    try:
        chosen = _LOSSES[name].model_validate(dict(options))
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        has = ", ".join(_LOSSES[name].model_fields) or "none"
        message = f"options of the loss {name}: {faults}; it has {has}"
        raise ValueError(message) from error
    return chosen.criterion(positives.float(), counts.float())
