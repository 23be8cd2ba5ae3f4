"""From a trained network and fitted heads to the graphs of a gate's bundle.

    model.onnx   images -> embedding
    heads.onnx   embedding -> verdict

The trunk, and so the embedding, is the classifier's: beside it the worker runs only the heads.
"""

from pathlib import Path

import torch
from torch import Tensor, nn
from typing_extensions import override

from shared.bundles import GRAPH
from shared.gates import HEADS
from training.architectures.pooled import Linear
from training.bundled.heads import Heads
from training.exporting.graph import write_onnx
from training.exporting.network import WithEmbedding
from worker_cnn.gate import VERDICT
from worker_cnn.runtime import EMBEDDING


class _Embedding(WithEmbedding):
    @override
    def forward(self, images: Tensor) -> Tensor:  # type: ignore[override]  # the last of three
        """Return (N, D) embeddings of (N, 1, S, S) images in [0, 1]."""
        return super().forward(images)[2]


class _Verdict(nn.Module):
    def __init__(self, view: nn.Linear, heads: Heads) -> None:
        super().__init__()
        self.view = view
        self.turned, self.chest, self.distance = heads.turned, heads.chest, heads.distance

    @override
    def forward(self, embedding: Tensor) -> tuple[Tensor, ...]:
        """Return the gate's `VERDICT` of (N, D) embeddings."""
        return (
            self.view(embedding[:, -self.view.in_features :])[:, 0],
            self.turned(embedding),
            self.chest(embedding)[:, 0],
            self.distance(embedding),
        )


def write_gate_graphs(network: Linear, view: nn.Linear, heads: Heads, folder: Path, *, size: int) -> None:
    """Write the files of a gate's bundle, but for its card.

    Args:
        network: whose embedding the heads were fitted to.
        view: its head that tells AP from PA.
        size: side of the squares in pixels.
    """
    folder.mkdir(parents=True, exist_ok=True)
    images, embedding = torch.zeros(2, 1, size, size), torch.zeros(2, len(heads.distance.scale))
    write_onnx(_Embedding(network).eval(), images, folder / GRAPH, entry="images", outputs=(EMBEDDING,))
    write_onnx(_Verdict(view, heads).eval(), embedding, folder / HEADS, entry=EMBEDDING, outputs=VERDICT)
