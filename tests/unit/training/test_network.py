"""What the bundled classifier's recipe starts from, how images are changed, and the gate's heads."""

import numpy as np
import pytest
import torch

from training.architectures.pooled import Linear
from training.architectures.registry import create
from training.augment import augment, mix
from training.bundled.heads import TURNS, Distance, apply_turn
from training.bundled.negatives import draw_negatives
from training.recipe import Model, load_recipe

LABELS = ("Effusion", "Mass")


def made(model: Model) -> Linear:
    network = create(model, LABELS, size=64).eval()
    assert isinstance(network, Linear)
    return network


@pytest.fixture(scope="module")
def network() -> Linear:
    torch.set_num_threads(1)
    return made(load_recipe("bundled").model)


def test_a_gray_network_says_what_one_of_three_channels_says(network):
    model = load_recipe("bundled").model
    wide = made(model.model_copy(update={"options": {**model.options, "encoder_options": {}}}))
    images = torch.rand(2, 1, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(network.encoder(images), wide.encoder(images), atol=1e-3, rtol=1e-3)


def test_the_description_is_of_the_same_run_as_the_answer(network):
    images = torch.rand(2, 1, 64, 64)
    with torch.no_grad():
        said, description = network.see_and_describe(images)
        torch.testing.assert_close(said.logits, network(images).logits)
        torch.testing.assert_close(network.head(description[:, -1280:]), said.logits)
    assert description.shape == (2, 40 + 112 + 1280)  # the width of the gate that ships
    torch.testing.assert_close(said.maps.mean((2, 3)) + network.head.bias, said.logits, atol=1e-4, rtol=1e-4)


def test_augmenting_keeps_the_range_and_the_shape_and_changes_pixels():
    images = torch.rand(4, 1, 48, 48)
    changed = augment(images, torch.Generator().manual_seed(0), flip=0.5)
    assert changed.shape == images.shape
    assert 0.0 <= float(changed.min()) <= float(changed.max()) <= 1.0
    assert not torch.equal(changed, images)


def test_mixup_mixes_images_and_targets_alike():
    targets = torch.arange(6.0)[:, None]
    images = targets[:, :, None, None].expand(6, 1, 2, 2)
    mixed, labels = mix(images, targets, torch.Generator().manual_seed(1), alpha=0.5)
    torch.testing.assert_close(mixed[:, 0, 0, 0], labels[:, 0])
    assert not torch.equal(labels, targets)


def test_turns_are_clockwise_and_the_last_inverts():
    image = torch.zeros(1, 4, 4)
    image[0, 0, 0] = 1.0  # top left
    assert apply_turn(image, 0)[0, 0, 0] == 1.0
    assert apply_turn(image, 1)[0, 0, 3] == 1.0  # top right
    assert apply_turn(image, 2)[0, 3, 3] == 1.0
    assert apply_turn(image, 3)[0, 3, 0] == 1.0  # bottom left
    assert apply_turn(image, TURNS - 1)[0, 0, 0] == 0.0


def test_the_distance_grows_away_from_the_nearest_mean():
    size = 1432
    ones = torch.ones(size)
    means = torch.stack([torch.zeros(size), ones * 10.0])
    distance = Distance(means, ones, torch.eye(size)[:, :2], torch.zeros(2), torch.tensor(1.0))
    found = distance(torch.stack([torch.zeros(size), ones, ones * 10.0, ones * 30.0]))
    torch.testing.assert_close(found, torch.tensor([0.0, 1.0, 0.0, 20.0]))


def test_negatives_are_of_many_kinds_and_the_same_for_a_seed():
    chests = np.random.default_rng(0).integers(0, 256, (3, 32, 32), np.uint8)
    first = draw_negatives(24, 32, chests=chests, seed=1)
    assert first.shape == (24, 32, 32)
    assert first.dtype == np.uint8
    np.testing.assert_array_equal(first, draw_negatives(24, 32, chests=chests, seed=1))
    assert len({picture.tobytes() for picture in first}) == 24
