"""A Hugging Face image encoder and a linear layer: RAD-DINO (arXiv 2401.10815), or any other.

    Tokens      class token and mean patch token -> linear; its maps are class activation maps of the patches
    fetch       what `model.start` names -> the model of transformers
    normalise   what the encoder's own preprocessor subtracts and divides by

`model.start` is a folder that `save_pretrained` wrote, or an id on the Hugging Face Hub.
"""

import inspect
import json
from pathlib import Path
from typing import Any, Self

import torch
from httpx import HTTPError
from huggingface_hub import hf_hub_download
from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel
from typing_extensions import override

from training.architectures.base import Classifier, Output
from training.architectures.encoder import Normalise


class Tokens(Classifier):
    """A linear layer over the class token and the mean of the patch tokens (as DINOv2's own linear head).

    Args:
        start: folder or id of an image encoder, or of a model that has one (CLIP).
        size: side of the squares in pixels.
        frozen: whether the encoder stays as it is: a linear probe.
        weights: False where a checkpoint's follow, so that only the configuration is read.

    Raises:
        ValueError: `start` cannot be read, or its encoder gives no square of patches for this size.
    """

    def __init__(self, start: str, labels: int, *, size: int, frozen: bool, weights: bool) -> None:
        super().__init__()
        model = fetch(start, weights=weights)
        self.normalise = normalise(start)
        self.encoder: Any = getattr(model, "vision_model", model)
        if self.encoder.config.model_type.startswith("swin"):
            # The exporter cannot follow the strides of the fused attention over windows.
            self.encoder.set_attn_implementation("eager")
        self.frozen = frozen
        takes = inspect.signature(self.encoder.forward).parameters
        # Without it these encoders take the size that they were trained with, and no other.
        self.options = {"interpolate_pos_encoding": True} if "interpolate_pos_encoding" in takes else {}
        shape = self._look(start, size)
        # Convolutional encoders give a map; transformers a row of tokens, those of no patch first.
        self.side = shape[2] if len(shape) == 4 else int(shape[1] ** 0.5)
        self.prefix = 0 if len(shape) == 4 else shape[1] - self.side**2
        self.features = shape[1] if len(shape) == 4 else shape[2]
        self.head: nn.Linear = nn.Linear(self.features * (2 if self.prefix else 1), labels)

    def _look(self, start: str, size: int) -> torch.Size:
        """Return the shape of what the encoder says of one square; what has no part in that is not trained.

        An encoder has weights for other uses (a pooler, DINOv2's mask token), and training in several
        processes wants a gradient for every weight that is trained.
        """
        self.encoder.eval()
        try:
            states = self._states(torch.zeros(1, 1, size, size))
            gradients = torch.autograd.grad(states.sum(), list(self.encoder.parameters()), allow_unused=True)
        except (ValueError, RuntimeError) as error:
            message = (
                f"{start} does not take squares of {size} pixels: {error}. Set data.size to one it takes"
            )
            raise ValueError(message) from error
        for parameter, gradient in zip(self.encoder.parameters(), gradients, strict=True):
            parameter.requires_grad_(gradient is not None and not self.frozen)
        return states.shape

    def _states(self, images: Tensor) -> Tensor:
        states: Tensor = self.encoder(pixel_values=self.normalise(images), **self.options).last_hidden_state
        return states

    @override
    def train(self, mode: bool = True) -> Self:
        super().train(mode)
        if self.frozen:
            self.encoder.eval()  # dropout and stochastic depth are for an encoder that learns
        return self

    @override
    def see(self, images: Tensor) -> Output:
        states = self._states(images)
        if states.ndim == 4:
            states = states.flatten(2).transpose(1, 2)
        patches = states[:, self.prefix :]
        seen = patches.mean(1)
        if self.prefix:
            seen = torch.cat([seen, states[:, 0]], 1)
        maps = torch.einsum("ntc,lc->nlt", patches, self.head.weight[:, : self.features])
        return Output(self.head(seen), maps.reshape(*maps.shape[:2], self.side, self.side))


def fetch(start: str, *, weights: bool) -> Any:  # noqa: ANN401  # transformers has no types
    """Make the model of a folder or an id, in 32 bits.

    Args:
        weights: False for fresh ones, so that only the configuration is read.

    Raises:
        ValueError: `start` is neither a folder with a model nor an id that can be had.
    """
    try:
        if weights:
            return AutoModel.from_pretrained(start, dtype=torch.float32)
        return AutoModel.from_config(AutoConfig.from_pretrained(start))
    except (OSError, ValueError, HTTPError) as error:
        raise unreadable(start, error) from error


def normalise(start: str) -> Normalise:
    """Return the normalisation of a model's `preprocessor_config.json`, or ImageNet's where it has none.

    Raises:
        ValueError: the file cannot be had, or says no mean and deviation of three channels.
    """
    name = "preprocessor_config.json"
    try:
        path = Path(start, name) if Path(start).is_dir() else Path(hf_hub_download(start, name))
        said = json.loads(path.read_text(encoding="utf-8"))
        return Normalise(said["image_mean"], said["image_std"])
    except LocalEntryNotFoundError as error:  # it may exist, but the hub cannot be asked
        raise unreadable(start, error) from error
    except (FileNotFoundError, EntryNotFoundError):
        return Normalise()
    except (OSError, ValueError, KeyError, RuntimeError, HTTPError) as error:
        raise unreadable(start, error) from error


def unreadable(start: str, error: Exception) -> ValueError:
    """Return the error that says what `model.start` may be."""
    reason = " ".join(str(error).split()).rstrip(".")
    return ValueError(
        f'the model cannot start from "{start}": {reason}. Set model.start to the folder of a Hugging Face '
        "model, or go online and name its id; a folder is made by `hf download ID --local-dir FOLDER`"
    )
