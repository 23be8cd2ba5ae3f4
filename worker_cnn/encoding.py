"""The vector of an image, by which studies that look alike are found: of the classifier, or of an encoder.

    classifier  the mean over its feature map, which the run has made anyway
    encoder     the middle square of the picture --graph--> one vector: a run of its own

Map: `pooled`, `given`, or `load_graph` -> `of_squares`; all end in `unit`. `encoders.py` says which is taken.
"""

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from shared.bundles import BundleError
from shared.domain.embeddings import Embedding
from shared.domain.findings import ModelVersion
from shared.encoders import EMBEDDING, Encoder, EncoderCard
from shared.imaging import model_input
from worker_cnn.decoding import PreparedImage
from worker_cnn.runtime import Array, Graph, ImageOutput, open_graph

Encode = Callable[[PreparedImage, ImageOutput], Embedding | None]
"""Makes the vector of a picture that the classifier has read; none where what it gave says nothing."""

_SHORTEST: Final = 1e-12


class EncoderGraph:
    """A loaded encoder. `run` may be called from many threads."""

    def __init__(self, graph: Graph, card: EncoderCard) -> None:
        self._graph, self._card = graph, card
        self._mean = np.asarray(card.mean, np.float32)[:, None, None]
        self._deviation = np.asarray(card.deviation, np.float32)[:, None, None]

    def run(self, squares: Array) -> list[Array]:
        """Encode (N, S, S) squares in [0, 1]."""
        batch = (
            np.repeat(squares[:, np.newaxis], self._card.channels, axis=1) - self._mean
        ) / self._deviation
        (vectors,) = self._graph.run(batch, [EMBEDDING])
        return list(vectors)


def load_graph(encoder: Encoder, *, device: str, threads: int, batch: int = 1) -> EncoderGraph:
    """Load an encoder's graph, and try it.

    Raises:
        DeviceError: the device cannot be used here.
        BundleError: the graph cannot be loaded, or its vectors are not what the card says.
    """
    where = f"{encoder.graph.name} of the encoder {encoder.folder.name!r}"
    graph = open_graph(encoder.graph, device=device, threads=threads, batch=batch)
    if EMBEDDING not in graph.outputs:
        message = f"{where} lacks the output {EMBEDDING}; it has {', '.join(sorted(graph.outputs))}"
        raise BundleError(message)
    loaded = EncoderGraph(graph, encoder.card)
    side = encoder.card.input_size
    try:
        (vector,) = loaded.run(np.zeros((1, side, side), np.float32))
    except Exception as error:  # ONNX Runtime's own errors share no base class but this
        message = f"{where} cannot be run on {side} x {side} pixels: {error}"
        raise BundleError(message) from error
    if vector.shape != (encoder.card.dimensions,):
        message = f"{where} gives vectors of shape {vector.shape}, its card says {encoder.card.dimensions}"
        raise BundleError(message)
    return loaded


def pooled(version: ModelVersion) -> Encode:
    """Return what makes a classifier's feature map a vector; nothing of one that gives no map."""

    def encode(_prepared: PreparedImage, output: ImageOutput) -> Embedding | None:
        if output.feature_map is None:
            return None
        return unit(output.feature_map.mean(axis=(1, 2)), version)

    return encode


def given(version: ModelVersion) -> Encode:
    """Return what takes the vector that a classifier gave with its logits."""

    def encode(_prepared: PreparedImage, output: ImageOutput) -> Embedding | None:
        return None if output.embedding is None else unit(output.embedding, version)

    return encode


def of_squares(run: Callable[[Array], Array], encoder: Encoder) -> Encode:
    """Return what shows an encoder the middle of a picture.

    Args:
        run: the encoder for one square, behind its batcher or not.
    """

    def encode(prepared: PreparedImage, _output: ImageOutput) -> Embedding | None:
        return unit(run(middle_square(prepared.preview, encoder.card.input_size)), encoder.version)

    return encode


def middle_square(preview: NDArray[np.uint8], side: int) -> Array:
    """Return the largest square in the middle of a picture, as (side, side) float32 in [0, 1]."""
    rows, columns = preview.shape
    short = min(rows, columns)
    top, left = (rows - short) // 2, (columns - short) // 2
    square = preview[top : top + short, left : left + short]
    return model_input(square.astype(np.float32) / np.float32(255.0), side)


def unit(vector: Sequence[float] | Array, encoder: ModelVersion) -> Embedding | None:
    """Return a vector at length 1; none of one that has no direction, or holds what is no number."""
    values = np.asarray(vector, np.float64)
    length = float(np.linalg.norm(values))
    if not np.isfinite(length) or length < _SHORTEST:
        return None
    return Embedding(encoder, tuple((values / length).astype(np.float32).tolist()))
