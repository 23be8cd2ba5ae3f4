"""A recipe's jobs one after the other, and what comes out of them."""

from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from scipy.special import expit

from training.architectures.base import Classifier
from training.architectures.registry import create
from training.fitting.figures import logits_of, mean_logits
from training.fitting.inputs import Inputs, states_of
from training.fitting.job import BEST, DONE, Conditions, Examples, Fitting
from training.fitting.plan import Job, jobs_of
from training.fitting.run_folder import PREDICTIONS, SUMMARY, read_json, read_weights, whole, write_json
from training.fitting.steps import Rows
from training.metrics import macro_auroc
from training.policies import Targets
from training.recipe import Recipe
from training.table import Split, State


def run_recipe(conditions: Conditions, recipe: Recipe, inputs: Inputs, folder: Path) -> dict[str, Any]:
    """Do the jobs that are not done yet, and return the summary.

    Raises:
        RecipeError: a job cannot be done as the recipe says.
        ValueError: the architecture or the loss does not know an option.
    """
    told = _Told(conditions, recipe, inputs, folder)
    jobs = jobs_of(recipe)
    for job in jobs:
        if not (folder / job.name / DONE).is_file():
            told.teach(job)
    last = [job.name for job in jobs if job.last]
    logits = {split: told.say(last, split) for split in (Split.VALIDATION, Split.TEST)}
    summary = _summary(recipe, inputs, folder, jobs, logits)
    if conditions.fabric.is_global_zero:
        _write_predictions(folder / PREDICTIONS, inputs, logits)
        write_json(folder / SUMMARY, summary)
    conditions.fabric.barrier()
    return summary


class _Told:
    """Teaches networks, and asks those that are taught."""

    def __init__(self, conditions: Conditions, recipe: Recipe, inputs: Inputs, folder: Path) -> None:
        self.conditions, self.recipe, self.inputs, self.folder = conditions, recipe, inputs, folder
        self.answers: dict[tuple[str, Split], NDArray[np.float32]] = {}

    def teach(self, job: Job) -> None:
        recipe, inputs = self.recipe, self.inputs
        soft = expit(self.say(job.soft, Split.TRAIN)) if job.soft else None
        taught = inputs.taught(Split.TRAIN, job.data, soft)
        if job.relabel:
            mean = expit(self.say(job.relabel, Split.TRAIN))
            taught = Targets(mean * taught.known, taught.known, taught.uncertain)
        texts = inputs.texts(Split.TRAIN) if recipe.data.texts else None
        organs = inputs.organs(Split.TRAIN, recipe.data.size) if recipe.data.masks else None
        boxes = inputs.boxes(Split.TRAIN) if recipe.data.boxes else None

        def network() -> Classifier:
            if job.goes_on_from is None:
                return create(recipe.model, inputs.labels, size=recipe.data.size)
            made = self._read(job.goes_on_from)
            if job.reset_head:
                made.reset_head()
            return made

        training = Examples(self._rows(Split.TRAIN), taught, texts, organs, boxes)
        validation = Examples(self._rows(Split.VALIDATION), inputs.truth(Split.VALIDATION))
        Fitting(
            self.conditions,
            job,
            network,
            recipe.augmentation,
            training,
            validation,
            self.folder / job.name,
        ).run()

    def say(self, names: Sequence[str], split: Split) -> NDArray[np.float32]:
        """Return (N, L) logits of the mean probability of some networks on a part."""
        for name in names:
            if (name, split) not in self.answers:
                self.answers[name, split] = self._answer(name, split)
        return mean_logits([self.answers[name, split] for name in names])

    def _answer(self, name: str, split: Split) -> NDArray[np.float32]:
        count = len(self.inputs.of(split))
        if not count:
            return np.zeros((0, len(self.inputs.labels)), np.float32)
        fabric = self.conditions.fabric
        network = self._read(name).to(fabric.device)
        batch, workers = self.recipe.run.batch, self.conditions.workers
        return logits_of(fabric, network, self._rows(split), count, batch=batch, workers=workers)

    def _read(self, name: str) -> Classifier:
        network = create(self.recipe.model, self.inputs.labels, size=self.recipe.data.size, pretrained=False)
        read_weights(self.folder / name / BEST, network)
        return network

    def _rows(self, split: Split) -> Rows:
        return Rows(self.inputs.store, self.inputs.rows[self.inputs.of(split)])


def _summary(
    recipe: Recipe,
    inputs: Inputs,
    folder: Path,
    jobs: Sequence[Job],
    logits: dict[Split, NDArray[np.float32]],
) -> dict[str, Any]:
    parts = {split: inputs.chosen(split) for split in Split}
    figures = {}
    for split, said in logits.items():
        truth = inputs.truth(split)
        value = macro_auroc(said, truth.targets > 0.5, known=truth.known > 0)
        figures[split.value] = None if np.isnan(value) else round(value, 4)
    return {
        "recipe": recipe.name,
        "labels": list(inputs.labels),
        "members": [f"{job.name}/{BEST}" for job in jobs if job.last],
        "macro_auroc": figures,
        "jobs": {job.name: read_json(folder / job.name / DONE) for job in jobs},
        "datasets": sorted({one.dataset for one in inputs.records}),
        "images": {split.value: len(part) for split, part in parts.items()},
        "patients": {split.value: len({one.patient for one in part}) for split, part in parts.items()},
        "positives": {
            label: {split.value: states_of(part, label).count(State.PRESENT) for split, part in parts.items()}
            for label in inputs.labels
        },
        "versions": {name: version(name) for name in ("torch", "lightning", "timm")},
    }


def _write_predictions(path: Path, inputs: Inputs, logits: dict[Split, NDArray[np.float32]]) -> None:
    """Write a row an image: whose it is, its states as the unified table has them, and its logits."""
    records = [one for split in logits for one in inputs.chosen(split)]
    said = np.concatenate(list(logits.values()))
    columns: dict[str, Any] = {
        name: [str(getattr(one, name)) for one in records]
        for name in ("dataset", "image", "patient", "study", "view", "split", "sex")
    }
    columns["age_years"] = pa.array([one.age_years for one in records], pa.float32())
    for k, label in enumerate(inputs.labels):
        columns[label] = pa.array(states_of(records, label), pa.int8())
        columns[f"{label}_logit"] = said[:, k]
    with whole(path) as unfinished:
        pq.write_table(pa.table(columns), unfinished, compression="zstd")
