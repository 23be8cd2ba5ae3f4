"""One training of a network, as a recipe says it: the loss, what moves the weights, how long."""

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

STRICT: Final = ConfigDict(frozen=True, extra="forbid")
"""Of every part of a recipe: it cannot be changed, and a key that it does not know is an error."""


class _Part(BaseModel):
    model_config = STRICT


class Loss(_Part):
    """A loss of `training/losses/` with its options, which it checks itself.

    Attributes:
        adjust_for_source: whether each logit gets, while it is learnt and never afterwards, the log-odds of
            its label in the image's data set (training/sources.py).
    """

    name: str = "cross_entropy"
    options: dict[str, Any] = {}
    adjust_for_source: bool = False


class Optimizer(_Part):
    """What moves the weights.

    Attributes:
        name: "adam", "adamw", "sgd" or "pesg" (which needs an AUC margin loss).
        rate: learning rate of the trunk.
        head_rate: factor on it for what did not start from trained weights.
    """

    name: Literal["adam", "adamw", "sgd", "pesg"] = "adam"
    rate: Annotated[float, Field(gt=0.0)] = 1e-4
    head_rate: Annotated[float, Field(gt=0.0)] = 1.0
    decay: Annotated[float, Field(ge=0.0)] = 0.0
    momentum: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.9
    options: dict[str, Any] = {}


class Schedule(_Part):
    """How the rate changes.

    Attributes:
        name: "constant", "cosine" (to zero, after `warm_up` epochs), "plateau" (times `factor` when the
            validation loss stood for `patience` epochs) or "step" (times `factor` every `every` epochs).
    """

    name: Literal["constant", "cosine", "plateau", "step"] = "constant"
    warm_up: Annotated[float, Field(ge=0.0)] = 0.0
    factor: Annotated[float, Field(gt=0.0, le=1.0)] = 0.1
    patience: Annotated[int, Field(ge=0)] = 1
    every: Annotated[int, Field(ge=1)] = 1


class Run(_Part):
    """One training.

    Attributes:
        epochs: passes over the training images.
        batch: images a step, shared by all devices that train together: a run of four devices has the
            steps and the rate of a run of one.
        accumulate: steps whose gradients are added before the weights move.
        balance: exponent of the rarity by which images are drawn; 0 draws each once an epoch.
        balance_sources: likewise of the rarity of their data set: with 1 each is half of two's batches, on
            average.
        start_at_priors: whether the head begins with the frequency of each label as its answer.
        keep: which epoch's weights are kept; "best": by the macro AUROC of the validation images within one
            source.
        stop_after: epochs without a better validation figure after which training ends; 0 never.
        average: decay a step of the running average of the weights that is kept; 0 keeps the last ones.
        clip: largest norm of the gradient; 0 is no limit.
    """

    epochs: Annotated[int, Field(ge=1)]
    batch: Annotated[int, Field(ge=1)] = 16
    accumulate: Annotated[int, Field(ge=1)] = 1
    balance: Annotated[float, Field(ge=0.0, le=1.0)] = 0.0
    balance_sources: Annotated[float, Field(ge=0.0, le=1.0)] = 0.0
    start_at_priors: bool = False
    keep: Literal["best", "last"] = "best"
    stop_after: Annotated[int, Field(ge=0)] = 0
    average: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0
    clip: Annotated[float, Field(ge=0.0)] = 0.0


class SecondTraining(_Part):
    """A second training that goes on from the first, with what differs (Yuan 2020: a head made anew)."""

    loss: Loss
    optimizer: Optimizer
    schedule: Schedule = Schedule()
    run: Run
    reset_head: bool = False
