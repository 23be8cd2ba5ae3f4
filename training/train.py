r"""Train a recipe: `python -m training.train RECIPE --table FILE.parquet --images DIR --out RUN_DIR`.

RECIPE is the name of one that ships (training/recipes/) or the path of a .toml file. Tables are those of
`python -m training.data table`; without splits they get them here (training/splits.py). It refuses to train
on parts that share patients, studies or films.

    python -m training.train densenet121 --table nih.parquet --images /data/nih --out runs/densenet121
    python -m training.train chexpert_ones --table a.parquet --table b.parquet \
        --images chexpert=/data/chexpert --images nih=/data/nih --out runs/two --devices 4 --precision bf16
    torchrun --nproc-per-node 4 -m training.train densenet121 …           # the same on a cluster

Batches, accumulation of gradients, early stopping, stages and ensembles are as the recipe says. The same
command again goes on from where it was stopped or killed, and on a CPU comes to the very same weights.
`tensorboard --logdir RUN_DIR/tensorboard` shows the epochs. Then `python -m training.export RUN_DIR --out
BUNDLE` makes the bundle that the workers serve.
"""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from training.command import above_zero, add_tables, stop
from training.recipe import names


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line, train, say how good it became."""
    options = _parser().parse_args(arguments)
    # Imported here: processes that decode images import this module again, and need not wait for torch.
    from training.fitting.recipe_run import train  # noqa: PLC0415

    try:
        summary = train(options)
    except (OSError, ValueError) as error:
        stop(str(error))
    if summary is None:
        return
    console = Console()
    for split, value in summary["macro_auroc"].items():
        images, patients = summary["images"][split], summary["patients"][split]
        figure = "no label is there and lacking five times" if value is None else f"{value:.3f}"
        console.print(f"macro AUROC, {split}: {figure} ({images:,} images of {patients:,} patients)")
    console.print(f"next: python -m training.export {options.out} --out BUNDLE")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m training.train",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_options(parser)
    add = parser.add_argument
    add(
        "--out", type=Path, required=True, metavar="RUN_DIR", help="what comes out; also what is gone on from"
    )
    add(
        "--devices",
        type=above_zero,
        default=1,
        metavar="N",
        help="processes, one a GPU, that train one network",
    )
    return parser


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what one run and many are told alike."""
    add = parser.add_argument
    add("recipe", metavar="RECIPE", help=f"one of {', '.join(names())}; or a .toml file")
    add_tables(parser)
    add("--epochs", type=above_zero, help="of each stage, instead of the recipe's")
    add("--limit-images", type=above_zero, metavar="N", help="of each part, for a trial")
    add("--device", choices=["auto", "cpu", "cuda"], default="auto")
    add("--precision", choices=["32", "bf16"], default="32", help="bf16: where it is as good (autocast)")
    add(
        "--workers",
        type=int,
        default=min(2, os.cpu_count() or 1),
        help="processes that decode and fetch images",
    )
    add("--start", metavar="PATH", help="weights to start from, instead of the recipe's model.start")
    add("--seed", type=int, metavar="N", help="instead of the recipe's")
    add(
        "--checkpoint-steps", type=above_zero, default=200, metavar="N", help="steps between checkpoints; 200"
    )


if __name__ == "__main__":
    main()
