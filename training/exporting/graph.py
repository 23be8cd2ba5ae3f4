"""A network as a torch program and as ONNX: images -> logits, feature_map (one map a label)."""

import warnings
from pathlib import Path
from typing import Final

import numpy as np
import onnx
import torch
from torch import nn

from shared.bundles import GRAPH
from worker_cnn.runtime import FEATURE_MAP, LOGITS, Model, open_graph

PROGRAM: Final = "model.pt2"
"""`torch.export.load` opens it, without any code of ours."""
_OPSET: Final = 18
_OUTPUTS: Final = (LOGITS, FEATURE_MAP)
_CLOSE: Final = 2e-3
"""Most that ONNX Runtime and torch may differ, as a share of the largest value above 1: sums are made in
another order."""


class ExportError(ValueError):
    """A run cannot become a bundle; the message says why."""


def write_graphs(network: nn.Module, folder: Path, *, size: int) -> None:
    """Write PROGRAM and GRAPH.

    Args:
        network: (N, 1, S, S) in [0, 1] -> (N, L) logits, (N, L, h, w) maps; in evaluation mode.

    Raises:
        ExportError: torch cannot export the network, or the graph says something else than it.
    """
    example = torch.rand(2, 1, size, size, generator=torch.Generator().manual_seed(0))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the exporter's own
        program = torch.export.export(
            network, (example,), dynamic_shapes=({0: torch.export.Dim("batch")},), strict=False
        )
        torch.export.save(program, folder / PROGRAM)
        exported = torch.onnx.export(
            program,
            input_names=["images"],
            output_names=list(_OUTPUTS),
            opset_version=_OPSET,
            external_data=False,
            verbose=False,
        )
    if exported is None:
        message = "torch.onnx.export gave nothing"
        raise ExportError(message)
    onnx.save(exported.model_proto, folder / GRAPH)
    # Other images than those it was exported with, and another number of them.
    _compare(
        network, folder / GRAPH, torch.rand(3, 1, size, size, generator=torch.Generator().manual_seed(1))
    )


@torch.no_grad()
def _compare(network: nn.Module, graph: Path, images: torch.Tensor) -> None:
    """Raise when ONNX Runtime says something else than torch."""
    served = Model(open_graph(graph, device="cpu", threads=1)).run(images[:, 0].numpy())
    said = [one.logits for one in served], [one.feature_map for one in served]
    for name, expected, found in zip(_OUTPUTS, network(images), said, strict=True):
        apart = float(np.abs(np.array(found) - expected.numpy()).max()) / max(
            1.0, float(expected.abs().max())
        )
        if not apart <= _CLOSE:
            message = (
                f"{GRAPH} and torch differ by {apart:.4f} in the {name}; this architecture cannot be exported"
            )
            raise ExportError(message)
