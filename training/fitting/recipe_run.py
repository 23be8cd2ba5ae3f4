"""A run: from the train command's options to a recipe's jobs, one after the other, and what comes out."""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from training.architectures.base import Classifier
from training.architectures.registry import create
from training.fitting.figures import logits_of, mean_logits
from training.fitting.inputs import Inputs, digests_of, read_inputs
from training.fitting.job import BEST, DONE, Conditions, Examples, Fitting
from training.fitting.outcome import summary_of, write_predictions
from training.fitting.plan import Job, jobs_of
from training.fitting.run_folder import (
    MEAN,
    PREDICTIONS,
    SUMMARY,
    begin,
    read_json,
    read_weights,
    write_json,
    write_mean_weights,
)
from training.fitting.start import fabric_of, recipe_of
from training.fitting.steps import Rows
from training.recipe import Recipe
from training.squares import folders
from training.table import Split


def train(options: argparse.Namespace) -> dict[str, Any] | None:
    """Train by the command's options; returns the summary, or None in a process that is not the first.

    Raises:
        RecipeError: the recipe cannot be used, or not with these tables.
        ValueError: tables, images, architecture or loss do not fit.
        OSError: a file cannot be read or written.
    """
    recipe = recipe_of(options)
    fabric = fabric_of(options)
    fabric.launch()
    depends = {
        "tables": digests_of(options.table),
        "limit_images": options.limit_images,
        "precision": options.precision,
        "processes": fabric.world_size,
    }
    with fabric.rank_zero_first():
        begin(options.out, recipe, depends)
        # It is written last: where it is, nothing is left to do.
        if (options.out / SUMMARY).is_file():
            return read_json(options.out / SUMMARY) if fabric.is_global_zero else None
        inputs = read_inputs(
            recipe.data,
            options.table,
            folders(options.images),
            cache=options.cache,
            processes=max(options.workers, 1),
            limit=options.limit_images,
            look_for_leaks=fabric.is_global_zero,
        )
    conditions = Conditions(fabric, options.workers, options.checkpoint_steps, recipe.seed)
    summary = _run_jobs(conditions, recipe, inputs, options.out)
    return summary if fabric.is_global_zero else None


def _run_jobs(conditions: Conditions, recipe: Recipe, inputs: Inputs, folder: Path) -> dict[str, Any]:
    """Do the jobs that are not done yet, and return the summary."""
    told = _Told(conditions, recipe, inputs, folder)
    jobs = jobs_of(recipe)
    for job in jobs:
        if not (folder / job.name / DONE).is_file():
            told.teach(job)
    networks = [job.name for job in jobs if job.last]
    first = conditions.fabric.is_global_zero
    if recipe.ensemble.mean == "weights":
        if first:
            write_mean_weights(folder / MEAN / BEST, [folder / name / BEST for name in networks])
        networks = [MEAN]
        conditions.fabric.barrier()
    logits = {split: told.say(networks, split) for split in (Split.VALIDATION, Split.TEST)}
    members = [f"{name}/{BEST}" for name in networks]
    summary = summary_of(recipe, inputs, folder, [job.name for job in jobs], members, logits)
    if first:
        write_predictions(folder / PREDICTIONS, inputs, logits)
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
            taught = replace(taught, targets=mean * (taught.known > 0))
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
