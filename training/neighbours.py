"""Do images that look alike have like labels? `python -m training.neighbours --images DIR --labels CSV`.

labels CSV -> the files under DIR -> the worker's decoding, gate and encoder -> one vector an image
    -> its 10 nearest of other patients of the same source -> how like its labels theirs are, and random ones

Two sets of labels are as alike as what they share of all that either has (Jaccard); two without a finding,
wholly. What is printed is the mean over all images, for the nearest and for all other patients' images of
the same source (what one drawn at random is expected to reach), each with its 95 % interval over patients.
The encoder is the one that CXR_MODEL_ENCODER names: by default the classifier's pooled features. With --split
only the images of that split take part: of the test split's the classifier has learnt nothing.
"""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from shared.bundles import BundleError, load_bundle
from shared.errors import BadInputError, CxrError
from shared.gates import load_gate
from shared.settings import OFF, ModelSettings
from training.command import above_zero, stop
from training.metrics import in_words, interval
from training.scoring.image_folder import find_images, say_missing
from training.scoring.label_table import Labelled, LabelTableError, merged
from training.scoring.record_table import read_labels, rows_of
from training.table import Split
from worker_cnn.decoding import prepare
from worker_cnn.encoders import load_encode
from worker_cnn.gate import load_models
from worker_cnn.reading import read, unbatched

_NEAREST: Final = 10


@dataclass(frozen=True, slots=True)
class Agreement:
    """How alike an image's labels and others' are, on average over N images.

    Attributes:
        near: (N,) of its nearest.
        random: (N,) expected of one that is drawn among all those it could be near to.
    """

    near: NDArray[np.float64]
    random: NDArray[np.float64]


def agreement(
    vectors: NDArray[np.float32],
    labels: NDArray[np.bool_],
    patients: NDArray[np.str_],
    sources: NDArray[np.str_],
    *,
    nearest: int = _NEAREST,
) -> tuple[Agreement, NDArray[np.bool_]]:
    """Compare every image with others: of other patients, and of its own source.

    Args:
        vectors: (N, D) of length 1.
        labels: (N, L) whether an image has a label.

    Returns:
        The agreement of those images for which there are others enough, and which these are: (N,).
    """
    alike = jaccard(labels)
    others = (patients[:, None] != patients) & (sources[:, None] == sources)
    enough = others.sum(1) >= nearest
    likeness = np.where(others, vectors @ vectors.T, -np.inf)[enough]
    first = np.argpartition(-likeness, nearest - 1, axis=1)[:, :nearest]
    near = np.take_along_axis(alike[enough], first, axis=1).mean(1)
    random = (alike * others).sum(1)[enough] / others.sum(1)[enough]
    return Agreement(near, random), enough


def jaccard(labels: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return (N, N): what two images' labels share of all that either has; 1 where neither has any."""
    counts = labels.astype(np.float64)
    shared = counts @ counts.T
    either = counts.sum(1)[:, None] + counts.sum(1) - shared
    whole: NDArray[np.float64] = np.divide(shared, either, out=np.ones_like(shared), where=either > 0)
    return whole


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line, encode the images, print how alike neighbours' labels are."""
    options = _parser().parse_args(arguments)
    settings = ModelSettings()
    if settings.encoder == OFF:
        stop("CXR_MODEL_ENCODER is off; name an encoder")
    if not options.images.is_dir():
        stop(f"--images {options.images} is no folder; name the one that holds the images")
    try:
        table = read_labels(options.labels)
        rows = table.rows if options.split is None else rows_of(table.rows, options.split)
        files = find_images(options.images, [row.file for row in rows])
        say_missing([row.file for row in rows if row.file not in files], options.images)
        encoded = _encoded(settings, merged(rows, files))
    except (BundleError, LabelTableError, CxrError) as error:
        stop(str(error))
    if not encoded:
        stop("no image has a vector: see the classifier's card, or name an encoder", status=1)
    labelled, vectors = zip(*encoded, strict=True)
    print("\n".join(_said(labelled, np.stack(vectors), options.nearest)))


def _encoded(
    settings: ModelSettings, rows: Mapping[Path, Labelled]
) -> list[tuple[Labelled, NDArray[np.float32]]]:
    """Return the vector of each image that the worker lets through and something is known of."""
    bundle, gate = load_bundle(settings.bundle), load_gate(settings.gate)
    models = load_models(bundle, gate, device=settings.device, threads=settings.threads)
    sight = unbatched(models, gate.card.gate, side=gate.card.input_size, encode=load_encode(settings, bundle))
    found = []
    for path, row in track(list(rows.items()), "Encoding", console=Console(stderr=True)):
        if not row.labels:
            continue
        try:
            prepared = prepare(path.read_bytes(), name=path.name, size=bundle.card.input_size)
        except BadInputError:
            continue
        if (made := read(prepared, sight).embedding) is not None:
            found.append((row, np.asarray(made.vector, np.float32)))
    return found


def _said(rows: Sequence[Labelled], vectors: NDArray[np.float32], nearest: int) -> list[str]:
    names = sorted({label for row in rows for label, there in row.labels.items() if there})
    labels = np.array([[bool(row.labels.get(name)) for name in names] for row in rows])
    patients = np.array([row.patient for row in rows])
    # Where the table names no source, the folder that an image lies in says it.
    sources = np.array([row.source or Path(row.file).parent.as_posix() for row in rows])
    found, enough = agreement(vectors, labels, patients, sources, nearest=nearest)
    if not enough.any():
        stop(f"no image has {nearest} others of its source and other patients; try --nearest 1", status=1)
    whose = patients[enough]

    def mean(values: NDArray[np.float64]) -> str:
        return in_words(interval(lambda counts: (counts * values).sum(1) / counts.sum(1), whose))

    return [
        f"{len(rows)} images of {len(set(patients))} patients have a vector of {vectors.shape[1]} numbers",
        f"{enough.sum()} of them have {nearest} others of their source and other patients",
        f"likeness of labels, {nearest} nearest of other patients: {mean(found.near)}",
        f"likeness of labels, random ones of other patients:   {mean(found.random)}",
        f"the difference:                                      {mean(found.near - found.random)}",
    ]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m training.neighbours",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--images", type=Path, required=True, help="folder that the files are under")
    parser.add_argument("--labels", type=Path, required=True, help="CSV or unified Parquet table of labels")
    parser.add_argument(
        "--split", type=Split, choices=list(Split), help="only this split, or these patients of our pool"
    )
    parser.add_argument("--nearest", type=above_zero, default=_NEAREST, help="how many; by default 10")
    return parser


if __name__ == "__main__":
    main()
