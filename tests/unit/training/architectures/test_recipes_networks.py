"""Every architecture of a recipe, made tiny: it overfits, and is the same network when its weights are read.

That its graph is the same network too, test_every_recipe.py sees: an export compares all that they say.
"""

import re
from collections.abc import Callable
from copy import deepcopy
from functools import cache
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch.nn.functional import binary_cross_entropy_with_logits

from shared.labels import NO_FINDING
from tests.support.encoders import save_clip, save_dinov2
from tests.support.trained import SMALL, TINY
from training.architectures.base import Batch, Classifier
from training.architectures.registry import create
from training.architectures.unet import UNet, save
from training.recipe import Model, load_recipe, names

PAGE = Path(__file__).parents[4] / "docs" / "papers.md"
SIZE = 32
LABELS = ("Atelectasis", "Effusion", "Mass")
RATES = {"chexzero": 1e-3}
RECIPES = sorted({load_recipe(name).model.architecture: name for name in names()}.values())


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)
    torch.manual_seed(0)


@pytest.fixture(scope="module")
def starts(tmp_path_factory) -> dict[str, Path]:
    """What the architectures start from that have a start of their own, tiny."""
    folder = tmp_path_factory.mktemp("starts")
    torch.manual_seed(0)
    save(folder / "unet.pt", UNet((4, 8)))
    return {
        "hugging_face": save_dinov2(folder / "dinov2"),
        "chexzero": save_clip(folder / "clip"),
        "anatomy_xnet": folder / "unet.pt",
    }


def tiny(recipe: str, starts: dict[str, Path], *, pretrained: bool = True) -> Classifier:
    model = load_recipe(recipe).model
    family = SMALL.get(model.architecture, model.architecture)
    options = dict(TINY[family])
    start = "scratch"
    if family == "anatomy_xnet":
        options["lungs"] = str(starts[family])
    elif family in starts:
        start = str(starts[family])
    small = model.model_copy(update={"architecture": family, "start": start, "options": options})
    return create(small, LABELS, size=SIZE, pretrained=pretrained)


def batch() -> Batch:
    """Four images, each label shown by a brighter quarter of its own, boxed; one target is not known."""
    images = torch.rand(4, 1, SIZE, SIZE, generator=torch.Generator().manual_seed(1)) * 0.3
    targets = torch.tensor([[1.0, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0]])
    half, boxes = SIZE // 2, []
    for row, shown in enumerate(targets):
        seen = torch.nonzero(shown)[:, 0].tolist()
        for label in seen:
            top, left = divmod(label, 2)
            images[row, 0, top * half :][:half, left * half :][:, :half] += 0.6
        quarters = [(label, *divmod(label, 2)) for label in seen]
        boxes.append(torch.tensor([[k, x / 2, y / 2, x / 2 + 0.5, y / 2 + 0.5] for k, y, x in quarters]))
    known = torch.ones(4, 3)
    known[3, 2] = 0.0
    texts = ("Atelectasis.", "Pleural effusion.", "Lung mass.", "Atelectasis and pleural effusion.")
    ap = torch.tensor([1.0, 0.0, 1.0, float("nan")])
    return Batch(images, targets, known, torch.zeros(4, 3), texts=texts, boxes=tuple(boxes), ap=ap)


def criterion(logits, targets, known):
    losses = binary_cross_entropy_with_logits(logits, targets, reduction="none")
    return (losses * known).sum() / known.sum()


@pytest.fixture(scope="module")
def overfitted(starts) -> Callable[[str], tuple[Classifier, float, float]]:
    """The network of a recipe after it learnt one batch, with the loss before and after; made once each."""

    @cache
    def made(recipe: str) -> tuple[Classifier, float, float]:
        network, examples = tiny(recipe, starts).train(), batch()
        rate = RATES.get(load_recipe(recipe).model.architecture, 3e-3)
        optimizer = torch.optim.AdamW(network.parameters(), lr=rate)
        last = first = float(network.loss(examples, criterion).detach())
        for _ in range(200):
            loss = network.loss(examples, criterion)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            last = float(loss.detach())
            if last < 0.05:
                break
        return network, first, last

    return made


@pytest.mark.parametrize("recipe", RECIPES)
def test_it_overfits_one_batch(recipe, overfitted):
    network, before, after = overfitted(recipe)
    assert after < min(0.1, before)
    # Training in several processes wants a gradient for all that is trained.
    unused = [
        name for name, value in network.named_parameters() if value.requires_grad and value.grad is None
    ]
    assert not unused


@pytest.mark.parametrize("recipe", RECIPES)
def test_it_says_a_logit_and_a_map_of_each_label(recipe, overfitted):
    network = deepcopy(overfitted(recipe)[0]).eval()
    with torch.no_grad():
        logits, maps = network(batch().images)
    assert logits.shape == (4, 3)
    assert maps.shape[:2] == (4, 3)
    assert torch.isfinite(maps).all()


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_new_head_keeps_the_encoder(recipe, starts):
    network = tiny(recipe, starts)
    head = {id(parameter) for parameter in network.head_parameters()}
    before = {name: value.detach().clone() for name, value in network.named_parameters()}
    network.reset_head()
    changed = {name for name, value in network.named_parameters() if not torch.equal(value, before[name])}
    # CheXzero asks what CLIP has learnt: nothing of it is new.
    assert bool(changed) == (load_recipe(recipe).model.architecture != "chexzero")
    assert all(id(value) in head for name, value in network.named_parameters() if name in changed)


@pytest.mark.parametrize("recipe", RECIPES)
def test_its_weights_can_be_kept(recipe, overfitted, starts, tmp_path):
    network = overfitted(recipe)[0].eval()
    save_file(network.state_dict(), tmp_path / "weights.safetensors")
    again = tiny(recipe, starts, pretrained=False).eval()
    again.load_state_dict(load_file(tmp_path / "weights.safetensors"))
    with torch.no_grad():
        torch.testing.assert_close(again(batch().images), network(batch().images))


@pytest.mark.parametrize("recipe", names())
def test_every_recipe_names_what_it_trains(recipe):
    loaded = load_recipe(recipe)
    assert loaded.paper
    assert NO_FINDING not in loaded.data.labels
    if loaded.model.architecture == "simple_cnn":
        create(loaded.model, loaded.data.labels, size=loaded.data.size)


@pytest.mark.parametrize("recipe", names())
def test_the_page_of_papers_has_every_recipe(recipe):
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    (row,) = [line for line in lines if re.match(rf"\| [^|`]+ \| `{recipe}` \|", line)]
    claim = load_recipe(recipe).claim
    if claim is not None:
        assert re.search(rf"\| {claim.macro_auroc}0? \({len(claim.labels)}\b", row)


@pytest.mark.parametrize(
    ("model", "says"),
    [
        (Model(architecture="resnet"), "choose one of"),
        (Model(architecture="densenet121", options={"depth": 3}), "encoder_options"),
        (Model(architecture="encoder:densenet1210"), "similar names: .*densenet121"),
        (Model(architecture="densenet121", start="nowhere.pt"), "Go online"),
        (Model(architecture="lt_vit", start="scratch", options={"blocks": 99}), "between 1 and 12"),
        (Model(architecture="simple_cnn"), "scratch"),
        (Model(architecture="detector", start="scratch", options={"width": 20}), "a multiple of 8"),
    ],
)
def test_what_cannot_be_made_says_what_can(model, says):
    with pytest.raises(ValueError, match=says):
        create(model, LABELS, size=224)


def test_any_timm_encoder_takes_a_linear_head():
    network = create(Model(architecture="encoder:resnet18", start="scratch"), LABELS, size=SIZE).eval()
    logits, maps = network(batch().images)
    torch.testing.assert_close(logits - network.head.bias, maps.mean((2, 3)), atol=1e-4, rtol=1e-4)


def test_the_lite0_starts_from_its_package():
    model = Model(architecture="encoder:tf_efficientnet_lite0")
    started = create(model, LABELS, size=SIZE)
    fresh = create(model, LABELS, size=SIZE, pretrained=False)
    seen = "encoder.trunk.bn1.running_var"
    assert float(started.get_buffer(seen).std()) > 0.0
    assert float(fresh.get_buffer(seen).std()) == 0.0
