"""From the train command's options to a run: the recipe as it is changed, Lightning's side, the inputs."""

import argparse
import os
from datetime import timedelta
from typing import Any, Final

from lightning.fabric import Fabric
from lightning.fabric.plugins.environments.torchelastic import TorchElasticEnvironment
from lightning.fabric.strategies.ddp import DDPStrategy

from training.fitting.inputs import digests_of, read_inputs
from training.fitting.job import Conditions
from training.fitting.recipe_run import run_recipe
from training.fitting.run_folder import SUMMARY, begin, read_json
from training.recipe import Recipe, load_recipe
from training.squares import folders

PRECISIONS: Final = {"32": "32-true", "bf16": "bf16-mixed"}
"""What the command calls a precision, and what Lightning does."""
_PATIENCE: Final = timedelta(hours=6)
"""How long processes wait for one another: the first decodes all images and looks for leaks alone."""


def train(options: argparse.Namespace) -> dict[str, Any] | None:
    """Train by the command's options; returns the summary, or None in a process that is not the first.

    Raises:
        RecipeError: the recipe cannot be used, or not with these tables.
        ValueError: tables, images, architecture or loss do not fit.
        OSError: a file cannot be read or written.
    """
    recipe = _recipe(options)
    fabric = _fabric(options)
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
    summary = run_recipe(conditions, recipe, inputs, options.out)
    return summary if fabric.is_global_zero else None


def _recipe(options: argparse.Namespace) -> Recipe:
    recipe = load_recipe(options.recipe)
    changes: dict[str, Any] = {}
    if options.epochs is not None:
        changes["run"] = recipe.run.model_copy(update={"epochs": options.epochs})
        if recipe.second is not None:
            run = recipe.second.run.model_copy(update={"epochs": options.epochs})
            changes["second"] = recipe.second.model_copy(update={"run": run})
    if options.start is not None:
        changes["model"] = recipe.model.model_copy(update={"start": options.start})
    if options.seed is not None:
        changes["seed"] = options.seed
    return recipe.model_copy(update=changes)


def _fabric(options: argparse.Namespace) -> Fabric:
    """Make Lightning's side of it: device, precision, and the processes, torchrun's or its own."""
    precision: Any = PRECISIONS[options.precision]
    if TorchElasticEnvironment.detect():
        # torchrun says by the environment, and by nothing else, what it has started.
        here, all_of_them = (int(os.environ[name]) for name in ("LOCAL_WORLD_SIZE", "WORLD_SIZE"))  # noqa: TID251
        nodes = all_of_them // here
        ddp = DDPStrategy(timeout=_PATIENCE)
        return Fabric(
            accelerator=options.device, strategy=ddp, devices=here, num_nodes=nodes, precision=precision
        )
    if options.devices > 1:
        ddp = DDPStrategy(timeout=_PATIENCE)
        return Fabric(accelerator=options.device, strategy=ddp, devices=options.devices, precision=precision)
    return Fabric(accelerator=options.device, devices=1, precision=precision)
