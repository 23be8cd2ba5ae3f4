"""The gate that stands on the network of a run: from RUN_DIR to the gate's bundle, with its card.

heads fitted to the network's embedding -> graphs -> limits from validation patients -> figures -> mirror ->
card.json
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from shared.bundles import CARD, GRAPH, Bundle, Card, Training
from shared.domain.findings import ViewPosition
from shared.gates import HEADS, MIRROR, Gate, GateCard, load_gate
from training.architectures.pooled import Linear
from training.bundled import gate as gates
from training.bundled.gate_graph import write_gate_graphs
from training.bundled.heads import fit_heads
from training.bundled.mirror import add_mirror
from training.exporting.graph import ExportError, digests
from training.exporting.network import read_member
from training.exporting.readme import README, origin
from training.fitting.run_folder import RECIPE, SUMMARY, read_json
from training.metrics import auroc
from training.recipe import Recipe, load_recipe
from training.squares import square_of
from training.store import open_store
from training.table import Record, Split
from worker_cnn.gate import GateHeads, Models
from worker_cnn.runtime import Model, open_graph

GATE_VERSION: Final = "1.1.0"
_INTENDED_USE: Final = (
    "Keeps from any classifier what is no frontal chest radiograph, and says which way up one lies and which "
    "view it seems to be. It is not a medical device."
)


@dataclass(frozen=True, slots=True)
class Part:
    """The N radiographs of a split, with (N, S, S) of their pixels."""

    rows: Sequence[Record]
    squares: NDArray[np.uint8]


def make_gate(
    run: Path,
    bundle: Bundle,
    pool: Sequence[Record],
    data: Path,
    out: Path,
    *,
    cache: Path,
    threads: int,
) -> GateCard:
    """Write the gate's bundle.

    Args:
        run: RUN_DIR of a training with a view head, of one network.
        bundle: that was exported from it: its embedding is what the gate reads.
        pool: whose radiographs of full resolution heads and limits are of.
        data: folder that their images are below, and all that is to be refused.
        cache: of squares.

    Raises:
        ExportError: the run has no network that a gate can stand on.
        OSError: a file cannot be read or written.
    """
    summary, recipe = read_json(run / SUMMARY), load_recipe(run / RECIPE)
    size = recipe.data.size
    network = read_member(run / summary["members"][0], recipe, summary["labels"])
    card = bundle.card
    if not isinstance(network, Linear) or network.view is None or card.embedding is None or not card.training:
        message = f"no gate can stand on {run}: its recipe needs card.embedding and model.options.view_weight"
        raise ExportError(message)
    parts = parts_of(pool, recipe, data, cache=cache)
    photographs = np.stack([square_of(path, size) for path in gates.trained_photographs(data)])
    heads = fit_heads(network, parts[Split.TRAIN].squares, photographs, seed=0)
    write_gate_graphs(network, network.view, heads, out, size=size)
    graph, judges = (open_graph(path, device="cpu", threads=threads) for path in (bundle.graph, out / HEADS))
    models = Models(Model(graph), None, GateHeads(judges))
    test = parts[Split.TEST]
    gate = measured_gate(
        _gate_of(models, parts[Split.VALIDATION].squares), models, test.rows, test.squares, data
    )
    gate = _with_mirror(gate, out, parts)
    made = _card_of(gate, card, card.training, digests(out, (GRAPH, HEADS, MIRROR)))
    _write_card(out, made)
    return made


def make_mirror(
    folder: Path,
    recipe: Recipe,
    training: Training,
    pool: Sequence[Record],
    data: Path,
    *,
    cache: Path,
) -> GateCard:
    """Fit the mirror of a gate's bundle anew, and nothing else of it.

    Args:
        recipe: of the classifier on whose network the gate stands.
        training: that classifier's, as its card says it.

    Raises:
        BundleError: there is no gate in the folder.
        OSError: a file cannot be read or written.
    """
    card = load_gate(folder).card
    gate = _with_mirror(card.gate, folder, parts_of(pool, recipe, data, cache=cache))
    files = digests(folder, (GRAPH, HEADS, MIRROR))
    changes = {"version": GATE_VERSION, "files": files, "gate": gate, "training": training}
    made = card.model_copy(update=changes)
    _write_card(folder, made)
    return made


def parts_of(pool: Sequence[Record], recipe: Recipe, data: Path, *, cache: Path) -> dict[Split, Part]:
    """Read the radiographs of full resolution, by split."""
    parts = {}
    for split in Split:
        rows = [one for one in pool if one.split is split and recipe.data.measures(one.dataset)]
        store = open_store(rows, data, size=recipe.data.size, cache=cache, processes=2)
        parts[split] = Part(rows, store.fetch(range(len(rows)))[:, 0].numpy())
    return parts


def _with_mirror(gate: Gate, folder: Path, parts: Mapping[Split, Part]) -> Gate:
    train, validation, test = (parts[split].squares for split in (Split.TRAIN, Split.VALIDATION, Split.TEST))
    return add_mirror(gate, folder, train=train, validation=validation, test=test, seed=0)


def _write_card(folder: Path, card: GateCard) -> None:
    (folder / CARD).write_text(card.model_dump_json(indent=1) + "\n", encoding="utf-8")
    (folder / README).write_text(gate_readme(card), encoding="utf-8")


def _gate_of(models: Models, validation: NDArray[np.uint8]) -> Gate:
    """Return a gate with its limits set on (N, S, S) validation radiographs, and no figure measured."""
    distance, chest = gates.thresholds(models, validation, seed=0)
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


def measured_gate(
    gate: Gate,
    models: Models,
    test: Sequence[Record],
    squares: NDArray[np.uint8],
    data: Path,
) -> Gate:
    """Return a gate with every figure measured: on the test radiographs, and on all that is to be refused.

    Args:
        test: N radiographs.
        squares: (N, S, S) of them.
        data: folder that they are below, and the pictures that are to be refused.
    """
    files = [data / one.image for one in test]
    shares, counted = gates.count_refused(models, gate, files, data, size=squares.shape[-1])
    is_ap = np.array([one.view is ViewPosition.AP for one in test])
    view = gates.column(gates.verdicts_of(models, gates.as_input(squares)), "view")
    return gate.model_copy(
        update={
            "refused": shares,
            "counted": counted,
            "turned_accuracy": gates.turned_accuracy(models, squares),
            "view_auroc": round(auroc(view, is_ap), 4),
        }
    )


def _card_of(gate: Gate, classifier: Card, training: Training, files: dict[str, str]) -> GateCard:
    """Return the card of a gate that has the classifier's trunk, and so its embedding.

    Args:
        training: the classifier's.
        files: digest of each file of the gate's bundle, by name.
    """
    return GateCard(
        id="cxr-gate-lite0",
        version=GATE_VERSION,
        files=files,
        input_size=classifier.input_size,
        normalisation=classifier.normalisation,
        embedding=classifier.embedding or "",
        gate=gate,
        training=training,
        licence=classifier.licence,
        attribution=classifier.attribution,
        intended_use=_INTENDED_USE,
    )


def gate_readme(card: GateCard) -> str:
    """Write a gate's card for people, as Markdown."""
    g = card.gate
    groups = "".join(
        f"| {name} | {g.counted[name]} | {100 * share:.1f} % |\n" for name, share in sorted(g.refused.items())
    )
    return f"""# {card.id} {card.version}

<!-- Written by training/bundled/gate_bundle.py from card.json: change that, not this. -->

{card.intended_use}

| | |
| --- | --- |
| Input | {card.input_size} x {card.input_size} gray; {card.normalisation} |
| Embedding | {card.embedding}: beside a classifier that offers it, the heads alone are run |
{origin(card.training)}| Licence | {card.licence} |
| Attribution | {card.attribution} |

## Figures

Share of pictures refused as "not a frontal chest radiograph". None of these was trained on. `nih_test`,
`cohen`, `tb`, `child`, `lungmask` and `montgomery_shenzhen` are chest radiographs and should be let
through; the others should be refused.

| pictures | number | refused |
| --- | --- | --- |
{groups}
Upright, turned by 90°, 180°, 270° or inverted: named rightly for {100 * g.turned_accuracy:.1f} %
of the test radiographs; one that is not upright is put right before it is classified, and its report says
so, or warns where that fails. AP against PA, from pixels: AUROC {g.view_auroc:.3f}.

{_mirror(g)}The pixels do not tell a lateral view: the gate has no class for it, and most laterals pass for
frontal ones (the row `lateral` above). They are refused by what the file says of its view; what says nothing,
as a PNG, is reported on, with a view that is marked as judged from the image.
"""


def _mirror(g: Gate) -> str:
    if g.mirrored_caught is None or g.mirrored_false is None:
        return ""
    return (
        f"Mirrored, or dextrocardia, which looks alike: said of {100 * g.mirrored_caught:.1f} % of the test\n"
        f"radiographs once they are mirrored, and of {100 * g.mirrored_false:.1f} % as they are. Then no\n"
        "side is said.\n\n"
    )
