"""Make the bundled classifier and the gate: `python -m training.train_bundled --data DIR [--out FOLDER]`.

the pool as a table -> `training.train bundled` -> `training.export` -> the gate's heads on the network's
embedding -> two bundles with their cards

The classifier is one recipe among the others (recipes/bundled.toml). What this command does not know goes to
`training.train` (`--epochs 1 --limit-images 200` for a trial); RUN_DIR (`--run`) is what a training that was
interrupted goes on from. `--figures` trains nothing and decides nothing anew but of which labels side and
zone may be said: it measures the classifier on the pool's test patients, and its maps on NIH's boxes, and
writes the figures into its card. `--mirror` fits that part of the gate alone which tells mirrored pictures.
"""

import argparse
import shutil
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import torch

from shared.bundles import BUNDLED_FOLDER, CAM_WEIGHTS, Bundle, Card, load_bundle
from shared.gates import BUNDLED_GATE
from training import train
from training.answers import Summary, summary_of
from training.bundled.gate_bundle import gate_readme, make_gate, make_mirror
from training.bundled.pool import read_pool
from training.command import stop
from training.export import export
from training.exporting.card import with_figures
from training.exporting.readme import readme, write_card
from training.localize import look, placed
from training.recipe import load_recipe
from training.scoring.image_folder import find_images
from training.scoring.judge import in_children
from training.scoring.label_table import merged
from training.scoring.measured import measure
from training.scoring.record_table import labels_of, rows_of
from training.scoring.scored import others_of, scored
from training.table import Record, Split, write
from worker_cnn.decoding import DecoderPool
from worker_cnn.runtime import load_model

NAME: Final = "bundled"
"""Of the recipe."""
COMMAND: Final = "python -m training.train_bundled --data DIR --figures"


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line and do what it says."""
    options, more = _parser().parse_known_args(arguments)
    if options.threads:
        torch.set_num_threads(options.threads)
    try:
        pool = read_pool(options.data)
        if options.mirror:
            _write_mirror(pool, options)
        elif options.figures:
            _write_figures(pool, options)
        else:
            _make(pool, options, more)
    except (OSError, ValueError) as error:
        stop(str(error))


def _make(pool: Sequence[Record], options: argparse.Namespace, more: Sequence[str]) -> None:
    """Train, and write both bundles; neither is written before both are whole."""
    run: Path = options.run
    run.mkdir(parents=True, exist_ok=True)
    table, cache = run / "pool.parquet", run / "squares"
    write(table, pool)
    words = ["--table", table, "--images", options.data, "--out", run, "--cache", cache]
    train.main([NAME, *map(str, words), *more])
    with TemporaryDirectory(dir=run) as work:
        made, its_gate = Path(work) / "classifier", Path(work) / "gate"
        bundle = export(run, made, licence=None, with_program=False)
        write_card(made, _with_places(bundle, bundle.card, pool, options))
        bundle = load_bundle(made)
        gate = make_gate(run, bundle, pool, options.data, its_gate, cache=cache, threads=options.threads)
        for folder, out in ((made, options.out), (its_gate, options.gate_out)):
            shutil.copytree(folder, out, dirs_exist_ok=True)
    (options.out / CAM_WEIGHTS).unlink(missing_ok=True)  # of a bundle that had one map for all labels
    print(readme(bundle.card), gate_readme(gate), sep="\n")


def _write_figures(pool: Sequence[Record], options: argparse.Namespace) -> None:
    """Measure the classifier, and say so on its card."""
    bundle = load_bundle(options.out)
    card = with_figures(bundle.card, _measured(bundle, pool, options.data, threads=options.threads))
    card = card.model_copy(update={"version": load_recipe(NAME).card.version})
    write_card(options.out, _with_places(bundle, card, pool, options))
    print(readme(load_bundle(options.out).card))


def _write_mirror(pool: Sequence[Record], options: argparse.Namespace) -> None:
    """Fit the network that tells mirrored pictures, for the gate as it is."""
    options.run.mkdir(parents=True, exist_ok=True)
    cache, training = options.run / "squares", load_bundle(options.out).card.training
    if training is None:
        stop(f"the card in {options.out} does not say how the classifier was trained")
    recipe = load_recipe(NAME)
    print(gate_readme(make_mirror(options.gate_out, recipe, training, pool, options.data, cache=cache)))


def _with_places(bundle: Bundle, card: Card, pool: Sequence[Record], options: argparse.Namespace) -> Card:
    """Return a bundle's card with how often its maps are right of sides and zones."""
    used = load_recipe(NAME).data
    measurable = [one for one in pool if used.measures(one.dataset)]
    model = load_model(bundle, device="cpu", threads=options.threads)
    found = look(measurable, options.data, bundle, model)
    return placed(card, found, table="NIH's boxes (BBox_List_2017) of these images", command=COMMAND)


def _measured(bundle: Bundle, pool: Sequence[Record], data: Path, *, threads: int) -> Summary:
    """Measure a bundle on the pool's test patients, by the worker's own code."""
    used = load_recipe(NAME).data
    measurable = [one for one in pool if used.measures(one.dataset)]
    table = labels_of(measurable, where=str(data), blank=bundle.card.blank, views=bundle.card.views)
    rows = rows_of(table.rows, Split.TEST)
    with DecoderPool(workers=1) as decoder:
        found = measure(
            bundle,
            merged(rows, find_images(data, [row.file for row in rows])),
            threads=threads,
            decode=in_children(decoder),
        )
    names = [label.id for label in bundle.card.labels]
    return summary_of(scored(names, found), bundle.card, others=others_of(names, table, found))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m training.train_bundled",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--data", type=Path, required=True, metavar="DIR", help="folder of the real radiographs")
    add("--out", type=Path, default=BUNDLED_FOLDER, metavar="FOLDER", help="of the classifier")
    add("--gate-out", type=Path, default=BUNDLED_GATE, metavar="FOLDER", help="of the gate")
    add("--run", type=Path, default=Path("runs/bundled"), metavar="RUN_DIR", help="what is gone on from")
    add("--threads", type=int, default=0, help="CPU threads; 0 means all cores")
    add("--mirror", action="store_true", help="only fit what tells mirrored pictures, for the gate")
    add("--figures", action="store_true", help="only measure the classifier again, for its card")
    return parser


if __name__ == "__main__":
    main()
