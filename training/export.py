"""Make a bundle of a run: `python -m training.export RUN_DIR --out BUNDLE`.

RUN_DIR is the --out of a training that has ended. Calibration and thresholds come from its validation
images alone, the card's figures from its test images. BUNDLE gets

    model.onnx   what the workers run: the networks of an ensemble as one; each label has its activation map
    model.pt2    the same, for torch.export.load
    card.json    labels, calibration, thresholds, figures, and the digest of each other file
    README.md    the card for people

and is served by one line of configuration: CXR_MODEL_BUNDLE=BUNDLE, behind the gate that is served before
any classifier. It is measured on other images by
`python -m training.evaluate --bundle BUNDLE …`, and fitted to a hospital's by `training.calibrate`. Sides and
zones of findings are said once `training.localize --bundle BUNDLE … --write` has measured them.
BUNDLE must not be there yet, or be empty; it appears whole or not at all.
"""

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from shared.bundles import Bundle, load_bundle
from training.command import stop
from training.exporting.card import card_of
from training.exporting.graph import PROGRAM, digests, write_graphs
from training.exporting.network import network_of
from training.exporting.readme import write_card
from training.fitting.run_folder import RECIPE, SUMMARY, read_json
from training.metrics import in_words
from training.recipe import load_recipe


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line, write the bundle, say what it is."""
    options = _parser().parse_args(arguments)
    if options.out.exists() and (not options.out.is_dir() or any(options.out.iterdir())):
        stop(f"--out {options.out} is there already; name a new folder")
    try:
        with Console(stderr=True).status("Exporting and measuring"):
            bundle = export(options.run, options.out, licence=options.licence)
    except (OSError, ValueError) as error:
        stop(str(error))
    card, metrics = bundle.card, bundle.card.metrics
    console = Console()
    console.print(f"{card.id} {card.version}: {len(card.labels)} labels, {card.input_size} pixels")
    if metrics is not None:
        figures = {"within one source": metrics.within_source, "over all pairs": metrics.macro_auroc}
        for name, one in figures.items():
            said = in_words(one, without="too few pairs")
            console.print(f"macro AUROC of the test images, {name}: {said}")
    console.print(f"next: CXR_MODEL_BUNDLE={options.out}")


def export(run: Path, out: Path, *, licence: str | None, with_program: bool = True) -> Bundle:
    """Write the bundle of a run.

    Args:
        licence: of the weights, instead of the recipe's.
        with_program: whether the torch program is kept beside the graph.

    Raises:
        RecipeError: `run` is no folder of a training that has ended.
        ValueError: its networks cannot be exported, or its images are too few to calibrate or measure.
        OSError: a file cannot be read or written.
    """
    summary = read_json(run / SUMMARY)
    recipe = load_recipe(run / RECIPE)
    network = network_of(run, recipe, summary["labels"], summary["members"])
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{out.name}-", dir=out.parent) as work:
        made = Path(work) / "bundle"
        made.mkdir()
        write_graphs(network, made, size=recipe.data.size)
        if not with_program:
            (made / PROGRAM).unlink()
        files = digests(made, [one.name for one in made.iterdir()])
        card = card_of(run, recipe, summary, files=files, licence=licence)
        write_card(made, card)
        load_bundle(made)
        made.rename(out)
    return load_bundle(out)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m training.export",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("run", type=Path, metavar="RUN_DIR", help="the --out of a training that has ended")
    parser.add_argument("--out", type=Path, required=True, metavar="BUNDLE", help="folder to make")
    parser.add_argument("--licence", metavar="TEXT", help="of the weights, for the card")
    return parser


if __name__ == "__main__":
    main()
