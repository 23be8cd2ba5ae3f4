"""Make an encoder's bundle of RAD-DINO: `python -m training.encoders rad-dino [FOLDER] -o BUNDLE`.

FOLDER holds what `hf download microsoft/rad-dino` fetches; without it, Hugging Face's cache is asked.
BUNDLE (`shared/encoders.py`) gets

    model.onnx   the class token of the last layer, normalised, of any number of pictures
    card.json    how a picture is prepared, and the digests of the weights and of each other file

What ONNX Runtime says is held against torch before BUNDLE is there; it appears whole or not at all. It is
served by one line of configuration: CXR_MODEL_ENCODER=BUNDLE. How a classifier is trained on the same
encoder: `training/recipes/rad_dino_probe.toml`.
"""

import argparse
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import torch
from torch import Tensor, nn
from transformers import AutoModel, Dinov2Model
from typing_extensions import override

from shared.bundles import CARD, GRAPH, digest_of
from shared.catalogue import CATALOGUE, Entry, Runs, Work
from shared.encoders import EMBEDDING, IMAGES, Encoder, EncoderCard, Weights, load_encoder
from shared.settings import BUNDLED
from shared.weights import folder_of
from training.command import stop
from training.exporting.graph import digests, write_onnx
from worker_cnn.runtime import open_graph

_NAMES: Final = tuple(
    name for name, entry in CATALOGUE.items() if entry.work is Work.EMBEDDING and entry.runs is Runs.ONNX
)
_PREPROCESSOR: Final = "preprocessor_config.json"
_WEIGHTS: Final = "model*.safetensors"
_CHANNELS: Final = 3
_CLOSE: Final = 1e-3
"""Most that ONNX Runtime and torch may differ, as a share of the largest value above 1."""


class EncoderError(ValueError):
    """A folder's model cannot become an encoder's bundle; the message says why."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line, write the bundle, say what it is."""
    options = _parser().parse_args(arguments)
    if options.out.exists():
        stop(f"--out {options.out} is there already; name a new folder")
    try:
        encoder, apart = export(CATALOGUE[options.name], options.folder, options.out)
    except (OSError, ValueError) as error:
        stop(str(error))
    card = encoder.card
    print(
        f"{card.id} {card.version}: {card.dimensions} numbers of {card.input_size} x {card.input_size} pixels"
    )
    print(f"ONNX Runtime and torch differ by {apart:.2e} at most")
    print(f"next: CXR_MODEL_ENCODER={options.out}")


def export(entry: Entry, model: str, out: Path) -> tuple[Encoder, float]:
    """Write an encoder's bundle; return it with the largest difference between ONNX Runtime and torch.

    Args:
        entry: what the weights are of.
        model: the folder of the weights, or "bundled" for Hugging Face's cache.

    Raises:
        FileNotFoundError: the weights are not there.
        EncoderError: the folder holds another model, or the graph says something else than torch.
        OSError: a file cannot be read or written.
    """
    folder = folder_of(entry, model)
    network = _network(folder)
    mean, deviation = _normalisation(folder)
    size: int = network.size
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{out.name}-", dir=out.parent) as work:
        made = Path(work) / "bundle"
        made.mkdir()
        write_onnx(network, _pictures(2, size, seed=0), made / GRAPH, entry=IMAGES, outputs=[EMBEDDING])
        # Other pictures than those it was exported with, and another number of them.
        apart = _difference(network, made / GRAPH, _pictures(3, size, seed=1))
        files = {path.name: digest_of(path.read_bytes()) for path in sorted(folder.glob(_WEIGHTS))}
        card = EncoderCard(
            id=entry.name,
            version=digest_of("".join(files.values()).encode())[:12],
            files=digests(made, [GRAPH]),
            input_size=size,
            channels=_CHANNELS,
            mean=mean,
            deviation=deviation,
            dimensions=network.dimensions,
            weights=Weights(
                name=entry.weights, files=files, command=f"python -m training.encoders {entry.name} -o BUNDLE"
            ),
            licence=entry.licence,
        )
        (made / CARD).write_text(card.model_dump_json(indent=2) + "\n", encoding="utf-8")
        load_encoder(made)
        made.rename(out)
    return load_encoder(out), apart


class _ClassToken(nn.Module):
    """A DINOv2's class token after its last layer and normalisation: one vector a picture."""

    def __init__(self, encoder: Dinov2Model) -> None:
        super().__init__()
        self.encoder = encoder
        self.size: int = encoder.config.image_size
        self.dimensions: int = encoder.config.hidden_size

    @override
    def forward(self, images: Tensor) -> Tensor:
        seen: Tensor = self.encoder(pixel_values=images).pooler_output
        return seen


def _network(folder: Path) -> _ClassToken:
    if not any(folder.glob(_WEIGHTS)):
        message = f"{folder} holds no {_WEIGHTS}; fetch the model's files again"
        raise EncoderError(message)
    model = AutoModel.from_pretrained(folder, dtype=torch.float32, local_files_only=True)
    if not isinstance(model, Dinov2Model):
        message = f"{folder} holds a {type(model).__name__}, and RAD-DINO is a Dinov2Model"
        raise EncoderError(message)
    return _ClassToken(model).eval().requires_grad_(requires_grad=False)


def _normalisation(folder: Path) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return the mean and the deviation of each channel of pixels in [0, 1]."""
    try:
        said = json.loads((folder / _PREPROCESSOR).read_text(encoding="utf-8"))
        mean, deviation = (tuple(map(float, said[name])) for name in ("image_mean", "image_std"))
    except (OSError, ValueError, KeyError, TypeError) as error:
        message = (
            f"{_PREPROCESSOR} of {folder} does not say by what pixels are normalised (image_mean, image_std):"
            f" {error}"
        )
        raise EncoderError(message) from error
    return mean, deviation


def _pictures(count: int, size: int, *, seed: int) -> Tensor:
    return torch.randn(count, _CHANNELS, size, size, generator=torch.Generator().manual_seed(seed))


@torch.no_grad()
def _difference(network: nn.Module, graph: Path, pictures: Tensor) -> float:
    expected = network(pictures).numpy()
    (found,) = open_graph(graph, device="cpu", threads=1).run(pictures.numpy(), [EMBEDDING])
    apart = float(np.abs(found - expected).max()) / max(1.0, float(np.abs(expected).max()))
    if not apart <= _CLOSE:
        message = f"{GRAPH} and torch differ by {apart:.4f}; this model cannot be exported"
        raise EncoderError(message)
    return apart


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m training.encoders",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("name", choices=_NAMES, help="what the weights are of")
    parser.add_argument(
        "folder",
        nargs="?",
        default=BUNDLED,
        metavar="FOLDER",
        help="of the weights; else Hugging Face's cache",
    )
    parser.add_argument("-o", "--out", type=Path, required=True, metavar="BUNDLE", help="folder to make")
    return parser


if __name__ == "__main__":
    main()
