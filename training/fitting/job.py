"""One job: a network, its epochs, its checkpoints.

    epoch: steps --(every `every` steps: checkpoint.pt)--> validation --> best.safetensors, checkpoint.pt

A job that was killed goes on from checkpoint.pt and comes to the same weights, on a CPU bit for bit. Its
state is the weights, the optimizer's, the running average, the rates and the place in the epoch; chance is no
part of it, since every step seeds its own (steps.py).
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import torch
from lightning.fabric import Fabric
from lightning.fabric.loggers.tensorboard import TensorBoardLogger
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from torch import Tensor, nn

from training.architectures.base import Classifier
from training.fitting.figures import Figures, figures_of, logits_of
from training.fitting.learner import learner_of
from training.fitting.movement import Rates, average_of, optimizer_of, renew_reference, set_rates
from training.fitting.plan import Job
from training.fitting.run_folder import (
    read_checkpoint,
    write_checkpoint,
    write_json,
    write_rows,
    write_weights,
)
from training.fitting.steps import (
    Batches,
    Organs,
    Rows,
    Step,
    batches_of,
    make_step,
    seed_of,
    share_of,
)
from training.policies import Targets
from training.recipe import Augmentation, RecipeError
from training.sampling import EpochSampler, rarity
from training.sources import adjusted, evenness, log_odds

CHECKPOINT: Final = "checkpoint.pt"
BEST: Final = "best.safetensors"
DONE: Final = "done.json"


@dataclass(frozen=True, slots=True)
class Examples:
    """Images of one part with what is said of them.

    Attributes:
        rows: N images.
        taught: (N, L) what a network is taught, or measured on.
        texts: N impressions, or None.
        organs: their masks of lungs and heart, or None.
        boxes: of N images on their squares, or None.
    """

    rows: Rows
    taught: Targets
    texts: Sequence[str] | None = None
    organs: Organs | None = None
    boxes: Sequence[Tensor] | None = None


@dataclass(frozen=True, slots=True)
class Conditions:
    """How jobs are run, whatever the recipe.

    Attributes:
        fabric: device, precision, and the processes that train together.
        workers: processes that fetch images.
        every: steps between checkpoints.
        seed: of the recipe.
    """

    fabric: Fabric
    workers: int
    every: int
    seed: int


@dataclass(slots=True)
class _State:
    """The place of a job, and what was reached.

    Attributes:
        epoch: that it is in.
        taken: batches of this epoch.
        step: how often the weights were moved.
        stood: epochs since the best.
        lost: sum of the losses of this epoch's batches.
        best: figures.
        history: a row of metrics.csv an epoch.
    """

    epoch: int = 0
    taken: int = 0
    step: int = 0
    stood: int = 0
    lost: float = 0.0
    best: Figures | None = None
    history: list[dict[str, float]] = field(default_factory=list)


class Fitting:
    """A job at work: fits a network, or goes on with it, until `folder` has done.json."""

    def __init__(
        self,
        conditions: Conditions,
        job: Job,
        make_network: Callable[[], Classifier],
        augmentation: Augmentation,
        training: Examples,
        validation: Examples,
        folder: Path,
    ) -> None:
        self.conditions, self.job, self.folder = conditions, job, folder
        self.fabric = conditions.fabric
        self.augmentation, self.training, self.validation = augmentation, training, validation
        self.seed = seed_of(conditions.seed, job.number)
        torch.manual_seed(self.seed)
        taught = training.taught
        self.learner = learner_of(make_network(), taught, job)
        self.module = self.fabric.setup_module(self.learner)
        network, criterion = self.learner.network, self.learner.criterion
        self.optimizer = optimizer_of(job.optimizer, network, criterion, device=self.fabric.device)
        self.bases = [float(group["lr"]) for group in self.optimizer.param_groups]
        self.rates = Rates(job.schedule, job.run.epochs)
        self.average = average_of(network, job.run.average)
        self.share = share_of(job.run.batch, self.fabric.world_size)
        weights = rarity(taught.targets, taught.known, exponent=job.run.balance)
        weights = weights * evenness(taught.sources, exponent=job.run.balance_sources)
        if job.loss.adjust_for_source:
            odds = log_odds(taught, weights)
            self.training = replace(training, taught=adjusted(taught, odds))
            self.validation = replace(validation, taught=adjusted(validation.taught, odds))
        self.sampler = EpochSampler(
            weights, seed=self.seed, rank=self.fabric.global_rank, world=self.fabric.world_size
        )
        self.sampler.start(epoch=0)
        self.steps = len(Batches(self.sampler, self.share))
        self.state = _State()

    @property
    def served(self) -> nn.Module:
        """What is measured and kept: the running average, where there is one."""
        return self.learner.network if self.average is None else self.average.module

    def run(self) -> None:
        """Train until the epochs are over, or nothing gets better."""
        self._go_on()
        run = self.job.run
        logger = TensorBoardLogger(self.folder.parent / "tensorboard", name=self.job.name, version="")
        with _progress(hidden=not self.fabric.is_global_zero) as bar:
            task = bar.add_task(self.job.name, total=run.epochs * self.steps, said="")
            bar.update(task, completed=self.state.epoch * self.steps + self.state.taken)
            while self.state.epoch < run.epochs and not (
                run.stop_after and self.state.stood >= run.stop_after
            ):
                self._epoch(bar, task)
                logger.log_metrics(self._validate(), self.state.epoch)
                renew_reference(self.optimizer)
                self._save()
        logger.finalize("success")
        best = self.state.best
        if self.fabric.is_global_zero and best is not None:
            figures = {"auroc": None if math.isnan(best.auroc) else best.auroc, "loss": best.loss}
            write_json(self.folder / DONE, {"epochs": self.state.epoch, "validation": figures})
        self.fabric.barrier()

    def _epoch(self, bar: Progress, task: TaskID) -> None:
        """Train to the end of the epoch, from the state's place on."""
        state, run = self.state, self.job.run
        self.sampler.start(epoch=state.epoch, taken=state.taken * self.share)
        batches = Batches(self.sampler, self.share)
        self.module.train()
        for squares, indices in batches_of(self.training.rows, batches, workers=self.conditions.workers):
            number = state.taken
            last = number + 1 == self.steps or (number + 1) % run.accumulate == 0
            group = min(run.accumulate, self.steps - number // run.accumulate * run.accumulate)
            step = self._step(squares, indices, number)
            with self.fabric.no_backward_sync(self.module, enabled=not last):
                loss = self.module(*step)
                self.fabric.backward(loss / group)
            value = float(loss.detach())
            if not math.isfinite(value):
                message = f"{self.job.name}: the loss is {value} in epoch {state.epoch + 1}; lower the rate"
                raise RecipeError(message)
            state.lost += value
            state.taken += 1
            if last:
                self._move(state.epoch + number / self.steps)
                if state.step % self.conditions.every == 0 and state.taken < self.steps:
                    self._save()
            bar.update(task, advance=1, said=f"epoch {state.epoch + 1}, loss {value:.3f}")

    def _step(self, squares: Tensor, indices: Sequence[int], number: int) -> Step:
        seed = seed_of(self.seed, self.state.epoch, number, self.fabric.global_rank)
        torch.manual_seed(seed)  # what the network itself draws: dropout, stochastic depth
        return make_step(
            squares,
            self.training.taught,
            indices,
            augmentation=self.augmentation,
            seed=seed,
            device=self.fabric.device,
            texts=self.training.texts,
            organs=self.training.organs,
            boxes=self.training.boxes,
        )

    def _move(self, progress: float) -> None:
        """Move the weights by the gradients."""
        set_rates(self.optimizer, self.bases, self.rates.at(progress))
        if self.job.run.clip:
            nn.utils.clip_grad_norm_(self.learner.parameters(), self.job.run.clip)
        self.optimizer.step()
        self.learner.zero_grad()  # a loss's alpha among them, which the optimizer does not have
        if self.average is not None:
            self.average.update_parameters(self.learner.network)
        self.state.step += 1

    def _validate(self) -> dict[str, float]:
        """Measure the epoch, keep its weights if they are the best; returns its figures."""
        state, told = self.state, self.validation.taught
        logits = logits_of(
            self.fabric,
            self.served,
            self.validation.rows,
            len(told.targets),
            batch=self.share,
            workers=self.conditions.workers,
        )
        figures = figures_of(logits, told, self.learner.criterion, self.fabric.device)
        self.rates.validated(figures.loss)
        better = self.job.run.keep == "last" or state.best is None or figures.key > state.best.key
        state.stood = 0 if better else state.stood + 1
        loss = state.lost / self.steps
        state.epoch, state.taken, state.lost = state.epoch + 1, 0, 0.0
        row = {
            "epoch": state.epoch,
            "steps": state.step,
            "rate": float(self.optimizer.param_groups[0]["lr"]),
            "training_loss": loss,
            "validation_loss": figures.loss,
            "validation_auroc": figures.auroc,
        }
        state.history.append(row)
        if better:
            state.best = figures
        if self.fabric.is_global_zero:
            if better:
                write_weights(self.folder / BEST, self.served)
            write_rows(self.folder / "metrics.csv", state.history)
        return row

    def _save(self) -> None:
        state = self.state
        if not self.fabric.is_global_zero:
            return
        write_checkpoint(
            self.folder / CHECKPOINT,
            {
                "learner": self.learner.state_dict(),
                "optimizer": self.optimizer.state_dict(),
                "average": None if self.average is None else self.average.state_dict(),
                "rates": self.rates.state_dict(),
                "place": [state.epoch, state.taken, state.step, state.stood, state.lost],
                "best": None if state.best is None else list(state.best),
                "history": state.history,
            },
        )

    def _go_on(self) -> None:
        """Take up the last checkpoint, if there is one."""
        kept: dict[str, Any] | None = read_checkpoint(self.folder / CHECKPOINT, self.fabric.device)
        if kept is None:
            return
        self.learner.load_state_dict(kept["learner"])
        self.optimizer.load_state_dict(kept["optimizer"])
        if self.average is not None:
            self.average.load_state_dict(kept["average"])
        self.rates.load_state_dict(kept["rates"])
        best = None if kept["best"] is None else Figures(*kept["best"])
        epoch, taken, step, stood, lost = kept["place"]
        self.state = _State(epoch, taken, step, stood, lost, best, kept["history"])


def _progress(*, hidden: bool) -> Progress:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[said]}"),
        TimeRemainingColumn(),
    )
    return Progress(*columns, console=Console(stderr=True), transient=True, disable=hidden)
