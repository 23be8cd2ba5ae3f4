"""The card of an exported run: calibrated on validation images, measured on test images."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from shared.bundles import GRAPH, Card, Label, Training
from training.answers import Summary, Truths, summary_of
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
        licence: of the weights; None takes the recipe's, or says whose terms hold.

    Raises:
        CalibrationError: validation images show or lack no label often enough.
        ExportError: test images do not.
    """
    labels: list[str] = summary["labels"]
    validation, test = (read_part(folder, labels, split) for split in (Split.VALIDATION, Split.TEST))
    splits = [Split.VALIDATION] * len(validation.logits)
    fits = calibrate(validation.logits, validation.targets, splits=splits)
    probabilities = np.stack([fit.scaling(test.logits[:, k]) for k, fit in enumerate(fits)], 1)
    datasets, texts = ", ".join(summary["datasets"]), recipe.card
    card = Card(
        id=texts.id or f"cxr-{recipe.name}",
        version=texts.version or f"1.0.0+{files[GRAPH][:8]}",
        files=dict(files),
        input_size=recipe.data.size,
        precision="float32",
        normalisation=(
            f"the graph takes [0, 1], rounds to 8 bits and normalises as {recipe.model.architecture} does"
        ),
        labels=tuple(_label(name, fits[k], summary["positives"][name]) for k, name in enumerate(labels)),
        views=recipe.data.measured_views or recipe.data.views,
        blank=recipe.data.blank,
        paper_labels=() if recipe.claim is None else recipe.claim.labels,
        embedding=f"{texts.embedding} {files[GRAPH][:8]}" if texts.embedding else None,
        training=_training(recipe, summary, datasets),
        licence=licence or texts.licence or f"not stated; the terms of the data hold: {datasets}",
        attribution=texts.attribution or f"Trained on {datasets}. Recipe {recipe.name}: {recipe.paper}",
        intended_use=texts.intended_use,
        not_for=texts.not_for,
    )
    answers = test.truths.with_scores(probabilities)
    return with_figures(card, summary_of(answers, card, others=validation.truths))


def with_figures(card: Card, measured: Summary) -> Card:
    """Return a card with what its bundle reaches on test images; all that it decides by stays.

    Raises:
        ExportError: no label is told often enough.
    """
    if measured.metrics is None:
        message = (
            f"no label is shown by {FEWEST} and lacking from {FEWEST} of the test images: the card could not "
            "say how good this is; train with a larger test part"
        )
        raise ExportError(message)
    labels = tuple(
        label.model_copy(
            update={
                "auroc": found.auroc,
                "within_source": found.within_source,
                "sensitivity": found.sensitivity,
                "specificity": found.specificity,
            }
        )
        for label, found in zip(card.labels, measured.labels, strict=True)
    )
    return card.model_copy(update={"labels": labels, "metrics": measured.metrics})


def _target(value: int | None) -> float:
    return float("nan") if value is None or value == State.UNCERTAIN else float(value)


def _label(name: str, fit: Calibrated, positives: Mapping[str, int]) -> Label:
    return Label(
        id=name,
        slope=fit.scaling.slope,
        offset=fit.scaling.offset,
        threshold=fit.cut.threshold,
        uncertain_from=fit.cut.uncertain_from,
        positives=(positives["train"], positives["validation"], positives["test"]),
    )


def _training(recipe: Recipe, summary: Mapping[str, Any], datasets: str) -> Training:
    images, patients = summary["images"], summary["patients"]
    run, texts = recipe.run, recipe.card
    chose = "calibration and thresholds; epochs are fixed"
    if run.keep == "best":
        chose = "the epoch of each network, calibration and thresholds"
    return Training(
        data=texts.data or datasets,
        start=texts.start or recipe.model.start,
        images=(images["train"], images["validation"], images["test"]),
        patients=(patients["train"], patients["validation"], patients["test"]),
        chosen_on=(
            f"the {images['validation']} validation images of {patients['validation']} patients chose "
            f"{chose}; the test images chose nothing"
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
            "mean": recipe.ensemble.mean,
            "seed": recipe.seed,
            **summary["versions"],
        },
        command=texts.command or f"python -m training.train {recipe.name} --table … --images … --out RUN_DIR",
    )
