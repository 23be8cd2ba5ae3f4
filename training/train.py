"""Train what a recipe says: `python -m training.train RECIPE --table FILE.parquet --images DIR --out RUN_DIR`.

RECIPE is the name of one that ships (training/recipes/) or the path of a .toml file. Tables are those of
`python -m training.data table`; without splits they get them here (training/splits.py). It refuses to train on
parts that share patients, studies or films.

    python -m training.train densenet121 --table nih.parquet --images /data/nih --out runs/densenet121
    python -m training.train chexpert_ones --table a.parquet --table b.parquet \\
        --images chexpert=/data/chexpert --images nih=/data/nih --out runs/two --devices 4 --precision bf16
    torchrun --nproc-per-node 4 -m training.train densenet121 …           # the same on a cluster

The same command again goes on from where it was stopped or killed, and on a CPU comes to the very same
weights. Then `python -m training.export RUN_DIR` makes the bundle that the workers serve.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, NoReturn

import platformdirs
from lightning.fabric import Fabric
from lightning.fabric.plugins.environments import TorchElasticEnvironment
from lightning.fabric.strategies import DDPStrategy
from rich.console import Console

from training.fitting.inputs import digests_of, read_inputs
from training.fitting.job import Conditions
from training.fitting.recipe_run import run_recipe
from training.fitting.run_folder import begin
from training.recipe import Recipe, load_recipe, names
from training.squares import folders

_PATIENCE: Final = timedelta(hours=6)
"""How long processes wait for one another: the first decodes all images and looks for leaks alone."""
_PRECISIONS: Final = {"32": "32-true", "bf16": "bf16-mixed"}


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line, train, say how good it became."""
    options = _parser().parse_args(arguments)
    try:
        summary = train(options)
    except (OSError, ValueError) as error:
        _stop(str(error))
    if summary is None:
        return
    console = Console()
    for split, value in summary["macro_auroc"].items():
        images, patients = summary["images"][split], summary["patients"][split]
        figure = "no label is there and lacking five times" if value is None else f"{value:.3f}"
        console.print(f"macro AUROC, {split}: {figure} ({images:,} images of {patients:,} patients)")
    console.print(f"next: python -m training.export {options.out} --out BUNDLE --licence TEXT")


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
    precision: Any = _PRECISIONS[options.precision]
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


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m training.train",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("recipe", metavar="RECIPE", help=f"one of {', '.join(names())}; or a .toml file")
    add(
        "--table",
        type=Path,
        action="append",
        required=True,
        metavar="FILE.parquet",
        help="any number of them",
    )
    add(
        "--images",
        action="append",
        required=True,
        metavar="DIR",
        help="folder that the tables' files are in, or DATASET=DIR for each data set",
    )
    add(
        "--out", type=Path, required=True, metavar="RUN_DIR", help="what comes out; also what is gone on from"
    )
    add("--epochs", type=_count, help="of each stage, instead of the recipe's")
    add("--limit-images", type=_count, metavar="N", help="of each part, for a trial")
    add("--device", choices=["auto", "cpu", "cuda"], default="auto")
    add("--devices", type=_count, default=1, metavar="N", help="processes, one a GPU, that train one network")
    add("--precision", choices=list(_PRECISIONS), default="32", help="bf16: where it is as good (autocast)")
    add(
        "--workers",
        type=int,
        default=min(2, os.cpu_count() or 1),
        help="processes that decode and fetch images",
    )
    add("--start", metavar="PATH", help="weights to start from, instead of the recipe's model.start")
    add("--seed", type=int, metavar="N", help="instead of the recipe's")
    add("--checkpoint-steps", type=_count, default=200, metavar="N", help="steps between checkpoints; 200")
    add(
        "--cache",
        type=Path,
        default=platformdirs.user_cache_path("cxr-reporter") / "squares",
        metavar="DIR",
        help="decoded images; %(default)s",
    )
    return parser


def _count(text: str) -> int:
    count = int(text)
    if count < 1:
        message = f"{text} is not above 0"
        raise argparse.ArgumentTypeError(message)
    return count


def _stop(message: str) -> NoReturn:
    print(message, file=sys.stderr)
    sys.exit(2)


if __name__ == "__main__":
    main()
