"""What a bundle says of every image of a table, by the worker's own code, and the rows written of it."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from shared.bundles import Bundle
from shared.gates import load_gate
from shared.settings import ModelSettings
from training.scoring.judge import Decode, judge
from training.scoring.label_table import Labelled
from worker_cnn.classifiers import load_classify
from worker_cnn.gate import load_models
from worker_cnn.predict import probabilities_of
from worker_cnn.reading import unbatched


@dataclass(frozen=True, slots=True)
class Measured:
    """One image with what is known of it and what the bundle says.

    Attributes:
        path: of the file.
        refusal: why the worker would refuse it; empty when it would not.
        logits: (L,) uncalibrated; None when it cannot be decoded.
        probabilities: (L,) calibrated; None likewise.
    """

    path: Path
    row: Labelled
    refusal: str
    logits: NDArray[np.float32] | None
    probabilities: tuple[float, ...] | None


def measure(bundle: Bundle, rows: Mapping[Path, Labelled], *, threads: int, decode: Decode) -> list[Measured]:
    """Let the worker judge every file."""
    card, gate = bundle.card, load_gate(ModelSettings().gate)
    models = load_models(bundle, gate, device="cpu", threads=threads)
    classify = load_classify(ModelSettings(), bundle, models)
    sight = unbatched(models, gate.card.gate, side=gate.card.input_size, classify=classify)
    found = []
    for path, row in track(list(rows.items()), "Scoring", console=Console(stderr=True)):
        judged = judge(path, sight, size=card.input_size, decode=decode)
        logits = judged.logits
        probabilities = None if logits is None else tuple(probabilities_of(logits, card))
        found.append(Measured(path, row, judged.refusal, logits, probabilities))
    return found


def write_rows(path: Path, bundle: Bundle, measured: Sequence[Measured]) -> None:
    """Write one row an image; what cannot be decoded has no probabilities, and its reason in `refused`."""
    labels = [label.id for label in bundle.card.labels]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["file", "patient", "view", "labels", "refused", *labels])
        for one in measured:
            row = one.row
            values = [f"{p:.5f}" for p in one.probabilities or ()] or [""] * len(labels)
            writer.writerow([row.file, row.patient, row.view, _told(row), one.refusal, *values])


def _told(row: Labelled) -> str:
    """Return the labels that are there, as one cell; blank when nothing is known."""
    shown = ";".join(sorted(label for label, there in row.labels.items() if there))
    return shown or ("No Finding" if row.labels else "")
