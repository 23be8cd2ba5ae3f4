"""Tune the bundled language model to put findings into words: `python -m training.tune_writer --out FOLDER`.

On the template's own text and nothing else; `writer/tuning.py` says how.

    python -m training.tune_writer --out worker_llm/bundled     # makes the adapter
    python -m training.tune_writer --evaluate                   # judges the one that ships
"""

import argparse
import json
from dataclasses import asdict
from pathlib import Path

import torch

from training.writer.evaluate import evaluate, write_card
from training.writer.examples import draw_examples
from training.writer.tuning import Recipe, tune
from worker_llm.writers.bundled import ADAPTER


def main() -> None:
    """Read the command line, then tune or evaluate."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=ADAPTER, help="folder of the adapter")
    parser.add_argument(
        "--work", type=Path, default=Path("tune_writer.work"), help="folder of the checkpoints"
    )
    parser.add_argument("--steps", type=int, default=Recipe().steps, help="steps in all")
    parser.add_argument("--threads", type=int, default=0, help="CPU threads; 0 means all cores")
    parser.add_argument("--save-every", type=int, default=50, help="steps between checkpoints")
    parser.add_argument("--evaluate", action="store_true", help="judge the adapter in --out, tune nothing")
    parser.add_argument("--sets", type=int, default=500, help="held-out sets of findings to judge it on")
    arguments = parser.parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    if not arguments.evaluate:
        recipe = Recipe(steps=arguments.steps)
        tune(
            recipe,
            draw_examples,
            out=arguments.out,
            work=arguments.work,
            save_every=arguments.save_every,
        )
    figures = evaluate(arguments.out, sets=arguments.sets)
    if not arguments.evaluate:
        write_card(arguments.out, figures, recipe=asdict(Recipe(steps=arguments.steps)))
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
