"""The card of an exported run: calibrated on validation images, measured on test images."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from shared.bundles import GRAPH, Card, Interval, Label, Metrics, Training
from training.calibration import Calibrated, calibrate
from training.exporting.graph import ExportError
from training.fitting.run_folder import PREDICTIONS
from training.metrics import FEWEST, auroc, interval, macro_interval
from training.recipe import Recipe
from training.table import Split, State


@dataclass(frozen=True, slots=True)
class Part:
    """What a run says of the N images of a split.

    Attributes:
        logits: (N, L).
        targets: (N, L) 1 or 0, NaN where it is uncertain or not labelled.
        patients: (N,); likewise `views` and `datasets`.
    """

    logits: NDArray[np.float32]
    targets: NDArray[np.float32]
    patients: NDArray[np.str_]
    views: NDArray[np.str_]
    datasets: NDArray[np.str_]

    @property
    def known(self) -> NDArray[np.bool_]:
        """(N, L) where something is said."""
        known: NDArray[np.bool_] = ~np.isnan(self.targets)
        return known

    @property
    def truth(self) -> NDArray[np.bool_]:
        """(N, L) where the label is present."""
        truth: NDArray[np.bool_] = self.targets == 1.0
        return truth


def read_part(folder: Path, labels: Sequence[str], split: Split) -> Part:
    """Read a split of a run's predictions.parquet."""
    table = pq.read_table(folder / PREDICTIONS, filters=[("split", "=", split.value)])
    states = np.array(
        [[_target(value) for value in table[label].to_pylist()] for label in labels], np.float32
    )
    columns = {name: np.array(table[name].to_pylist(), str) for name in ("patient", "view", "dataset")}
    return Part(
        logits=np.stack([table[f"{label}_logit"].to_numpy() for label in labels], 1).astype(np.float32),
        targets=states.T,
        patients=columns["patient"],
        views=columns["view"],
        datasets=columns["dataset"],
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
            _label(name, fits[k], test, probabilities[:, k], summary["positives"][name], k)
            for k, name in enumerate(labels)
        ),
        views=recipe.data.measured_views or recipe.data.views,
        blank=recipe.data.blank,
        metrics=_metrics(test, probabilities, present),
        training=_training(recipe, summary, datasets),
        licence=licence or f"not stated; the terms of the data that it was trained on hold: {datasets}",
        attribution=f"Trained on {datasets}. Recipe {recipe.name}: {recipe.paper}",
        intended_use=_INTENDED_USE,
        not_for=_NOT_FOR,
    )


def _target(value: int | None) -> float:
    return float("nan") if value is None or value == State.UNCERTAIN else float(value)


def _label(
    name: str,
    fit: Calibrated,
    test: Part,
    probabilities: NDArray[np.float64],
    positives: Mapping[str, int],
    k: int,
) -> Label:
    known, truth = test.known[:, k], test.truth[:, k]
    scores, shown, patients = probabilities[known], truth[known], test.patients[known]
    told = min(int(shown.sum()), int((~shown).sum())) >= FEWEST
    called = scores >= fit.cut.threshold
    return Label(
        id=name,
        slope=fit.scaling.slope,
        offset=fit.scaling.offset,
        threshold=fit.cut.threshold,
        uncertain_from=fit.cut.uncertain_from,
        auroc=interval(lambda rows: auroc(scores[rows], shown[rows]), patients) if told else None,
        sensitivity=round(float(called[shown].mean()), 4) if told else None,
        specificity=round(float((~called[~shown]).mean()), 4) if told else None,
        positives=(positives["train"], positives["validation"], positives["test"]),
    )


def _metrics(test: Part, probabilities: NDArray[np.float64], present: NDArray[np.bool_]) -> Metrics:
    def macro(rows: NDArray[np.bool_]) -> Interval | None:
        return macro_interval(
            probabilities[rows], test.truth[rows], test.patients[rows], known=test.known[rows]
        )

    def each(kinds: NDArray[np.str_]) -> dict[str, Interval]:
        found = {str(kind): macro(kinds == kind) for kind in np.unique(kinds)}
        return {kind: one for kind, one in found.items() if one is not None}

    overall = macro(np.ones(len(probabilities), bool))
    if overall is None:
        message = (
            f"no label is shown by {FEWEST} and lacking from {FEWEST} of the {len(probabilities)} test "
            "images: the card could not say how good this is; train with a larger test part"
        )
        raise ExportError(message)
    normal = test.known.all(1) & ~test.truth.any(1)
    return Metrics(
        macro_auroc=overall,
        by_view=each(test.views),
        by_source=each(test.datasets),
        findings_per_study=round(float(present.sum(1).mean()), 3),
        findings_per_normal=round(float(present[normal].sum(1).mean()), 3) if normal.any() else None,
    )


def _training(recipe: Recipe, summary: Mapping[str, Any], datasets: str) -> Training:
    images, patients = summary["images"], summary["patients"]
    run = recipe.run
    return Training(
        data=datasets,
        start=recipe.model.start,
        images=(images["train"], images["validation"], images["test"]),
        patients=(patients["train"], patients["validation"], patients["test"]),
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
