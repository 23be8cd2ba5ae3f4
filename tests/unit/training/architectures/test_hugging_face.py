"""Encoders and CLIP of Hugging Face: what of them is trained, and what is said where they cannot be had."""

import huggingface_hub.constants
import pytest
import torch
from transformers import AutoModel, AutoTokenizer

from tests.support.encoders import save_clip, save_dinov2
from training.architectures.base import Batch
from training.architectures.registry import create
from training.recipe import Model

LABELS = ("Effusion", "Mass")
SIZE = 64


@pytest.fixture(scope="module")
def dinov2(tmp_path_factory) -> str:
    return str(save_dinov2(tmp_path_factory.mktemp("dinov2")))


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> str:
    torch.manual_seed(0)
    return str(save_clip(tmp_path_factory.mktemp("clip")))


def test_an_encoder_sees_what_its_preprocessor_makes(dinov2):
    network = create(Model(architecture="hugging_face", start=dinov2), LABELS, size=SIZE).eval()
    images = torch.rand(2, 1, SIZE, SIZE)
    encoder = AutoModel.from_pretrained(dinov2).eval()
    with torch.no_grad():
        tokens = encoder((images.expand(-1, 3, -1, -1) - 0.5) / 0.25).last_hidden_state
        seen = torch.cat([tokens[:, 1:].mean(1), tokens[:, 0]], 1)
        logits, maps = network(images)
        torch.testing.assert_close(logits, network.head(seen))
    assert maps.shape == (2, 2, SIZE // 14, SIZE // 14)


@pytest.mark.parametrize(
    ("architecture", "options"),
    [
        ("hugging_face", {"frozen": True}),
        ("encoder:resnet18", {"frozen": True}),
    ],
)
def test_a_probe_trains_its_linear_layer_only(dinov2, architecture, options):
    start = dinov2 if architecture == "hugging_face" else "scratch"
    model = Model(architecture=architecture, start=start, options=options)
    network = create(model, LABELS, size=SIZE).train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    network.see(torch.rand(2, 1, SIZE, SIZE)).logits.sum().backward()
    torch.optim.SGD(trained, lr=1.0).step()
    changed = {name for name, value in network.state_dict().items() if not torch.equal(value, before[name])}
    assert changed == {"head.weight", "head.bias"}


def test_an_image_shows_what_it_is_nearer_to_than_to_its_absence(clip):
    """Numbers and steps are of `make` and `run_softmax_eval` in zero_shot.py of rajpurkarlab/CheXzero."""
    network = create(Model(architecture="chexzero", start=clip), LABELS, size=SIZE).eval()
    images = torch.rand(3, 1, SIZE, SIZE)
    whole, tokenizer = AutoModel.from_pretrained(clip).eval(), AutoTokenizer.from_pretrained(clip)
    with torch.no_grad():
        probabilities = torch.sigmoid(network(images).logits)
        seen = whole(
            pixel_values=(images.expand(-1, 3, -1, -1) * 255.0 - 101.48761) / 83.43944,
            **tokenizer(
                ["Pleural Effusion", "no Pleural Effusion", "Lung mass", "no Lung mass"],
                padding=True,
                return_tensors="pt",
            ),
        )
        cosines = seen.image_embeds @ seen.text_embeds.T
        for place, pair in enumerate((cosines[:, :2], cosines[:, 2:])):
            shown, absent = pair.exp().T
            torch.testing.assert_close(probabilities[:, place], shown / (shown + absent))


def test_the_prompts_follow_weights_that_are_loaded(clip):
    model = Model(architecture="chexzero", start=clip)
    trained = create(model, LABELS, size=SIZE)
    fresh = create(model, LABELS, size=SIZE, pretrained=False)
    assert not torch.allclose(fresh.get_buffer("prompts"), trained.get_buffer("prompts"))
    fresh.load_state_dict(trained.state_dict())
    torch.testing.assert_close(fresh.get_buffer("prompts"), trained.get_buffer("prompts"))


def test_it_learns_which_text_belongs_to_an_image_and_nothing_of_labels(clip):
    """The loss is that of `train_batch` in run_train.py: the mean of both cross entropies."""
    network = create(Model(architecture="chexzero", start=clip), LABELS, size=SIZE).eval()
    whole, tokenizer = AutoModel.from_pretrained(clip).eval(), AutoTokenizer.from_pretrained(clip)
    images, unknown = torch.rand(3, 1, SIZE, SIZE), torch.zeros(3, 2)
    texts = ("Lung mass.", "NO IMPRESSION", "NO IMPRESSION")
    loss = network.loss(Batch(images, unknown, unknown, unknown, texts=texts), lambda *_: unknown.sum())
    pixels = (images.expand(-1, 3, -1, -1) * 255.0 - 101.48761) / 83.43944
    tokens = tokenizer(list(texts), padding=True, return_tensors="pt")
    torch.testing.assert_close(loss, whole(pixel_values=pixels, **tokens, return_loss=True).loss)
    with pytest.raises(ValueError, match=r"set data\.texts in the recipe"):
        network.loss(Batch(images, unknown, unknown, unknown), lambda *_: unknown.sum())


@pytest.mark.parametrize("architecture", ["hugging_face", "chexzero"])
def test_weights_that_cannot_be_had_say_what_to_do(monkeypatch, architecture):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(ValueError, match=r"microsoft/nowhere.*hf download ID --local-dir FOLDER"):
        create(Model(architecture=architecture, start="microsoft/nowhere"), LABELS, size=SIZE)


@pytest.mark.parametrize("start", ["imagenet", "scratch"])
def test_a_start_without_a_model_says_what_to_set(start):
    with pytest.raises(ValueError, match=r"set model\.start to its folder or id"):
        create(Model(architecture="hugging_face", start=start), LABELS, size=SIZE)


def test_an_encoder_without_texts_is_no_clip(dinov2):
    with pytest.raises(ValueError, match="is a Dinov2Model, no CLIP model"):
        create(Model(architecture="chexzero", start=dinov2), LABELS, size=SIZE)
