"""From a fitted network and its heads to the graphs of two bundles: the classifier's and the gate's.

    classifier  model.onnx   images -> logits, feature_map, embedding      cam.npy  the label head's weights
    gate        model.onnx   images -> embedding                           heads.onnx  embedding -> verdict

Both have the one trunk, and so the same embedding: beside this classifier the worker runs only the heads.
"""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import torch
from torch import Tensor, nn
from typing_extensions import override

from shared.bundles import CAM_WEIGHTS, GRAPH, digest_of
from shared.gates import HEADS
from training.bundled.heads import Heads
from training.bundled.network import DESCRIPTION, FEATURES, Network
from worker_cnn.gate import VERDICT
from worker_cnn.runtime import EMBEDDING, FEATURE_MAP, LOGITS

_OPSET: Final = 18
_CLASSIFIER: Final = (LOGITS, FEATURE_MAP, EMBEDDING)


class _Classifier(nn.Module):
    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    @override
    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Return logits, feature map and embedding of (N, 1, S, S) images in [0, 1]."""
        # Training kept its squares in 8 bits. The network is sensitive to half a gray level, so
        # the worker's floats are rounded as well, and one file means one answer everywhere.
        seen = self.network.see(torch.round(images * 255.0) / 255.0)
        return self.network.labels(seen.features), seen.feature_map, seen.description


class _Embedding(_Classifier):
    @override
    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Return the embedding of (N, 1, S, S) images in [0, 1]."""
        return super().forward(images)[2:]


class _Verdict(nn.Module):
    def __init__(self, network: Network, heads: Heads) -> None:
        super().__init__()
        self.view = network.view
        self.turned, self.chest, self.distance = heads.turned, heads.chest, heads.distance

    @override
    def forward(self, embedding: Tensor) -> tuple[Tensor, ...]:
        """Return the gate's `VERDICT` of (N, DESCRIPTION) embeddings."""
        return (
            self.view(embedding[:, -FEATURES:])[:, 0],
            self.turned(embedding),
            self.chest(embedding)[:, 0],
            self.distance(embedding),
        )


def export(network: Network, heads: Heads, folder: Path, gate: Path, *, size: int) -> None:
    """Write the files of the classifier's bundle and of the gate's, but for their cards."""
    images, embedding = torch.zeros(2, 1, size, size), torch.zeros(2, DESCRIPTION)
    for each in (folder, gate):
        each.mkdir(parents=True, exist_ok=True)
    _write(_Classifier(network), images, folder / GRAPH, entry="images", outputs=_CLASSIFIER)
    _write(_Embedding(network), images, gate / GRAPH, entry="images", outputs=(EMBEDDING,))
    _write(_Verdict(network, heads), embedding, gate / HEADS, entry=EMBEDDING, outputs=VERDICT)
    np.save(folder / CAM_WEIGHTS, network.labels.weight.detach().numpy().astype(np.float32))


def _write(module: nn.Module, example: Tensor, path: Path, *, entry: str, outputs: Sequence[str]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the exporter's own deprecations
        torch.onnx.export(
            module.eval().to(memory_format=torch.contiguous_format),
            (example,),
            path,
            input_names=[entry],
            output_names=list(outputs),
            dynamic_shapes=({0: torch.export.Dim("batch")},),
            opset_version=_OPSET,
            external_data=False,
            verbose=False,
        )


def digests(folder: Path, names: Sequence[str]) -> dict[str, str]:
    """Return the digests of a bundle's files, by name, as a card lists them."""
    return {name: digest_of((folder / name).read_bytes()) for name in names}
