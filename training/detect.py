"""Measure where a detector's boxes lie: `python -m training.detect RUN_DIR --table FILE --images DIR`.

RUN_DIR is the --out of a training of a recipe with boxes (`object_cxr`). The table is a unified Parquet table
whose records have boxes of labels: of `object_cxr`, `vindr_cxr`, `nih`, `rsna_pneumonia`, `padchest_gr`.

    python -m training.detect runs/objects --table object_cxr.parquet --images /data/object_cxr --split test

prints a column a label: how many of the objects are found at 0.125, 0.25, 0.5, 1, 2, 4 and 8 false positives
an image, and the mean of these, FROC, with 95 % intervals by a bootstrap over patients
(training/scoring/froc.py says when an object is found). A box stands for its centre. An image counts for a
label that is absent, or whose places are drawn. --out FILE.csv gets a row a box, in fractions of the image.

The exit status is 1 when nothing of the table could be measured.
"""

import argparse
import csv
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
from lightning.fabric import Fabric
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from rich.table import Table

from training.architectures.detector import Detector
from training.architectures.registry import create
from training.boxes import size_of, told_where, unplaced
from training.command import add_tables, stop
from training.fitting.run_folder import RECIPE, SUMMARY, read_json, read_weights, whole
from training.metrics import in_words
from training.recipe import Recipe, RecipeError, load_recipe
from training.scoring.froc import RATES, Froc, figures, mark
from training.squares import Root, file_of, folders
from training.store import open_store
from training.table import Record, Split
from training.truth import read_all, told

_BATCH: Final = 8


@dataclass(frozen=True, slots=True)
class Detected:
    """The boxes of one image.

    Attributes:
        boxes: (n, 6): which label, its probability, left, top, right, bottom in fractions of the image.
    """

    record: Record
    boxes: NDArray[np.float32]


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line, look at every image that can be measured, print the figures."""
    options = _parser().parse_args(arguments)
    try:
        recipe, network = _read(options.run)
        root = folders(options.images)
        records = _wanted(options.table, options.split, recipe)
        if not records:
            stop("no table has an image that tells where a label of the run is", status=1)
        found = list(_detected(records, root, recipe, network, options))
    except (OSError, ValueError) as error:
        stop(str(error))
    if not found:
        stop("no image could be measured: those that cannot be read are named above", status=1)
    if options.out is not None:
        _write(options.out, found, recipe.data.labels)
    measured = {label: _figures(found, label, recipe.data.labels) for label in recipe.data.labels}
    Console(width=120).print(_table({label: one for label, one in measured.items() if one is not None}))


def _read(run: Path) -> tuple[Recipe, Detector]:
    """Return the recipe of a run, and its network.

    Raises:
        RecipeError: it is no run of one detector that has ended.
    """
    summary = read_json(run / SUMMARY)
    recipe = load_recipe(run / RECIPE)
    if not recipe.data.boxes or len(summary["members"]) != 1:
        message = f"{run} is no run of one detector: its recipe is without data.boxes, or of an ensemble"
        raise RecipeError(message)
    network = create(recipe.model, recipe.data.labels, size=recipe.data.size, pretrained=False)
    assert isinstance(network, Detector)  # the recipe refuses any other with boxes
    read_weights(run / summary["members"][0], network)
    return recipe, network.eval()


def _wanted(tables: Sequence[Path], split: Split | None, recipe: Recipe) -> list[Record]:
    """Return the images of a part that tell where at least one label is, or that it is absent."""
    data = recipe.data
    records = told(read_all(tables), blank=data.blank, views=data.measured_views or data.views)
    return [
        one
        for one in records
        if split in (None, one.split) and any(told_where(one, [label]) for label in data.labels)
    ]


def _detected(
    records: Sequence[Record], root: Root, recipe: Recipe, network: Detector, options: argparse.Namespace
) -> Iterator[Detected]:
    """Give the boxes of each image; one that cannot be read is named on stderr."""
    store = open_store(
        records, root, size=recipe.data.size, cache=options.cache, processes=max(options.workers, 1)
    )
    for problem in store.problems:
        print(f"{problem.where}: {problem.reason}", file=sys.stderr)
    device = Fabric(accelerator=options.device, devices=1).device
    network = network.to(device)
    rows = np.flatnonzero(store.readable)
    starts = range(0, len(rows), _BATCH)
    for start in track(starts, "Detecting", console=Console(stderr=True)):
        some = rows[start : start + _BATCH]
        squares = store.fetch(some).to(device).float() / 255.0
        for row, boxes in zip(some, network.detect(squares), strict=True):
            yield Detected(records[row], _on_image(boxes.cpu(), file_of(records[row], root)))


def _on_image(boxes: torch.Tensor, file: Path) -> NDArray[np.float32]:
    """Return (n, 6) boxes of a square as fractions of its image."""
    there = boxes.numpy()
    rows, columns = size_of(file)
    corners = unplaced(there[:, 2:].reshape(-1, 2), rows=rows, columns=columns)
    return np.concatenate([there[:, :2], corners.reshape(-1, 4)], 1)


def _figures(found: Sequence[Detected], label: str, labels: Sequence[str]) -> Froc | None:
    """Return the figures of a label; None where no image has a box of it."""
    told = [one for one in found if told_where(one.record, [label])]
    if not any(box.name == label for one in told for box in one.record.boxes):
        return None
    marked = []
    for one in told:
        boxes = one.boxes[one.boxes[:, 0] == labels.index(label)].astype(np.float64)
        centres = (boxes[:, 2:4] + boxes[:, 4:6]) / 2.0
        marked.append(mark(centres, boxes[:, 1], [box for box in one.record.boxes if box.name == label]))
    return figures(marked, np.array([one.record.patient for one in told], np.str_))


def _table(measured: dict[str, Froc]) -> Table:
    table = Table("false positives an image", *measured)
    table.add_row("images", *(f"{one.images:,}" for one in measured.values()))
    table.add_row("objects", *(f"{one.objects:,}" for one in measured.values()))
    for k, rate in enumerate(RATES):
        table.add_row(
            f"sensitivity at {rate:g}", *(in_words(one.sensitivities[k]) for one in measured.values())
        )
    table.add_row("FROC", *(in_words(one.mean) for one in measured.values()))
    return table


def _write(path: Path, found: Sequence[Detected], labels: Sequence[str]) -> None:
    with whole(path) as unfinished, unfinished.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["dataset", "image", "label", "probability", "left", "top", "right", "bottom"])
        for one in found:
            for number, *values in one.boxes.tolist():
                writer.writerow([one.record.dataset, one.record.image, labels[int(number)], *values])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m training.detect",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("run", type=Path, metavar="RUN_DIR", help="the --out of `training.train`")
    add_tables(parser)
    add("--split", type=Split, choices=list(Split), help="only images of this part")
    add("--out", type=Path, metavar="FILE.csv", help="a row a box")
    add("--device", choices=["auto", "cpu", "cuda"], default="auto")
    add("--workers", type=int, default=2, help="processes that decode images")
    return parser


if __name__ == "__main__":
    main()
