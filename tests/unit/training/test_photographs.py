"""Changes of photographs: within their bounds, by their seed alone, and without a trace in other chance."""

import random
from functools import partial

import numpy as np
import pytest
import torch

from tests.support.trained import write_recipe
from training.photographs import change
from training.recipe import RecipeError, load_recipe

every_change = partial(change, crop=0.08, rand_augment="rand-m9-mstd0.5-inc1", erase=0.25)


def images(count: int = 12) -> torch.Tensor:
    ramp = torch.linspace(0.0, 1.0, 32).expand(32, 32)
    return torch.stack([ramp, ramp.T] * (count // 2))[:, None]


def test_all_that_is_drawn_hangs_on_the_seed():
    first, same, other = (every_change(images(), seed=seed) for seed in (1, 1, 2))
    assert first.shape == images().shape
    assert torch.equal(first, same)
    assert not torch.equal(first, other)
    assert all(not torch.equal(one, before) for one, before in zip(first, images(), strict=True))


def test_other_chance_goes_on_as_if_nothing_had_been_drawn():
    def draw() -> tuple[float, float, float]:
        return random.random(), float(np.random.rand()), float(torch.rand(()))  # noqa: NPY002

    def seed() -> None:
        random.seed(5)
        np.random.seed(5)  # noqa: NPY002
        torch.manual_seed(5)

    seed()
    expected = draw()
    seed()
    every_change(images(), seed=1)
    assert draw() == expected


def test_a_crop_shows_a_part_of_the_image_at_its_whole_size():
    seen = change(images(), seed=3, crop=0.2, rand_augment="", erase=0.0)
    # A part of a ramp has less contrast than the whole.
    assert (seen.std((1, 2, 3)) < images().std((1, 2, 3)) + 1e-3).all()
    assert float(seen.std((1, 2, 3)).min()) < 0.9 * float(images()[0].std())


def test_as_many_images_are_erased_as_it_says():
    seen = change(images(400), seed=3, crop=0.0, rand_augment="", erase=0.25)
    changed = ~torch.isclose(seen, images(400), atol=1e-5).all(3).all(2).all(1)
    assert float(changed.float().mean()) == pytest.approx(0.25, abs=0.06)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"augmentation": {"rand_augment": "autoaugment"}}, r"augmentation\.rand_augment"),
        ({"data": {"masks": True}, "augmentation": {"crop": 0.5}}, "masks are not moved"),
    ],
)
def test_a_recipe_that_asks_for_what_is_not_there_is_refused(changes, says, tmp_path):
    with pytest.raises(RecipeError, match=says):
        load_recipe(write_recipe(tmp_path / "wrong.toml", "anatomy_xnet", **changes))
