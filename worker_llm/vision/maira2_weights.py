"""MAIRA-2's network, built of transformers' own parts, and its published weights in it.

A Llava with a Dinov2 for eyes, and unlike a Llava: the projector has four layers, and what it gets are the
patches of the last layer after Dinov2's normalisation, without the class token. The published weights were
saved by code of their own, and their names are mapped to ours; one that is left over or missing is a refusal.

Map: `Network` (`_Body`, `_Projector`) · `load` -> `config_of`, `own_name`.
"""

import json
import re
from pathlib import Path
from typing import Any, Final

import torch
from accelerate import init_empty_weights
from accelerate.utils import set_module_tensor_to_device
from torch import Tensor, nn
from transformers import GenerationConfig, LlavaConfig, LlavaForConditionalGeneration, LlavaModel
from transformers.activations import ACT2FN
from transformers.models.llava.modeling_llava import LlavaPreTrainedModel
from typing_extensions import override

from worker_llm.vision.published import WeightsError, check, files_of, shapes_of, tensors_of

_RENAMED: Final = tuple(
    (re.compile(theirs), ours)
    for theirs, ours in (
        (r"^language_model\.lm_head\.", "lm_head."),
        (r"^language_model\.model\.", "model.language_model."),
        (r"^(vision_tower|multi_modal_projector)\.", r"model.\1."),
        (r"\.attention\.attention\.query\.", ".attention.q_proj."),
        (r"\.attention\.attention\.key\.", ".attention.k_proj."),
        (r"\.attention\.attention\.value\.", ".attention.v_proj."),
        (r"\.attention\.output\.dense\.", ".attention.o_proj."),
    )
)
"""The names in the published files, and transformers 5's."""


class _Projector(nn.Module):
    """Patches as words: linear layers with an activation between each two."""

    def __init__(self, config: Any) -> None:  # noqa: ANN401 - transformers ships no types
        super().__init__()
        words = config.text_config.hidden_size
        layers: list[nn.Module] = [nn.Linear(config.vision_config.hidden_size, words)]
        for _ in range(config.projector_n_layers - 1):
            layers += [ACT2FN[config.projector_hidden_act], nn.Linear(words, words)]
        self.layers = nn.Sequential(*layers)

    @override
    def forward(self, patches: Tensor) -> Tensor:
        """(B, P, vision) -> (B, P, words)."""
        seen: Tensor = self.layers(patches)
        return seen


class _Body(LlavaModel):  # type: ignore[misc]  # transformers ships no types
    def __init__(self, config: Any) -> None:  # noqa: ANN401 - as above
        super().__init__(config)
        self.multi_modal_projector = _Projector(config)

    def get_image_features(self, pixel_values: Tensor, **_: Any) -> Any:  # noqa: ANN401 - as above
        """See the patches, normalised, in the last layer; the class token is left out."""
        seen = self.vision_tower(pixel_values)
        seen.pooler_output = list(self.multi_modal_projector(seen.last_hidden_state[:, 1:]))
        return seen


class Network(LlavaForConditionalGeneration):  # type: ignore[misc]  # as above
    """MAIRA-2: images and words in, words out."""

    def __init__(self, config: Any) -> None:  # noqa: ANN401 - as above
        LlavaPreTrainedModel.__init__(self, config)  # Llava's own would build its own body
        self.model = _Body(config)
        self.lm_head = nn.Linear(config.text_config.hidden_size, config.text_config.vocab_size, bias=False)
        self.post_init()


def own_name(published: str) -> str:
    """Return what a published tensor is called in `Network`."""
    name = published
    for theirs, ours in _RENAMED:
        name = theirs.sub(ours, name)
    return name


def load(folder: Path, *, device: str, dtype: torch.dtype) -> Network:
    """Load the published weights, a tensor at a time.

    Raises:
        WeightsError: the folder holds another model, or not all of this one.
    """
    config = config_of(folder)
    files = files_of(folder)
    with init_empty_weights():
        network = Network(config)
    wanted = {name: tuple(tensor.shape) for name, tensor in network.named_parameters()}
    check({own_name(name): shape for name, shape in shapes_of(files).items()}, wanted, where=folder)
    for file in files:
        for name, tensor in tensors_of(file):
            set_module_tensor_to_device(network, own_name(name), device, value=tensor, dtype=dtype)
    if (folder / "generation_config.json").is_file():
        network.generation_config = GenerationConfig.from_pretrained(folder)
    network.to(device).eval()
    return network


def config_of(folder: Path) -> Any:  # noqa: ANN401 - as above
    """Read what the published model is made like.

    Raises:
        WeightsError: it is no MAIRA-2, or one that sees another layer than this network does.
    """
    path = folder / "config.json"
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        message = f"{path} cannot be read: {error}"
        raise WeightsError(message) from error
    vision = said.get("vision_config", {})
    built_for = {
        "model_type": (said.get("model_type"), "maira2"),
        "vision_feature_layer": (said.get("vision_feature_layer"), -1),
        "vision_feature_select_strategy": (said.get("vision_feature_select_strategy"), "default"),
        "vision_config.model_type": (vision.get("model_type"), "dinov2"),
        "vision_config.apply_layernorm": (vision.get("apply_layernorm", True), True),
        "vision_config.reshape_hidden_states": (vision.get("reshape_hidden_states"), False),
    }
    for name, (found, wanted) in built_for.items():
        if found != wanted:
            message = f"{path} is not MAIRA-2's: {name} is {found!r}, and should be {wanted!r}"
            raise WeightsError(message)
    config = LlavaConfig(
        vision_config=vision,
        text_config=said["text_config"],
        image_token_index=said["image_token_index"],
        projector_hidden_act=said.get("projector_hidden_act", "gelu"),
        vision_feature_layer=-1,
        projector_n_layers=said.get("projector_n_layers", 4),
    )
    depth = config.vision_config.num_hidden_layers
    if list(config.vision_config.out_features) != [f"stage{depth}"]:
        message = f"{path} is not MAIRA-2's: it sees {config.vision_config.out_features}, not the last layer"
        raise WeightsError(message)
    return config
