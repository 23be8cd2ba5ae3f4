"""Networks of recipes: trained on the pool, kept in a cache folder, averaged, measured in a line."""

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit

from training.bundled.card import truth_of
from training.bundled.fit import Examples, Recipe, fit
from training.bundled.network import Network, from_imagenet
from training.bundled.pool import LABELS, LOW_RESOLUTION, Radiograph
from training.bundled.self_supervised import simsiam
from training.metrics import macro_auroc
from training.table import Split


def part_of(
    pool: Sequence[Radiograph], pixels: NDArray[np.uint8], split: Split
) -> tuple[list[Radiograph], NDArray[np.uint8]]:
    """Return the rows of a split, and their pixels."""
    chosen = [index for index, row in enumerate(pool) if row.split is split]
    return [pool[index] for index in chosen], pixels[chosen]


def examples_of(pool: Sequence[Radiograph], pixels: NDArray[np.uint8], *, low_resolution: float) -> Examples:
    """Return the training patients' images; those of 64 pixels count as told, or are left out at zero."""
    weights = {LOW_RESOLUTION: low_resolution}
    chosen = [
        index
        for index, row in enumerate(pool)
        if row.split is Split.TRAIN and weights.get(row.source, 1.0) > 0.0
    ]
    rows = [pool[index] for index in chosen]
    return Examples(
        images=pixels[chosen],
        labels=truth_of(rows).astype(np.float32),
        ap=np.array([row.view == "AP" for row in rows], np.float32),
        weights=np.array([weights.get(row.source, 1.0) for row in rows], np.float32),
    )


def file_of(recipe: Recipe, images: int, cache: Path) -> Path:
    """Return where the network of a recipe that learnt from so many images is kept."""
    told = json.dumps([dataclasses.asdict(recipe), images])
    return cache / f"network-{hashlib.sha256(told.encode()).hexdigest()[:16]}.pt"


def trained(examples: Examples, recipe: Recipe, *, cache: Path) -> Network:
    """Return the network of a recipe: from the cache, or trained now and kept there."""
    kept = file_of(recipe, len(examples.images), cache)
    if kept.is_file():
        network = from_imagenet(len(LABELS), backbone=recipe.backbone)
        network.load_state_dict(torch.load(kept, map_location="cpu", weights_only=True))
        return network.eval()
    say = partial(print, kept.stem, flush=True)
    start = None
    if recipe.self_supervised:
        start = simsiam(examples.images, recipe, kept=kept.with_suffix(".start"), say=say)
    checkpoint = kept.with_suffix(".checkpoint")
    network = fit(examples, recipe, checkpoint=checkpoint, say=say, start=start)
    torch.save(network.state_dict(), kept)
    checkpoint.unlink(missing_ok=True)
    return network


def taught(examples: Examples, logits: NDArray[np.float32], *, share: float) -> Examples:
    """Return the same images, with `share` of each label from a teacher's logits: (N, L)."""
    soft = (1.0 - share) * examples.labels + share * expit(logits)
    return dataclasses.replace(examples, labels=soft.astype(np.float32))


def average(networks: Sequence[Network], *, backbone: str) -> Network:
    """Average the weights of networks that started from the same ones (model soup, arXiv 2203.05482)."""
    states: list[Mapping[str, torch.Tensor]] = [network.state_dict() for network in networks]
    mean = {name: torch.stack([state[name].float() for state in states]).mean(0) for name in states[0]}
    result = from_imagenet(len(LABELS), backbone=backbone)
    result.load_state_dict({name: mean[name].to(old.dtype) for name, old in states[0].items()})
    return result.eval()


def on_validation(name: str, logits: NDArray[np.float32], rows: Sequence[Radiograph]) -> str:
    """Say the macro AUROC on the validation images, and on those of each view."""
    truth, views = truth_of(rows), np.array([row.view.value for row in rows])
    parts = {"": np.ones(len(rows), bool), **{f"{view} ": views == view for view in np.unique(views)}}
    each = [f"{part}{macro_auroc(logits[chosen], truth[chosen]):.3f}" for part, chosen in parts.items()]
    return f"macro AUROC on {len(rows)} validation images, {name}: {', '.join(each)}"
