"""Tune the bundled base model on real reports: `python -m training.train_writer --data DIR`.

Open-I's reports -> those that are held out, near-duplicates with them -> lessons -> LoRA -> an adapter

    RUN_DIR/split.json    which reports are held out
    RUN_DIR/checkpoints   what a run that was killed goes on from
    RUN_DIR/adapter       the adapter and its card; `training.measure_reports writers --adapter` takes it

Nothing of it ships: the licence of Open-I's reports (CC BY-NC-ND 4.0) goes with the weights, which are for
measuring, on the machine that made them.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import partial
from itertools import compress
from pathlib import Path
from typing import Final

import torch

from training.command import above_zero, stop
from training.reports.alike import held_out
from training.reports.open_i import read_reports
from training.writer.real import draw_real, lessons
from training.writer.tuning import Recipe, tune

RECIPE: Final = Recipe(seed=11, steps=400, batch=4, learning_rate=5e-4, warmup=20)
"""About two passes over Open-I's lessons, at half the rate of the bundled recipe: they are few."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line and do what it says."""
    options = _parser().parse_args(arguments)
    if options.threads:
        torch.set_num_threads(options.threads)
    try:
        reports = read_reports(options.data)
    except (OSError, ValueError) as error:
        stop(str(error))
    out = held_out(reports)
    uids = [report.uid for report in compress(reports, out)]
    learnt = lessons([report for report, kept in zip(reports, out, strict=True) if not kept])
    if not learnt:
        stop(f"{options.data}: no report shows a label and has words in both sections")
    _keep(options.run, uids)
    print(f"{len(reports):,} reports, {len(uids):,} held out; {len(learnt):,} to learn from", flush=True)
    recipe = replace(RECIPE, steps=options.steps)
    adapter = options.run / "adapter"
    tune(
        recipe,
        partial(draw_real, learnt),
        out=adapter,
        work=options.run / "checkpoints",
        save_every=options.save_every,
    )
    card = {
        "id": "smollm2-135m-instruct-open-i",
        "version": "1",
        "licence": "CC BY-NC-ND 4.0, that of the reports: not to be passed on",
        "languages": ["en"],
        "tuned_on": f"{len(learnt)} Open-I reports",
        "held_out": uids,
        "recipe": asdict(recipe),
    }
    (adapter / "card.json").write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")
    print(f"the adapter is in {adapter}")


def _keep(run: Path, uids: Sequence[str]) -> None:
    """Write down who is held out; refuse a run that began with others, and has learnt from some of these."""
    split = run / "split.json"
    text = json.dumps({"held_out": uids}) + "\n"
    if split.is_file() and split.read_text(encoding="utf-8") != text:
        stop(f"{run} began with other reports: name another --run")
    run.mkdir(parents=True, exist_ok=True)
    split.write_text(text, encoding="utf-8")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m training.train_writer",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--data", type=Path, required=True, metavar="DIR", help="folder of Open-I's reports")
    add("--run", type=Path, default=Path("runs/writer"), metavar="RUN_DIR", help="what is gone on from")
    add("--steps", type=above_zero, default=RECIPE.steps, help="of the optimizer; %(default)s")
    add("--save-every", type=above_zero, default=25, help="steps between checkpoints; %(default)s")
    add("--threads", type=int, default=0, help="CPU threads; 0 means all cores")
    return parser


if __name__ == "__main__":
    main()
