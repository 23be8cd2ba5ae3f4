"""From a fitted network and its heads to the files of a bundle."""

import warnings
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from typing_extensions import override

from shared.bundles import CAM_WEIGHTS, GRAPH, digest_of
from training.bundled.heads import Heads
from training.bundled.network import Network
from worker_cnn.runtime import OUTPUTS

_OPSET = 18


class Exported(nn.Module):
    """The network with every head: what `worker_cnn/runtime.py` runs."""

    def __init__(self, network: Network, heads: Heads) -> None:
        super().__init__()
        self.network = network
        self.turned = heads.turned
        self.chest = heads.chest
        self.distance = heads.distance

    @override
    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Return the runtime's `OUTPUTS` for (N, 1, S, S) images in [0, 1]."""
        # Training kept its squares in 8 bits. The network is sensitive to half a gray level, so
        # the worker's floats are rounded as well, and one file means one answer everywhere.
        seen = self.network.see(torch.round(images * 255.0) / 255.0)
        return (
            self.network.labels(seen.features),
            seen.feature_map,
            self.network.view(seen.features)[:, 0],
            self.turned(seen.description),
            self.chest(seen.description)[:, 0],
            self.distance(seen.description),
        )


def export(network: Network, heads: Heads, folder: Path, *, size: int) -> None:
    """Write the graph and the label head's weights."""
    folder.mkdir(parents=True, exist_ok=True)
    module = Exported(network, heads).eval().to(memory_format=torch.contiguous_format)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the exporter's own deprecations
        torch.onnx.export(
            module,
            (torch.zeros(2, 1, size, size),),
            folder / GRAPH,
            input_names=["images"],
            output_names=list(OUTPUTS),
            dynamic_shapes=({0: torch.export.Dim("batch")},),
            opset_version=_OPSET,
            external_data=False,
            verbose=False,
        )
    np.save(folder / CAM_WEIGHTS, network.labels.weight.detach().numpy().astype(np.float32))


def digests(folder: Path) -> dict[str, str]:
    """Return the digests of what `export` wrote, by name, as a card lists them."""
    return {name: digest_of((folder / name).read_bytes()) for name in (GRAPH, CAM_WEIGHTS)}
