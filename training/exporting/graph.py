"""A network as a torch program and as ONNX, beside the quality gate of the bundled classifier.

    images --+--> network ------------------------------> logits, feature_map (one map a label)
             +--> resized --> the bundled graph ---------> view, turned, chest, distance

The recipes train no gate, and the workers classify nothing without one. So the bundled classifier's goes
along, with its own network; it takes about as long as any network of its size.
"""

import warnings
from pathlib import Path
from typing import Final

import numpy as np
import onnx
import onnx.compose
import onnx.helper
import onnx.parser
import onnx.utils
import torch
from torch import nn

from shared.bundles import CAM_WEIGHTS, GRAPH, Bundle
from worker_cnn.runtime import OUTPUTS, open_graph

PROGRAM: Final = "model.pt2"
"""`torch.export.load` opens it, without any code of ours; it has no gate."""
_OPSET: Final = 18
_OWN: Final = OUTPUTS[:2]
_GATE: Final = OUTPUTS[2:]
_CLOSE: Final = 2e-3
"""Most that ONNX Runtime and torch may differ in a logit: sums are made in another order."""


class ExportError(ValueError):
    """A run cannot become a bundle; the message says why."""


def write_graphs(network: nn.Module, labels: int, folder: Path, *, size: int, gate: Bundle) -> None:
    """Write PROGRAM, GRAPH and CAM_WEIGHTS.

    Args:
        network: (N, 1, S, S) in [0, 1] -> (N, L) logits, (N, L, h, w) maps; in evaluation mode.
        gate: whose gate it gets.

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
            output_names=list(_OWN),
            opset_version=_OPSET,
            external_data=False,
            verbose=False,
        )
    if exported is None:
        message = "torch.onnx.export gave nothing"
        raise ExportError(message)
    onnx.save(_with_gate(exported.model_proto, size, gate), folder / GRAPH)
    # The maps are the labels' own already: each label's map is its channel.
    np.save(folder / CAM_WEIGHTS, np.eye(labels, dtype=np.float32))
    _compare(network, folder / GRAPH, example)


def _with_gate(network: onnx.ModelProto, size: int, gate: Bundle) -> onnx.ModelProto:
    """Return the network's graph with the outputs of another bundle's gate."""
    bundled = onnx.load(gate.graph)
    side = gate.card.input_size
    judge = onnx.utils.Extractor(bundled).extract_model(["images"], list(_GATE))
    entry = onnx.parser.parse_model(
        f"""
        <ir_version: {network.ir_version}, opset_import: ["" : {_OPSET}]>
        entry (float[batch, 1, {size}, {size}] images)
        => (float[batch, 1, {size}, {size}] squares, float[batch, 1, {side}, {side}] small)
        <int64[2] sides = {{{side}, {side}}}>
        {{
          squares = Identity (images)
          small = Resize <mode = "linear", antialias = 1, axes = [2, 3]> (images, , , sides)
        }}
        """
    )
    # One format of the file for all three, which onnx asks for; what they are made of is opset 18 anyway.
    judge.ir_version = network.ir_version
    network, judge = onnx.compose.add_prefix(network, "network/"), onnx.compose.add_prefix(judge, "gate/")
    merged = onnx.compose.merge_models(entry, network, io_map=[("squares", "network/images")])
    merged = onnx.compose.merge_models(merged, judge, io_map=[("small", "gate/images")])
    for output in merged.graph.output:
        served = output.name.rpartition("/")[2]
        merged.graph.node.append(onnx.helper.make_node("Identity", [output.name], [served]))
        output.name = served
    onnx.checker.check_model(merged)
    return merged


@torch.no_grad()
def _compare(network: nn.Module, graph: Path, images: torch.Tensor) -> None:
    """Raise when ONNX Runtime says something else than torch."""
    expected = network(images)[0].numpy()
    served = open_graph(graph, device="cpu", threads=1).run(images[:, 0].numpy())
    largest = float(np.abs(np.stack([one.logits for one in served]) - expected).max())
    if not largest <= _CLOSE:
        message = (
            f"{GRAPH} and torch differ by {largest:.4f} in a logit; this architecture cannot be exported"
        )
        raise ExportError(message)
