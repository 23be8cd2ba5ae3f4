"""What encoders start from: their pixels' range, and the files of those that saw radiographs before.

No such file is at hand: files of the same names and shapes are made here, as their authors' code makes them.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
import torchvision
from torch import Tensor
from torchxrayvision.models import DenseNet

from training.architectures.encoder import Encoder
from training.architectures.published import PUBLISHED
from training.architectures.registry import create
from training.recipe import Model

LABELS = ("Effusion", "Mass")
Make = Callable[..., Tensor]


@pytest.fixture(autouse=True)
def _same_numbers():
    torch.manual_seed(0)


@pytest.mark.parametrize(
    ("architecture", "options", "mean"),
    [
        ("densenet121", {"encoder_options": {"block_config": [1]}}, 0.485),
        ("encoder:tf_efficientnet_lite0", {}, 0.5),
        ("encoder:vit_tiny_patch16_224", {"encoder_options": {"depth": 1}}, 0.5),
        ("lt_vit", {"encoder_options": {"depth": 1}, "blocks": 1}, 0.5),
    ],
)
def test_pixels_are_normalised_as_the_weights_were_trained(architecture, options, mean):
    model = Model(architecture=architecture, start="scratch", options=options)
    network = create(model, LABELS, size=64)
    (buffer,) = [value for name, value in network.named_buffers() if name.endswith("normalise.mean")]
    assert buffer.flatten()[0] == pytest.approx(mean)


@pytest.mark.parametrize("whole", [True, False])
def test_torchxrayvisions_densenet_sees_what_it_saw_there(whole, tmp_path):
    theirs = DenseNet(growth_rate=8, block_config=(1, 2), num_init_features=16).eval()
    torch.save(theirs if whole else theirs.state_dict(), tmp_path / "weights.pt")
    options = {"growth_rate": 8, "block_config": [1, 2]}
    ours = Encoder("xrv_densenet121", start=str(tmp_path / "weights.pt"), size=64, options=options).eval()
    images = torch.rand(2, 1, 64, 64)
    with torch.no_grad():
        seen = theirs.features((2.0 * images - 1.0) * 1024.0).relu()
        torch.testing.assert_close(ours(images), seen, atol=1e-3, rtol=1e-3)


def test_torchxrayvisions_resnet_sees_what_it_saw_there(tmp_path):
    theirs = torchvision.models.resnet50(num_classes=18).eval()
    theirs.conv1 = torch.nn.Conv2d(1, 64, 7, stride=2, padding=3, bias=False)
    torch.save(theirs.state_dict(), tmp_path / "weights.pt")
    ours = Encoder("xrv_resnet50", start=str(tmp_path / "weights.pt"), size=64, options={}).eval()
    images = torch.rand(2, 1, 64, 64)
    with torch.no_grad():
        pooled = ours(images).mean((2, 3))
        torch.testing.assert_close(
            theirs.fc(pooled), theirs((2.0 * images - 1.0) * 1024.0), atol=1e-2, rtol=1e-3
        )


def normed(make: Make, prefix: str, width: int) -> dict[str, Tensor]:
    return {f"{prefix}.weight": make(width), f"{prefix}.bias": make(width)}


def linear(make: Make, prefix: str, before: int, after: int, *, bias: bool = True) -> dict[str, Tensor]:
    return {f"{prefix}.weight": make(after, before)} | ({f"{prefix}.bias": make(after)} if bias else {})


def ark(make: Make, *, width: int, depths: list[int], heads: list[int]) -> dict[str, Any]:
    """As `ArkSwinTransformer` of jlianglab/Ark, on the timm of its time, which kept indices and masks."""
    window = 12
    found = {"patch_embed.proj.weight": make(width, 3, 4, 4), "patch_embed.proj.bias": make(width)}
    found |= normed(make, "patch_embed.norm", width)
    for stage, depth in enumerate(depths):
        wide = width * 2**stage
        for place in range(depth):
            block = f"layers.{stage}.blocks.{place}"
            found |= normed(make, f"{block}.norm1", wide) | normed(make, f"{block}.norm2", wide)
            found |= linear(make, f"{block}.attn.qkv", wide, 3 * wide)
            found |= linear(make, f"{block}.attn.proj", wide, wide)
            found |= linear(make, f"{block}.mlp.fc1", wide, 4 * wide)
            found |= linear(make, f"{block}.mlp.fc2", 4 * wide, wide)
            found[f"{block}.attn.relative_position_bias_table"] = make((2 * window - 1) ** 2, heads[stage])
            found[f"{block}.attn.relative_position_index"] = make(window**2, window**2)
            if place % 2:
                found[f"{block}.attn_mask"] = make(4, window**2, window**2)
        if stage + 1 < len(depths):
            found |= normed(make, f"layers.{stage}.downsample.norm", 4 * wide)
            found |= linear(make, f"layers.{stage}.downsample.reduction", 4 * wide, 2 * wide, bias=False)
    features = width * 2 ** (len(depths) - 1)
    found |= normed(make, "norm", features) | linear(make, "head", features, 1000)
    found |= linear(make, "projector", features, 1376) | linear(make, "omni_heads.0", 1376, 14)
    student = {f"module.{name}": value for name, value in found.items()}
    return {"epoch": 50, "state_dict": {}, "teacher": student}


def eva_x(make: Make, *, width: int, depth: int, split: bool) -> dict[str, Any]:
    """As classification/models/models_eva.py of hustvl/EVA-X; `split` is its base size."""
    hidden = int(width * 8 / 3)
    found = {
        "cls_token": make(1, 1, width),
        "mask_token": make(1, 1, width),
        "pos_embed": make(1, 197, width),
        "patch_embed.proj.weight": make(width, 3, 16, 16),
        "patch_embed.proj.bias": make(width),
        "rope.freqs_cos": make(196, 64),
        "rope.freqs_sin": make(196, 64),
    }
    for place in range(depth):
        block = f"blocks.{place}"
        found |= normed(make, f"{block}.norm1", width) | normed(make, f"{block}.norm2", width)
        found |= {f"{block}.attn.q_bias": make(width), f"{block}.attn.v_bias": make(width)}
        found |= linear(make, f"{block}.attn.proj", width, width)
        found[f"{block}.attn.rope.freqs_cos"] = make(196, 64)
        if split:
            for part in ("q_proj", "k_proj", "v_proj"):
                found |= linear(make, f"{block}.attn.{part}", width, width, bias=False)
            found |= linear(make, f"{block}.mlp.w1", width, hidden)
            found |= linear(make, f"{block}.mlp.w2", width, hidden)
            found |= normed(make, f"{block}.mlp.ffn_ln", hidden)
        else:
            found |= linear(make, f"{block}.attn.qkv", width, 3 * width, bias=False)
            found |= linear(make, f"{block}.mlp.w12", width, 2 * hidden)
        found |= linear(make, f"{block}.mlp.w3", hidden, width)
    return {"module": found | normed(make, "norm", width) | linear(make, "lm_head", width, 512)}


def chexfound(make: Make, *, width: int, depth: int, hidden: int, chunked: bool = False) -> dict[str, Any]:
    """As chexfound/models/vision_transformer.py with the released config.yaml, under a teacher's names."""
    found = {
        "cls_token": make(1, 1, width),
        "mask_token": make(1, width),
        "pos_embed": make(1, 1 + 32**2, width),
        "register_tokens": make(1, 4, width),
        "patch_embed.proj.weight": make(width, 3, 16, 16),
        "patch_embed.proj.bias": make(width),
    }
    for place in range(depth):
        block = f"blocks.{place // 2}.{place}" if chunked else f"blocks.{place}"
        found |= normed(make, f"{block}.norm1", width) | normed(make, f"{block}.norm2", width)
        found |= {f"{block}.ls1.gamma": make(width), f"{block}.ls2.gamma": make(width)}
        found |= linear(make, f"{block}.attn.qkv", width, 3 * width)
        found |= linear(make, f"{block}.attn.proj", width, width)
        found |= linear(make, f"{block}.mlp.w12", width, 2 * hidden)
        found |= linear(make, f"{block}.mlp.w3", hidden, width)
    found |= normed(make, "norm", width)
    heads = {"dino_head.mlp.0.weight": make(8, width), "ibot_head.mlp.0.weight": make(8, width)}
    return {"teacher": {f"backbone.{name}": value for name, value in found.items()} | heads}


FULL: dict[str, tuple[Callable[..., dict[str, Any]], dict[str, Any], int]] = {
    "ark_plus": (ark, {"width": 192, "depths": [2, 2, 18, 2], "heads": [6, 12, 24, 48]}, 768),
    "eva_x_tiny": (eva_x, {"width": 192, "depth": 12, "split": False}, 224),
    "eva_x_small": (eva_x, {"width": 384, "depth": 12, "split": False}, 224),
    "eva_x_base": (eva_x, {"width": 768, "depth": 12, "split": True}, 224),
    "chexfound": (chexfound, {"width": 1024, "depth": 24, "hidden": 2736}, 512),
}


@pytest.mark.parametrize("name", FULL)
def test_every_weight_of_an_encoder_of_full_size_has_its_place(name):
    """On torch's meta device, which has shapes and no numbers."""
    made, sizes, side = FULL[name]
    published = PUBLISHED[name]
    with torch.device("meta"):
        network = timm.create_model(published.network, num_classes=0, img_size=side, **published.options)
    found = published.names(made(lambda *shape: torch.empty(shape, device="meta"), **sizes), network)
    network.load_state_dict(found, assign=True)


SMALL: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "ark_plus": (
        {"width": 24, "depths": [1, 2], "heads": [2, 4]},
        {"embed_dim": 24, "depths": [1, 2], "num_heads": [2, 4]},
        "layers.1.blocks.1.mlp.fc2.weight",
    ),
    "eva_x_small": (
        {"width": 48, "depth": 1, "split": False},
        {"embed_dim": 48, "depth": 1, "num_heads": 2},
        "norm.weight",
    ),
    "chexfound": (
        {"width": 32, "depth": 3, "hidden": 40, "chunked": True},
        {"embed_dim": 32, "depth": 3, "num_heads": 2, "mlp_ratio": 80 / 32},
        "blocks.2.mlp.fc1.weight",
    ),
}


@pytest.mark.parametrize("name", SMALL)
def test_an_encoder_starts_from_its_authors_file_and_classifies(name, tmp_path):
    sizes, options, seen = SMALL[name]
    content = FULL[name][0](lambda *shape: 0.1 * torch.randn(shape), **sizes)
    torch.save(content, tmp_path / "weights.pt")
    model = Model(
        architecture=f"encoder:{name}",
        start=str(tmp_path / "weights.pt"),
        options={"encoder_options": options},
    )
    network = create(model, LABELS, size=192).train()
    loaded = network.state_dict()[f"encoder.trunk.{seen}"]
    (inside,) = [part for part in content.values() if isinstance(part, dict) and part]
    assert any(value.shape == loaded.shape and torch.equal(value, loaded) for value in inside.values())
    logits, maps = network(torch.rand(2, 1, 192, 192))
    assert maps.shape[:2] == logits.shape
    logits.sum().backward()
    assert not [
        part for part, value in network.named_parameters() if value.requires_grad and value.grad is None
    ]
    fresh = create(model, LABELS, size=192, pretrained=False)
    fresh.load_state_dict(network.state_dict())


def test_a_file_of_something_else_is_refused(tmp_path):
    torch.save({"state_dict": {}}, tmp_path / "other.pt")
    with pytest.raises(ValueError, match=r"other\.pt is no file of jlianglab/Ark"):
        Encoder(
            "ark_plus", start=str(tmp_path / "other.pt"), size=384, options={"depths": [1], "num_heads": [6]}
        )


def test_a_file_that_could_run_code_is_not_opened(tmp_path):
    torch.save({"teacher": {"weight": torch.zeros(1)}, "where": Path(tmp_path)}, tmp_path / "more.pt")
    with pytest.raises(ValueError, match="could run any code"):
        Encoder(
            "ark_plus", start=str(tmp_path / "more.pt"), size=384, options={"depths": [1], "num_heads": [6]}
        )


def test_a_published_encoder_has_no_weights_of_imagenet():
    with pytest.raises(ValueError, match=r"starts from its authors' file.*mlmed/torchxrayvision"):
        Encoder("xrv_densenet121", start="imagenet", size=64, options={})
