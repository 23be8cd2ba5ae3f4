"""Make two bundles of one that has its gate inside: `python -m training.split_bundled OLD [--out …]`.

OLD is the folder of the bundled classifier up to version 1.1.0: its model.onnx gave the gate's outputs too,
and its card had a field `gate`. No weight and no figure changes; the graphs, the two cards and their READMEs
are written. This is how version 1.2.0 and the first gate were made.
"""

import argparse
import json
import shutil
from pathlib import Path

from shared.bundles import BUNDLED_FOLDER, CAM_WEIGHTS, CARD, GRAPH, Card, load_bundle
from shared.gates import BUNDLED_GATE, HEADS, Gate, load_gate
from training.bundled.card import gate_readme, readme
from training.bundled.graph import digests, split
from training.train_bundled import EMBEDDING_NAME, VERSION, describe_gate, write_card


def main() -> None:
    """Read the command line and write both bundles."""
    parser = argparse.ArgumentParser(prog="python -m training.split_bundled", description=__doc__)
    parser.add_argument("old", type=Path, metavar="OLD", help="folder of a bundle of version 1.1.0")
    parser.add_argument("--out", type=Path, default=BUNDLED_FOLDER, help="folder of the classifier")
    parser.add_argument("--gate-out", type=Path, default=BUNDLED_GATE, help="folder of the gate")
    options = parser.parse_args()
    split_bundle(options.old, options.out, options.gate_out)


def split_bundle(old: Path, out: Path, gate_out: Path) -> None:
    """Write the bundles of a classifier and of a gate; `out` may be `old`."""
    values = json.loads((old / CARD).read_bytes())
    gate = Gate.model_validate(values.pop("gate"))
    split(old / GRAPH, out, gate_out)
    if out.resolve() != old.resolve():
        shutil.copyfile(old / CAM_WEIGHTS, out / CAM_WEIGHTS)
    files = digests(out, (GRAPH, CAM_WEIGHTS))
    card = Card.model_validate(values | {"files": files, "version": VERSION, "embedding": EMBEDDING_NAME})
    if card.training is None:
        message = f"{CARD} of {old} does not say what it was trained on"
        raise ValueError(message)
    gate_card = describe_gate(gate, digests(gate_out, (GRAPH, HEADS)), card.training)
    write_card(out, card, readme(card))
    write_card(gate_out, gate_card, gate_readme(gate_card))
    load_bundle(out)
    load_gate(gate_out)


if __name__ == "__main__":
    main()
