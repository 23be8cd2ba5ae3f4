"""What was tried for the bundled classifier: `python -m training.tries --data DIR NAME … [--seeds 0 1 2]`.

Each name is the shipped recipe with one thing changed. A try is trained on the training patients, or read
from the cache, and measured on the validation patients: a row of the table in training/README.md, with the
paired difference from the classifier that ships. With several seeds, the mean of their weights and that of
their logits follow. The test patients are never looked at.
"""

import argparse
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from shared.bundles import BUNDLED_FOLDER, GRAPH, load_bundle
from training.bundled import gate as gates
from training.bundled.card import patients_of, truth_of
from training.bundled.fit import Recipe, logits_of
from training.bundled.network import Network
from training.bundled.networks import average, part_of, trained
from training.bundled.pool import pixels_of, read_pool
from training.metrics import interval, macro_auroc
from training.table import Split
from training.train_bundled import RUNS
from worker_cnn.runtime import open_graph

SHIPS: Final = RUNS[0]

TRIES: Final[Mapping[str, Recipe]] = {
    "as-shipped": SHIPS,
    "224-pixels": replace(SHIPS, size=224),
    "320-pixels": replace(SHIPS, size=320),
    "no-64-pixel-images": replace(SHIPS, low_resolution=0.0),
    "12-epochs": replace(SHIPS, epochs=12),
    "lite1": replace(SHIPS, backbone="lite1"),
    "lite2": replace(SHIPS, backbone="lite2"),
    "nothing-frozen": replace(SHIPS, frozen=0),
    "plain-cross-entropy": replace(SHIPS, balance=0.0),
    "asymmetric": replace(SHIPS, loss="asymmetric"),
    "focal": replace(SHIPS, loss="focal"),
    "not-mirrored": replace(SHIPS, flip=0.0),
    "no-mixup": replace(SHIPS, mixup=0.0),
    "noise": replace(SHIPS, noise=0.05),
    "simsiam": replace(SHIPS, self_supervised=8),
    "distilled": replace(SHIPS, taught=0.5),
}


def main() -> None:
    """Read the command line, train what is missing, and print a row a try."""
    parser = argparse.ArgumentParser(
        prog="python -m training.tries", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument(
        "names", nargs="+", choices=sorted(TRIES), metavar="NAME", help=f"one of {', '.join(TRIES)}"
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of the real radiographs")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0], help="a network each")
    parser.add_argument("--cache", type=Path, default=Path("runs/classifier"), help="pixels and networks")
    parser.add_argument("--threads", type=int, default=0, help="CPU threads; 0 means all cores")
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    tries = _Tries(options.data, options.cache)
    print("| what | macro AUROC | AP | PA | minus what ships |\n| --- | --- | --- | --- | --- |")
    for name in options.names:
        recipes = [replace(TRIES[name], seed=seed) for seed in options.seeds]
        networks = [tries.network(recipe) for recipe in recipes]
        said = [tries.logits(network, recipe.size) for network, recipe in zip(networks, recipes, strict=True)]
        for recipe, logits in zip(recipes, said, strict=True):
            print(tries.row(f"{name}, seed {recipe.seed}", logits), flush=True)
        if len(networks) > 1:
            mean = average(networks, backbone=recipes[0].backbone)
            print(tries.row(f"{name}, mean of the weights", tries.logits(mean, recipes[0].size)), flush=True)
            print(tries.row(f"{name}, mean of the logits", np.mean(said, axis=0)), flush=True)


class _Tries:
    """The pool, and what the shipped graph says of its validation images."""

    def __init__(self, data: Path, cache: Path) -> None:
        self._pool = read_pool(data)
        self._cache = cache
        self._rows = [row for row in self._pool if row.split is Split.VALIDATION]
        self._truth, self._patients = truth_of(self._rows), patients_of(self._rows)
        size = load_bundle("bundled").card.input_size
        graph = open_graph(BUNDLED_FOLDER / GRAPH, device="cpu", threads=torch.get_num_threads())
        squares = gates.as_input(part_of(self._pool, self._pixels(size), Split.VALIDATION)[1])
        self._ships = gates.column(gates.outputs_of(graph, squares), "logits")

    def network(self, recipe: Recipe) -> Network:
        """Train a network, or read it from the cache; what is taught is taught by those that ship."""
        pixels = self._pixels(recipe.size)
        teachers = [self.network(run) for run in RUNS] if recipe.taught else []
        return trained(self._pool, pixels, recipe, cache=self._cache, teachers=teachers)

    def logits(self, network: Network, size: int) -> NDArray[np.float32]:
        """Return what a network says of the validation images: (N, L)."""
        return logits_of(network, part_of(self._pool, self._pixels(size), Split.VALIDATION)[1])[:, :-1]

    def row(self, name: str, logits: NDArray[np.float32]) -> str:
        """Return a row of the table."""
        views = np.array([row.view.value for row in self._rows])
        ap, pa = (macro_auroc(logits[views == view], self._truth[views == view]) for view in ("AP", "PA"))

        def less(rows: NDArray[np.int64]) -> float:
            tried, ships = (macro_auroc(x[rows], self._truth[rows], fewest=1) for x in (logits, self._ships))
            return tried - ships

        gain = interval(less, self._patients)
        every = macro_auroc(logits, self._truth)
        figures = f"{every:.3f} | {ap:.3f} | {pa:.3f}"
        return f"| {name} | {figures} | {gain.value:+.3f} ({gain.low:+.3f} to {gain.high:+.3f}) |"

    def _pixels(self, size: int) -> NDArray[np.uint8]:
        return pixels_of([row.path for row in self._pool], size, cache=self._cache)


if __name__ == "__main__":
    main()
