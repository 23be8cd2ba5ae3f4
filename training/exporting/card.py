"""The card of an exported run: calibrated on validation images, measured on test images."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from shared.bundles import GRAPH, Card, Label, Training
from training.answers import Answers, Truths, label_figures, metrics_of
from training.calibration import Calibrated, calibrate
from training.exporting.graph import ExportError
from training.fitting.run_folder import PREDICTIONS
from training.metrics import FEWEST
from training.recipe import Recipe
from training.table import Split, State


@dataclass(frozen=True, slots=True)
class Part:
    """What a run says of the N images of a split.

    Attributes:
        logits: (N, L).
        targets: (N, L) 1 or 0, NaN where it is uncertain or not labelled.
        truths: the same, with whose images they are and where they come from.
    """

    logits: NDArray[np.float32]
    targets: NDArray[np.float32]
    truths: Truths


def read_part(folder: Path, labels: Sequence[str], split: Split) -> Part:
    """Read a split of a run's predictions.parquet."""
    table = pq.read_table(folder / PREDICTIONS, filters=[("split", "=", split.value)])
    states = np.array(
        [[_target(value) for value in table[label].to_pylist()] for label in labels], np.float32
    )
    patients, studies, sources, views = (
        np.array(table[name].to_pylist(), str) for name in ("patient", "study", "dataset", "view")
    )
    targets = states.T
    return Part(
        logits=np.stack([table[f"{label}_logit"].to_numpy() for label in labels], 1).astype(np.float32),
        targets=targets,
        truths=Truths(tuple(labels), targets == 1.0, ~np.isnan(targets), patients, studies, sources, views),
    )


def card_of(
    folder: Path,
    recipe: Recipe,
    summary: Mapping[str, Any],
    *,
    files: Mapping[str, str],
    licence: str | None,
) -> Card:
    """Describe a run.

    Args:
        folder: RUN_DIR.
        summary: its summary.json.
        files: digest of each file of the bundle, by name.
        licence: of the weights; None says whose terms hold.

    Raises:
        CalibrationError: validation images show or lack no label often enough.
        ExportError: test images do not.
    """
    labels: list[str] = summary["labels"]
    validation, test = (read_part(folder, labels, split) for split in (Split.VALIDATION, Split.TEST))
    splits = [Split.VALIDATION] * len(validation.logits)
    fits = calibrate(validation.logits, validation.targets, splits=splits)
    probabilities = np.stack([fit.scaling(test.logits[:, k]) for k, fit in enumerate(fits)], 1)
    present = probabilities >= np.array([fit.cut.threshold for fit in fits])
    answers = test.truths.with_scores(probabilities)
    paper = () if recipe.claim is None else recipe.claim.labels
    metrics = metrics_of(answers, present, others=validation.truths, paper=paper)
    if metrics is None:
        message = (
            f"no label is shown by {FEWEST} and lacking from {FEWEST} of the {len(probabilities)} test "
            "images: the card could not say how good this is; train with a larger test part"
        )
        raise ExportError(message)
    datasets = ", ".join(summary["datasets"])
    return Card(
        id=f"cxr-{recipe.name}",
        version=f"1.0.0+{files[GRAPH][:8]}",
        files=dict(files),
        input_size=recipe.data.size,
        precision="float32",
        normalisation=(
            f"the graph takes [0, 1], rounds to 8 bits and normalises as {recipe.model.architecture} does"
        ),
        labels=tuple(
            _label(name, fits[k], answers, summary["positives"][name], k) for k, name in enumerate(labels)
        ),
        views=recipe.data.measured_views or recipe.data.views,
        blank=recipe.data.blank,
        paper_labels=paper,
        metrics=metrics,
        training=_training(recipe, summary, datasets),
        licence=licence or f"not stated; the terms of the data that it was trained on hold: {datasets}",
        attribution=f"Trained on {datasets}. Recipe {recipe.name}: {recipe.paper}",
        intended_use=_INTENDED_USE,
        not_for=_NOT_FOR,
    )


def _target(value: int | None) -> float:
    return float("nan") if value is None or value == State.UNCERTAIN else float(value)


def _label(name: str, fit: Calibrated, answers: Answers, positives: Mapping[str, int], k: int) -> Label:
    found = label_figures(answers, k, threshold=fit.cut.threshold)
    return Label(
        id=name,
        slope=fit.scaling.slope,
        offset=fit.scaling.offset,
        threshold=fit.cut.threshold,
        uncertain_from=fit.cut.uncertain_from,
        auroc=found.auroc,
        within_source=found.within_source,
        sensitivity=found.sensitivity,
        specificity=found.specificity,
        positives=(positives["train"], positives["validation"], positives["test"]),
    )


def _training(recipe: Recipe, summary: Mapping[str, Any], datasets: str) -> Training:
    images, patients = summary["images"], summary["patients"]
    run = recipe.run
    return Training(
        data=datasets,
        start=recipe.model.start,
        images=(images["train"], images["validation"], images["test"]),
        patients=(patients["train"], patients["validation"], patients["test"]),
        chosen_on=(
            f"the {images['validation']} validation images of {patients['validation']} patients chose the "
            "epoch of each network, calibration and thresholds; the test images chose nothing"
        ),
        recipe={
            "name": recipe.name,
            "architecture": recipe.model.architecture,
            "loss": recipe.loss.name,
            "optimizer": recipe.optimizer.name,
            "rate": recipe.optimizer.rate,
            "schedule": recipe.schedule.name,
            "epochs": run.epochs,
            "batch": run.batch,
            "accumulate": run.accumulate,
            "policy": recipe.data.policy.value,
            "members": recipe.ensemble.members,
            "seed": recipe.seed,
            **summary["versions"],
        },
        command=f"python -m training.train {recipe.name} --table … --images … --out RUN_DIR",
    )


_INTENDED_USE: Final = (
    "Research. It is not a medical device: no one may be diagnosed, treated or sent home on what it says."
)
_NOT_FOR: Final = (
    "clinical decisions",
    "lateral views (refused where the file says so)",
    "CT, MR and other body parts",
    "findings beyond its labels",
    "saying that a chest is normal: an absent finding means only that this model did not see it",
)
