"""A network as a torch program and as ONNX: images -> logits, feature_map (a map a label), maybe embedding.

write_graphs    a classifier -> both files, compared
write_onnx      any network -> ONNX
"""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import onnx
import torch
from torch import nn

from shared.bundles import GRAPH, digest_of
from worker_cnn.runtime import EMBEDDING, FEATURE_MAP, LOGITS, Model, open_graph

PROGRAM: Final = "model.pt2"
"""`torch.export.load` opens it, without any code of ours."""
_OPSET: Final = 18
_OUTPUTS: Final = (LOGITS, FEATURE_MAP, EMBEDDING)
_CLOSE: Final = 2e-3
"""Most that ONNX Runtime and torch may differ, as a share of the largest value above 1: sums are made in
another order."""


class ExportError(ValueError):
    """A run cannot become a bundle; the message says why."""


def write_graphs(network: nn.Module, folder: Path, *, size: int) -> None:
    """Write PROGRAM and GRAPH.

    Args:
        network: (N, 1, S, S) in [0, 1] -> (N, L) logits, (N, L, h, w) maps, and (N, D) embeddings if it has
            them; in evaluation mode.

    Raises:
        ExportError: torch cannot export the network, or the graph says something else than it.
    """
    example = torch.rand(2, 1, size, size, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        outputs = _OUTPUTS[: len(network(example))]
    program = write_onnx(network, example, folder / GRAPH, entry="images", outputs=outputs)
    torch.export.save(program, folder / PROGRAM)
    # Other images than those it was exported with, and another number of them.
    others = torch.rand(3, 1, size, size, generator=torch.Generator().manual_seed(1))
    _compare(network, folder / GRAPH, others)


def write_onnx(
    network: nn.Module, example: torch.Tensor, path: Path, *, entry: str, outputs: Sequence[str]
) -> torch.export.ExportedProgram:
    """Write a network as ONNX, for any number of rows, and return it as a torch program.

    Args:
        network: one tensor in, as many out as `outputs` names; in evaluation mode.
        example: two rows of its input.
        entry: the input's name.

    Raises:
        ExportError: torch cannot export it.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the exporter's own
        program = torch.export.export(
            network, (example,), dynamic_shapes=({0: torch.export.Dim("batch")},), strict=False
        )
        exported = torch.onnx.export(
            program,
            input_names=[entry],
            output_names=list(outputs),
            opset_version=_OPSET,
            external_data=False,
            verbose=False,
        )
    if exported is None:
        message = "torch.onnx.export gave nothing"
        raise ExportError(message)
    onnx.save(exported.model_proto, path)
    return program


def digests(folder: Path, names: Sequence[str]) -> dict[str, str]:
    """Return the digests of a bundle's files, by name, as a card lists them."""
    return {name: digest_of((folder / name).read_bytes()) for name in sorted(names)}


@torch.no_grad()
def _compare(network: nn.Module, graph: Path, images: torch.Tensor) -> None:
    """Raise when ONNX Runtime says something else than torch."""
    served = Model(open_graph(graph, device="cpu", threads=1)).run(images[:, 0].numpy())
    found = [[one.logits, one.feature_map, one.embedding] for one in served]
    for k, expected in enumerate(network(images)):
        said = np.array([one[k] for one in found])
        apart = float(np.abs(said - expected.numpy()).max()) / max(1.0, float(expected.abs().max()))
        if not apart <= _CLOSE:
            message = (
                f"{GRAPH} and torch differ by {apart:.4f} in the {_OUTPUTS[k]}; this architecture cannot be "
                "exported"
            )
            raise ExportError(message)
