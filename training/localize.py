"""Measure where a bundle's maps point: `python -m training.localize --bundle PATH --table FILE --images DIR`.

The table is a unified Parquet table whose records have boxes or masks of labels: of `nih`, `vindr_cxr`,
`chexlocalize`, `rsna_pneumonia`, `siim_acr`, `candid_ptx`, `padchest_gr`, `object_cxr`. Each label that was
outlined on an image is looked for with the worker's own decoding, graph and heatmap, whether the bundle calls
it or not.

    python -m training.localize --bundle bundled --table nih.parquet --images /data/nih --split test

prints a row a label: how many images, how often the map's maximum lies in what was outlined (with its 95 %
interval by a bootstrap over patients), how often a random point would, the same for the images on which the
bundle calls the label, and the mean overlap of map and outline (training/scoring/pointing.py says how each is
meant). --out FILE.csv gets a row an image and label. A map points at what speaks for a label: it is coarse,
and no outline of the finding.

The exit status is 1 when nothing of the table could be measured.
"""

import argparse
import csv
import sys
from collections.abc import Iterator, Sequence
from dataclasses import astuple, fields
from pathlib import Path

from rich.console import Console
from rich.progress import track
from rich.table import Table

from shared.bundles import Bundle, BundleError, load_bundle
from shared.errors import BadInputError
from shared.settings import BUNDLED
from training.command import stop
from training.metrics import in_words
from training.scoring.pointing import Pointed, Pointing, figures, grid, outlined, pointed
from training.squares import Root, file_of, folders
from training.table import Record, Split, read
from worker_cnn.decoding import prepare
from worker_cnn.heatmaps import activation
from worker_cnn.predict import probabilities_of
from worker_cnn.runtime import Model, label_weights, load_model


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line, look at every image that has an outline, print the figures."""
    options = _parser().parse_args(arguments)
    if options.out is not None and not options.out.parent.is_dir():
        stop(f"--out {options.out}: there is no folder {options.out.parent}; make it first")
    try:
        bundle = load_bundle(options.bundle)
        root = folders(options.images)
        model = load_model(bundle, device="cpu", threads=options.threads)
        labels = {label.id for label in bundle.card.labels}
        records = [one for one in read(options.table) if options.split in (None, one.split)]
        wanted = [one for one in records if labels & _outlined(one)]
        if not wanted:
            stop(f"{options.table} has no box or mask of a label of the bundle", status=1)
        found = [
            one
            for record in track(wanted, "Pointing", console=Console(stderr=True))
            for one in _pointed(record, root, bundle, model)
        ]
    except (BundleError, OSError, ValueError) as error:
        stop(str(error))
    if not found:
        stop("no image could be measured: those that cannot be read are named above", status=1)
    if options.out is not None:
        _write(options.out, found)
    Console(width=120).print(_table(bundle, found))


def _outlined(record: Record) -> set[str]:
    """Return the names of what has a box or a mask."""
    return {box.name for box in record.boxes} | {mask.name for mask in record.masks}


def _pointed(record: Record, root: Root, bundle: Bundle, model: Model) -> Iterator[Pointed]:
    """Give what the maps say of an image's outlines; an image that cannot be read is named on stderr."""
    path = file_of(record, root)
    try:
        prepared = prepare(path.read_bytes(), name=path.name, size=bundle.card.input_size)
    except (BadInputError, OSError) as error:
        print(f"{record.image}: {error}", file=sys.stderr)
        return
    output = model.run(prepared.model_input[None])[0]
    if output.feature_map is None:
        message = f"the bundle {bundle.folder.name!r} has no feature map, so it points nowhere"
        raise ValueError(message)
    rows, columns = grid(prepared.rows, prepared.columns)
    probabilities = probabilities_of(output.logits, bundle.card)
    for k, label in enumerate(bundle.card.labels):
        shown = outlined(record, label.id, rows=rows, columns=columns)
        if shown is None:
            continue
        weights = label_weights(bundle)[k]
        heat = activation(output.feature_map, weights, rows=prepared.rows, columns=prepared.columns)
        hit, overlap = pointed(heat, shown)
        yield Pointed(
            label=label.id,
            image=record.image,
            patient=record.patient,
            called=probabilities[k] >= label.threshold,
            hit=hit,
            overlap=overlap,
            chance=float(shown.mean()),
        )


def _table(bundle: Bundle, found: Sequence[Pointed]) -> Table:
    table = Table("label", "images", "hits", "by chance", "called", "hits where called", "overlap")
    for label in bundle.card.labels:
        of_label = [one for one in found if one.label == label.id]
        if of_label:
            table.add_row(label.id, *_cells(figures(of_label)))
    table.add_row("all together", *_cells(figures(found)))
    return table


def _cells(one: Pointing) -> tuple[str, ...]:
    called = in_words(one.hits_called, without="")
    return (
        f"{one.images:,}",
        in_words(one.hits),
        f"{one.chance:.3f}",
        f"{one.called:,}",
        called,
        in_words(one.overlap),
    )


def _write(path: Path, found: Sequence[Pointed]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow([field.name for field in fields(Pointed)])
        writer.writerows(astuple(one) for one in found)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m training.localize",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--bundle", default=BUNDLED, help="folder of a bundle, or 'bundled'")
    add("--table", type=Path, required=True, metavar="FILE.parquet", help="as `training.data table` writes")
    add(
        "--images",
        action="append",
        required=True,
        metavar="DIR",
        help="folder that the table's files are in, or DATASET=DIR for each data set",
    )
    add("--split", type=Split, choices=list(Split), help="only images of this part")
    add("--out", type=Path, metavar="FILE.csv", help="a row an image and label")
    add("--threads", type=int, default=0, help="CPU threads; 0 means all cores")
    return parser


if __name__ == "__main__":
    main()
