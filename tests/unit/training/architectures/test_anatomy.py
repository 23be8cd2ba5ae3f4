"""Where Anatomy-XNet has its lungs and heart from."""

import pytest
import torch

from training.architectures import unet
from training.architectures.anatomy import Anatomy
from training.architectures.base import Batch
from training.architectures.encoder import Encoder
from training.architectures.registry import create
from training.recipe import Model


@pytest.fixture
def network() -> Anatomy:
    torch.manual_seed(0)
    options = {"growth_rate": 8, "block_config": [1, 1]}
    encoder = Encoder("densenet121", start="scratch", size=32, options=options)
    return Anatomy(encoder, 2, lungs=unet.UNet((4, 8)), scales=2)


def test_the_heart_is_what_lies_between_the_lungs():
    row = torch.tensor([0.0, 0.9, 0.8, 0.2, 0.0, 0.6, 0.9, 0.1])
    heart = unet.heart_of(row.expand(1, 1, 2, 8))
    assert heart[0, 0].tolist() == [[0, 0, 0, 1, 1, 0, 0, 0]] * 2


def test_given_masks_are_taken_and_missing_ones_made(network):
    network.eval()
    images, given = torch.rand(2, 1, 32, 32), torch.zeros(2, 2, 32, 32)
    given[0, 0, :, :16] = 1.0  # lungs of the first image only
    made, told = network.outline(images), network.outline(images, given)
    torch.testing.assert_close(told[1], made[1])
    assert float(told[0, 0, :, :60].min()) == 1.0
    assert float(told[0, 0, :, 68:].max()) == 0.0
    # No lung lies to the right of these lungs, so nothing lies between.
    assert float(told[0, 1].max()) == 0.0
    given[0, 1] = 1.0
    assert float(network.outline(images, given)[0, 1].min()) == 1.0


def test_the_masks_of_a_batch_matter_to_its_loss(network):
    def loss(masks):
        batch = Batch(images, torch.ones(2, 2), torch.ones(2, 2), torch.zeros(2, 2), masks=masks)
        return float(network.loss(batch, lambda logits, *_: logits.sum()).detach())

    network.eval()
    images, lungs = torch.rand(2, 1, 32, 32), torch.zeros(2, 2, 32, 32)
    lungs[:, :, 8:24, 8:24] = 1.0
    assert loss(lungs) != loss(None)
    assert loss(torch.zeros(2, 2, 32, 32)) == loss(None)


def test_training_leaves_the_unet_alone(network):
    before = {name: value.clone() for name, value in network.lungs.state_dict().items()}
    network.train()
    optimizer = torch.optim.SGD([p for p in network.parameters() if p.requires_grad], lr=0.1)
    network.see(torch.rand(2, 1, 32, 32)).logits.sum().backward()
    optimizer.step()
    for name, value in network.lungs.state_dict().items():
        torch.testing.assert_close(value, before[name])


def test_a_checkpoint_needs_no_file_of_lungs():
    options = {"lungs": "nowhere.pt", "encoder_options": {"growth_rate": 8, "block_config": [1, 1]}}
    model = Model(architecture="anatomy_xnet", start="scratch", options=options)
    assert create(model, ("Mass",), size=32, pretrained=False)
    with pytest.raises(ValueError, match=r"nowhere\.pt is no U-Net .*python -m training\.train_lungs"):
        create(model, ("Mass",), size=32)


@pytest.mark.parametrize(
    ("options", "says"),
    [({"lung_widths": [4, 8, 16]}, r"has the widths \[4, 8\]"), ({"scales": 9}, "between 1 and 3")],
)
def test_options_that_do_not_fit_say_what_does(tmp_path, options, says):
    unet.save(tmp_path / "unet.pt", unet.UNet((4, 8)))
    tiny = {"encoder_options": {"growth_rate": 8, "block_config": [1, 1]}, "lung_widths": [4, 8]}
    chosen = tiny | {"lungs": str(tmp_path / "unet.pt")} | options
    with pytest.raises(ValueError, match=says):
        create(Model(architecture="anatomy_xnet", start="scratch", options=chosen), ("Mass",), size=32)
