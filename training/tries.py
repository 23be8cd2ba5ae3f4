"""What was tried for the bundled classifier: `python -m training.tries --data DIR NAME … [--seeds 0 1 2]`.

Each name is a recipe. It is trained on the training patients, or read from the cache, and measured on the
validation patients: a row of the table in training/README.md, with the paired difference from the first row.
With several seeds, the mean of their weights and that of their logits follow. The test patients are never
looked at. `ships` is the classifier that ships; all but `288-pixels` and `320-pixels` have 224 pixels, since
that takes half the time.
"""

import argparse
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from shared.bundles import load_bundle
from shared.settings import BUNDLED
from training.bundled import gate as gates
from training.bundled.card import patients_of, truth_of
from training.bundled.fit import Examples, Recipe, logits_of
from training.bundled.network import Network
from training.bundled.networks import average, examples_of, file_of, part_of, taught, trained
from training.bundled.pool import pixels_of, read_pool
from training.metrics import Counts, Drawn, in_words, interval, macro_auroc, macro_aurocs
from training.table import Split
from training.train_bundled import RUNS
from worker_cnn.runtime import load_model

SHIPS: Final = "ships"
_BATCH: Final = 8
_BASE: Final = replace(RUNS[0], size=224)
TRIES: Final[Mapping[str, Recipe]] = {
    "224-pixels": _BASE,
    "288-pixels": replace(_BASE, size=288),
    "320-pixels": replace(_BASE, size=320),
    "no-64-pixel-images": replace(_BASE, low_resolution=0.0),
    "lite1": replace(_BASE, backbone="lite1"),
    "lite2": replace(_BASE, backbone="lite2"),
    "plain-cross-entropy": replace(_BASE, balance=0.0),
    "asymmetric": replace(_BASE, loss="asymmetric"),
    "focal": replace(_BASE, loss="focal"),
    "not-mirrored": replace(_BASE, flip=0.0),
    "noise": replace(_BASE, noise=0.05),
    "simsiam": replace(_BASE, self_supervised=4),
    "distilled": replace(_BASE, taught=0.5),
}


def main() -> None:
    """Read the command line, train what is missing, and print a row a try."""
    parser = argparse.ArgumentParser(
        prog="python -m training.tries", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument(
        "names",
        nargs="+",
        choices=[SHIPS, *TRIES],
        metavar="NAME",
        help=f"one of {', '.join([SHIPS, *TRIES])}",
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of the real radiographs")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0], help="a network each")
    parser.add_argument("--cache", type=Path, default=Path("runs/classifier"), help="pixels and networks")
    parser.add_argument("--threads", type=int, default=0, help="CPU threads; 0 means all cores")
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    tries = _Tries(options.data, options.cache)
    print("| what | macro AUROC | AP | PA | minus the first |\n| --- | --- | --- | --- | --- |")
    for name in options.names:
        if name == SHIPS:
            tries.print_row("what ships", tries.of_bundle())
            continue
        recipes = [replace(TRIES[name], seed=seed) for seed in options.seeds]
        networks, said = [tries.network(recipe) for recipe in recipes], []
        for recipe, network in zip(recipes, networks, strict=True):
            said.append(tries.logits(network, recipe))
            tries.print_row(f"{name}, seed {recipe.seed}", said[-1])
        if len(networks) > 1:
            mean = average(networks, backbone=recipes[0].backbone)
            tries.print_row(f"{name}, mean of the weights", tries.logits(mean, recipes[0]))
            tries.print_row(f"{name}, mean of the logits", np.mean(said, axis=0))


class _Tries:
    """The pool, and the first row of the table."""

    def __init__(self, data: Path, cache: Path) -> None:
        self._pool = read_pool(data)
        self._cache = cache
        self._rows = [row for row in self._pool if row.split is Split.VALIDATION]
        self._truth, self._patients = truth_of(self._rows), patients_of(self._rows)
        self._first: NDArray[np.float32] | None = None

    def of_bundle(self) -> NDArray[np.float32]:
        """Return the logits of the classifier that ships on the validation images: (N, L)."""
        size = load_bundle(BUNDLED).card.input_size
        model = load_model(load_bundle(BUNDLED), device="cpu", threads=torch.get_num_threads())
        squares = gates.as_input(part_of(self._pool, self._pixels(size), Split.VALIDATION)[1])
        parts = [model.run(squares[i : i + _BATCH]) for i in range(0, len(squares), _BATCH)]
        return np.stack([output.logits for part in parts for output in part])

    def network(self, recipe: Recipe) -> Network:
        """Train a network, or read it from the cache; what is taught is taught by those that ship."""
        examples = self._examples(recipe)
        known = file_of(recipe, len(examples.images), self._cache).is_file()
        if recipe.taught and not known:
            said = [
                logits_of(
                    self.network(run),
                    self._examples(replace(run, low_resolution=recipe.low_resolution)).images,
                )
                for run in RUNS
            ]
            examples = taught(examples, np.mean(said, axis=0)[:, :-1], share=recipe.taught)
        return trained(examples, recipe, cache=self._cache)

    def logits(self, network: Network, recipe: Recipe) -> NDArray[np.float32]:
        """Return what a network says of the validation images: (N, L)."""
        squares = part_of(self._pool, self._pixels(recipe.size), Split.VALIDATION)[1]
        return logits_of(network, squares)[:, :-1]

    def print_row(self, name: str, logits: NDArray[np.float32]) -> None:
        """Print a row of the table."""
        views = np.array([row.view.value for row in self._rows])
        chosen = [views == view for view in ("AP", "PA")]
        figures = [
            macro_auroc(logits, self._truth),
            *(macro_auroc(logits[c], self._truth[c]) for c in chosen),
        ]
        cells = [name, *(f"{figure:.3f}" for figure in figures), self._less_first(logits)]
        print(f"| {' | '.join(cells)} |", flush=True)

    def _less_first(self, logits: NDArray[np.float32]) -> str:
        if self._first is None:
            self._first = logits
            return ""
        first, known = self._first, np.ones(self._truth.shape, bool)

        def less(counts: Counts) -> Drawn:
            a, b = (macro_aurocs(x, self._truth, known, counts) for x in (logits, first))
            return a - b

        return in_words(interval(less, self._patients), sign=True)

    def _examples(self, recipe: Recipe) -> Examples:
        return examples_of(self._pool, self._pixels(recipe.size), low_resolution=recipe.low_resolution)

    def _pixels(self, size: int) -> NDArray[np.uint8]:
        return pixels_of([row.path for row in self._pool], size, cache=self._cache)


if __name__ == "__main__":
    main()
