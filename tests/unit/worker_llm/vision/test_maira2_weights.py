"""MAIRA-2's published weights in our network: it says what its parts say, or it does not start."""

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file

from tests.support.published import save_maira2, write_shards
from worker_llm.vision.maira2_weights import load
from worker_llm.vision.published import WeightsError, files_of, tensors_of


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    return tmp_path_factory.mktemp("maira-2")


@pytest.fixture(scope="module", autouse=True)
def parts(published):
    torch.set_num_threads(1)
    return save_maira2(published)


@pytest.fixture
def folder(published, tmp_path):
    return shutil.copytree(published, tmp_path / "maira-2")


def _load(folder):
    return load(folder, device="cpu", dtype=torch.float32)


def test_its_logits_are_those_of_its_parts_put_together_by_hand(parts, published):
    seen = [parts.image_token] * 4
    ids = torch.tensor([[1, 5, *seen, 7, *seen, 9, *seen, 3]])
    pixels = torch.rand(3, 3, 28, 28, generator=torch.Generator().manual_seed(1))
    network = _load(published)
    with torch.no_grad():
        found = network(input_ids=ids, pixel_values=pixels, attention_mask=torch.ones_like(ids)).logits
    torch.testing.assert_close(found, parts.logits(ids, pixels))
    assert network.config.text_config.rope_parameters["factor"] == 1.5


def _rewrite(folder, change):
    held = {name: tensor for file in files_of(folder) for name, tensor in tensors_of(file)}
    change(held)
    for file in files_of(folder):
        file.unlink()
    write_shards(folder, held)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda held: held.pop("vision_tower.layernorm.weight"),
            r"lacks model\.vision_tower\.layernorm\.weight",
        ),
        (
            lambda held: held.pop("multi_modal_projector.layers.6.bias"),
            r"lacks model\.multi_modal_projector\.layers\.6\.bias",
        ),
        (
            lambda held: held.update({"language_model.model.layers.9.mlp.up_proj.weight": torch.zeros(2)}),
            r"no such model does, model\.language_model\.layers\.9\.mlp\.up_proj\.weight",
        ),
        (
            lambda held: held.update({"multi_modal_projector.layers.0.bias": torch.zeros(3)}),
            r"in another shape model\.multi_modal_projector\.layers\.0\.bias",
        ),
        (
            lambda held: [held.pop(name) for name in list(held) if name.startswith("language_model")],
            r"lacks lm_head\.weight, .* and 17 more",
        ),
    ],
)
def test_weights_that_are_not_all_and_only_its_own_are_refused_by_name(folder, change, said):
    _rewrite(folder, change)
    with pytest.raises(WeightsError, match=said):
        _load(folder)


@pytest.mark.parametrize(
    ("where", "changes", "said"),
    [
        ((), {"model_type": "llava"}, "model_type is 'llava'"),
        ((), {"vision_feature_layer": -2}, "vision_feature_layer is -2"),
        ((), {"vision_feature_select_strategy": "full"}, "strategy is 'full'"),
        (("vision_config",), {"model_type": "clip_vision_model"}, "vision_config.model_type is 'clip"),
        (("vision_config",), {"apply_layernorm": False}, "apply_layernorm is False"),
        (("vision_config",), {"reshape_hidden_states": True}, "reshape_hidden_states is True"),
        (("vision_config",), {"out_features": ["stage1"], "out_indices": [1]}, "not the last layer"),
    ],
)
def test_a_model_that_is_made_another_way_is_refused(folder, where, changes, said):
    path = folder / "config.json"
    config = json.loads(path.read_text())
    part = config
    for name in where:
        part = part[name]
    part.update(changes)
    path.write_text(json.dumps(config))
    with pytest.raises(WeightsError, match=said):
        _load(folder)


def test_a_file_that_the_index_names_and_is_not_there_is_named(folder):
    (folder / "model-00002-of-00002.safetensors").unlink()
    with pytest.raises(WeightsError, match=r"lacks model-00002-of-00002\.safetensors"):
        _load(folder)


def test_a_folder_without_weights_says_what_was_looked_for(folder, tmp_path):
    for file in [*files_of(folder), folder / "model.safetensors.index.json"]:
        file.unlink()
    with pytest.raises(WeightsError, match=r"looked for model\.safetensors, .*pytorch_model\.bin"):
        _load(folder)
    with pytest.raises(WeightsError, match=r"config\.json cannot be read"):
        _load(tmp_path)


def test_one_file_without_an_index_is_read_too(folder, parts):
    held = {name: tensor for file in files_of(folder) for name, tensor in load_file(file).items()}
    for file in [*files_of(folder), folder / "model.safetensors.index.json"]:
        file.unlink()
    torch.save(held, folder / "pytorch_model.bin")
    torch.testing.assert_close(_load(folder).lm_head.weight, parts.words.lm_head.weight)
