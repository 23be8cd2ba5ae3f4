import numpy as np
import pytest
import torch

from training.augment import augment, mix
from training.bundled.fit import Examples, Recipe, fit
from training.bundled.heads import TURNS, Distance, apply_turn
from training.bundled.negatives import draw_negatives
from training.bundled.network import FEATURES, from_imagenet


@pytest.fixture(scope="module")
def network():
    torch.set_num_threads(1)
    return from_imagenet(3).eval()


def test_a_labels_logit_is_the_mean_of_its_activation_map(network):
    with torch.no_grad():
        seen = network.see(torch.rand(2, 1, 64, 64))
        maps = torch.einsum("nchw,lc->nlhw", seen.feature_map, network.labels.weight)
        expected = maps.mean((2, 3)) + network.labels.bias
        logits, _ = network(torch.rand(2, 1, 64, 64) * 0 + 0.5)
        assert logits.shape == (2, 3)
        torch.testing.assert_close(network.labels(seen.features), expected, atol=1e-4, rtol=1e-4)
    assert seen.features.shape == (2, FEATURES)


def test_the_imagenet_weights_are_in_it(network):
    fresh = from_imagenet(3)
    torch.testing.assert_close(fresh.trunk.conv_head.weight, network.trunk.conv_head.weight)
    assert float(network.trunk.bn1.running_var.std()) > 0.0


def examples(count: int = 8) -> Examples:
    random = np.random.default_rng(0)
    images = random.integers(0, 80, (count, 32, 32), np.uint8)
    labels = (np.arange(count) % 2).astype(np.float32)
    images[labels > 0] += 150
    return Examples(images, np.stack([labels, 1 - labels], 1), labels, np.ones(count, np.float32))


def test_an_interrupted_run_goes_on_to_the_same_weights(tmp_path):
    recipe = Recipe(epochs=2, batch=4, frozen=6)

    def interrupt(line: str) -> None:
        if line.startswith("epoch 1/"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(examples(), recipe, checkpoint=tmp_path / "a", say=interrupt)
    lines: list[str] = []
    resumed = fit(examples(), recipe, checkpoint=tmp_path / "a", say=lines.append)
    whole = fit(examples(), recipe, checkpoint=tmp_path / "b", say=lambda _: None)
    assert [line.split()[1] for line in lines] == ["2/2"]
    torch.testing.assert_close(resumed.trunk.conv_head.weight, whole.trunk.conv_head.weight)
    start = from_imagenet(2)
    assert not torch.equal(whole.trunk.conv_head.weight, start.trunk.conv_head.weight)
    for frozen in ("conv_stem.weight", "bn1.running_mean", "blocks.2.0.conv_pw.weight"):
        torch.testing.assert_close(whole.trunk.state_dict()[frozen], start.trunk.state_dict()[frozen])


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
