"""What a run leaves for later commands: its summary, and what its networks say of each image."""

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from training.fitting.inputs import Inputs, states_of
from training.fitting.job import DONE
from training.fitting.run_folder import read_json, whole
from training.metrics import macro_auroc
from training.recipe import Recipe
from training.table import Split, State


def summary_of(
    recipe: Recipe,
    inputs: Inputs,
    folder: Path,
    jobs: Sequence[str],
    members: Sequence[str],
    logits: Mapping[Split, NDArray[np.float32]],
) -> dict[str, Any]:
    """Return what summary.json holds.

    Args:
        folder: RUN_DIR.
        jobs: names of all of them.
        members: files of the weights that answer, below `folder`.
        logits: (N, L) of validation and of test images.
    """
    parts = {split: inputs.chosen(split) for split in Split}
    figures = {}
    for split, said in logits.items():
        truth = inputs.truth(split)
        value = macro_auroc(said, truth.targets > 0.5, known=truth.known > 0)
        figures[split.value] = None if np.isnan(value) else round(value, 4)
    return {
        "recipe": recipe.name,
        "labels": list(inputs.labels),
        "members": list(members),
        "macro_auroc": figures,
        "jobs": {name: read_json(folder / name / DONE) for name in jobs},
        "datasets": sorted({one.dataset for one in inputs.records}),
        "images": {split.value: len(part) for split, part in parts.items()},
        "patients": {split.value: len({one.patient for one in part}) for split, part in parts.items()},
        "positives": {
            label: {split.value: states_of(part, label).count(State.PRESENT) for split, part in parts.items()}
            for label in inputs.labels
        },
        "versions": {name: version(name) for name in ("torch", "lightning", "timm")},
    }


def write_predictions(path: Path, inputs: Inputs, logits: Mapping[Split, NDArray[np.float32]]) -> None:
    """Write a row an image: whose it is, its states as the unified table has them, and its logits."""
    records = [one for split in logits for one in inputs.chosen(split)]
    said = np.concatenate(list(logits.values()))
    columns: dict[str, Any] = {
        name: [str(getattr(one, name)) for one in records]
        for name in ("dataset", "image", "patient", "study", "view", "split", "sex")
    }
    columns["age_years"] = pa.array([one.age_years for one in records], pa.float32())
    for k, label in enumerate(inputs.labels):
        columns[label] = pa.array(states_of(records, label), pa.int8())
        columns[f"{label}_logit"] = said[:, k]
    with whole(path) as unfinished:
        pq.write_table(pa.table(columns), unfinished, compression="zstd")
