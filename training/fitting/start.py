"""What the train command's options say: the recipe as it is changed, and Lightning's side."""

import argparse
import os
from datetime import timedelta
from typing import Any, Final

from lightning.fabric import Fabric
from lightning.fabric.plugins.environments.torchelastic import TorchElasticEnvironment
from lightning.fabric.strategies.ddp import DDPStrategy

from training.recipe import Recipe, load_recipe

PRECISIONS: Final = {"32": "32-true", "bf16": "bf16-mixed"}
"""What the command calls a precision, and what Lightning does."""
_PATIENCE: Final = timedelta(hours=6)
"""How long processes wait for one another: the first decodes all images and looks for leaks alone."""


def recipe_of(options: argparse.Namespace) -> Recipe:
    """Read the recipe, with what the command changes.

    Raises:
        RecipeError: it cannot be used.
    """
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


def fabric_of(options: argparse.Namespace) -> Fabric:
    """Return Lightning's side: device, precision, and the processes, torchrun's or its own."""
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
