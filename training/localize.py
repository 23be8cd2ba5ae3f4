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

A second table says how often side and zone of the maps are right, the more concentrated they are, and from
where on a finding's place may be said (training/scoring/placing.py says when). Patients of the validation
split are left out of it: they chose the bundle's thresholds. --write puts it into the bundle's card, by which
the worker goes.

The exit status is 1 when nothing of the table could be measured.
"""

import argparse
import csv
import sys
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.progress import track
from rich.table import Table

from shared.bundles import Bundle, BundleError, Card, load_bundle
from shared.errors import BadInputError
from shared.settings import BUNDLED
from training.command import stop
from training.exporting.readme import places, write_card
from training.metrics import in_words
from training.scoring.placing import Seen, seen, with_places
from training.scoring.pointing import Pointed, Pointing, figures, grid, outlined, pointed
from training.squares import Root, file_of, folders
from training.table import Record, Split, read
from worker_cnn.decoding import prepare
from worker_cnn.heatmaps import activation
from worker_cnn.predict import probabilities_of
from worker_cnn.runtime import Model, label_weights, load_model

_COMMAND: Final = "python -m training.localize --bundle … --table … --images … --write"


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
        if not any(labels & _outlined(one) for one in records):
            stop(f"{options.table} has no box or mask of a label of the bundle", status=1)
        found = look(records, root, bundle, model)
    except (BundleError, OSError, ValueError) as error:
        stop(str(error))
    if not found:
        stop("no image could be measured: those that cannot be read are named above", status=1)
    if options.out is not None:
        _write(options.out, [one.pointed for one in found])
    card = placed(bundle.card, found, table=options.table.name, command=_COMMAND)
    Console(width=120).print(_table(bundle, [one.pointed for one in found]))
    print(places(card))
    if options.write:
        try:
            write_card(bundle.folder, card)
        except OSError as error:
            stop(f"the card of {bundle.folder} cannot be written: {error.strerror}")


@dataclass(frozen=True, slots=True)
class Look:
    """What the map of one label that was outlined on one image says.

    Attributes:
        seen: of side and zone; None of a label that has no place.
    """

    record: Record
    pointed: Pointed
    seen: tuple[Seen, Seen] | None


def look(records: Sequence[Record], root: Root, bundle: Bundle, model: Model) -> list[Look]:
    """Look at every outline of a label of the bundle; an image that cannot be read is named on stderr.

    Raises:
        ValueError: the bundle has no maps, or an outline does not fit its image.
    """
    labels = {label.id for label in bundle.card.labels}
    wanted = [one for one in records if labels & _outlined(one)]
    return [
        one
        for record in track(wanted, "Pointing", console=Console(stderr=True))
        for one in _looked(record, root, bundle, model)
    ]


def placed(card: Card, found: Sequence[Look], *, table: str, command: str) -> Card:
    """Return a card with how often maps are right of side and zone, of patients who chose no threshold."""
    told = [(one.record, one.seen) for one in found if one.seen is not None]
    chose = {record.patient for record, _ in told if record.split is Split.VALIDATION}
    return with_places(
        card,
        [seen for record, seen in told if record.patient not in chose],
        table=table,
        not_of=len(chose),
        command=command,
    )


def _outlined(record: Record) -> set[str]:
    """Return the names of what has a box or a mask."""
    return {box.name for box in record.boxes} | {mask.name for mask in record.masks}


def _looked(record: Record, root: Root, bundle: Bundle, model: Model) -> Iterator[Look]:
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
        of_map = Pointed(
            label=label.id,
            image=record.image,
            patient=record.patient,
            called=probabilities[k] >= label.threshold,
            hit=hit,
            overlap=overlap,
            chance=float(shown.mean()),
        )
        yield Look(record, of_map, seen(heat, shown, label=label.id, patient=record.patient))


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
    add("--write", action="store_true", help="say in the bundle's card how often side and zone are right")
    add("--threads", type=int, default=0, help="CPU threads; 0 means all cores")
    return parser


if __name__ == "__main__":
    main()
