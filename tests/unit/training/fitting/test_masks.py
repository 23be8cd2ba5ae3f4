"""Masks of lungs and heart: moved as their images are, and handed to the network that learns."""

import csv
from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.support.trained import write_recipe
from training.fitting.steps import make_step
from training.policies import Targets
from training.recipe import Augmentation, RecipeError, load_recipe
from training.table import Mask, read, write

MOVES = Augmentation(flip=0.5, degrees=15.0, zoom=0.1, shift=0.1, exposure=True)
UPPER = Mask("lungs", 64, 64, (8, *[16, 48] * 63, 16, 40))
"""Rows 8 to 23 of each column."""


def test_masks_are_moved_as_their_images_are():
    random = np.random.default_rng(0)
    squares = torch.from_numpy((random.random((6, 1, 9, 9)) > 0.5).repeat(8, 2).repeat(8, 3)).byte() * 255
    known = np.ones((6, 1), np.float32)
    step = make_step(
        squares,
        Targets(known, known, known, known[:, 0], np.full(6, "drawn"), known),
        range(6),
        augmentation=MOVES.model_copy(update={"exposure": False}),
        seed=7,
        device=torch.device("cpu"),
        organs=lambda indices: squares[list(indices)].repeat(1, 2, 1, 1) // 255,
    )
    assert step.masks is not None
    assert step.masks.shape == (6, 2, 72, 72)
    assert not torch.equal(step.masks[:, :1], squares / 255)
    torch.testing.assert_close(step.masks, step.images.round().repeat(1, 2, 1, 1))


def first_loss(run) -> float:
    with (run / "member-1" / "metrics.csv").open(encoding="utf-8") as file:
        return float(next(csv.DictReader(file))["training_loss"])


def test_a_network_learns_from_the_masks_of_the_table(drawn, words, train, tmp_path):
    outlined = tmp_path / "outlined.parquet"
    write(outlined, [replace(one, masks=(UPPER,)) for one in read(drawn / "table.parquet")])
    losses = []
    for masks in (False, True):
        torch.manual_seed(0)  # the recipe's U-Net is drawn
        recipe = write_recipe(
            tmp_path / f"{masks}.toml", "anatomy_xnet", data={"masks": masks}, run={"epochs": 1}
        )
        losses.append(first_loss(train(recipe, tmp_path / str(masks), "--table", str(outlined))))
    assert losses[0] != pytest.approx(losses[1], rel=1e-6)


def test_blended_images_have_no_masks(tmp_path):
    recipe = write_recipe(
        tmp_path / "both.toml", "anatomy_xnet", data={"masks": True}, augmentation={"mixup": 0.2}
    )
    with pytest.raises(RecipeError, match="no one outline"):
        load_recipe(recipe)
