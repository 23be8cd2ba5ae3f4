"""RAD-DINO as an encoder's bundle: what it says is what transformers says, or there is none."""

import json
import shutil

import numpy as np
import pytest
import torch
from transformers import CLIPVisionConfig, CLIPVisionModel, Dinov2Model

from shared.encoders import EMBEDDING, load_encoder
from tests.support.encoders import save_dinov2
from training.encoders import main
from worker_cnn.runtime import open_graph


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    torch.set_num_threads(1)
    torch.manual_seed(0)
    return save_dinov2(tmp_path_factory.mktemp("rad-dino"))


@pytest.fixture(scope="module")
def bundle(weights, tmp_path_factory):
    out = tmp_path_factory.mktemp("bundles") / "rad-dino"
    main(["rad-dino", str(weights), "-o", str(out)])
    return load_encoder(out)


def test_a_vector_is_the_class_token_of_transformers(weights, bundle):
    pictures = torch.rand(5, 3, 56, 56, generator=torch.Generator().manual_seed(3))
    mean = torch.tensor(bundle.card.mean)[:, None, None]
    deviation = torch.tensor(bundle.card.deviation)[:, None, None]
    pixels = (pictures - mean) / deviation
    with torch.no_grad():
        expected = Dinov2Model.from_pretrained(weights).eval()(pixels).pooler_output.numpy()
    (found,) = open_graph(bundle.graph, device="cpu", threads=1).run(pixels.numpy(), [EMBEDDING])
    assert found.shape == (5, bundle.card.dimensions)
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_the_card_says_what_was_exported_and_how_a_picture_is_prepared(bundle):
    card = bundle.card
    assert (card.id, card.input_size, card.channels, card.dimensions) == ("rad-dino", 56, 3, 24)
    assert (card.mean, card.deviation) == ((0.5,) * 3, (0.25,) * 3)
    assert card.weights is not None
    assert card.weights.name == "microsoft/rad-dino"
    assert len(card.weights.files["model.safetensors"]) == 64


def test_a_folder_that_is_there_already_is_left_alone(bundle, weights, capsys):
    with pytest.raises(SystemExit):
        main(["rad-dino", str(weights), "-o", str(bundle.folder)])
    assert "is there already" in capsys.readouterr().err
    assert load_encoder(bundle.folder) == bundle


@pytest.fixture
def broken(weights, tmp_path):
    return shutil.copytree(weights, tmp_path / "weights")


def _refused(folder, out, capsys):
    with pytest.raises(SystemExit):
        main(["rad-dino", str(folder), "-o", str(out)])
    assert not list(out.parent.glob("*"))
    return capsys.readouterr().err


def test_another_kind_of_model_is_refused(tmp_path, capsys):
    folder = tmp_path / "clip"
    CLIPVisionModel(
        CLIPVisionConfig(hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2)
    ).save_pretrained(folder)
    assert "holds a CLIP" in _refused(folder, tmp_path / "out" / "bundle", capsys)


def test_weights_without_a_preprocessor_are_refused(broken, tmp_path, capsys):
    (broken / "preprocessor_config.json").write_text(json.dumps({"image_mean": [0.5] * 3}))
    assert "does not say by what pixels are normalised" in _refused(broken, tmp_path / "out" / "b", capsys)


def test_a_folder_without_weights_is_refused(broken, tmp_path, capsys):
    (broken / "model.safetensors").unlink()
    assert "holds no model*.safetensors" in _refused(broken, tmp_path / "out" / "b", capsys)
