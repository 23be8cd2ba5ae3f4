"""Which encoder makes the vectors: the one line of configuration, CXR_MODEL_ENCODER."""

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np

from shared.bundles import Bundle
from shared.encoders import load_encoder
from shared.settings import CLASSIFIER, MEDIMAGEINSIGHT, OFF, ModelSettings
from shared.zero_shot import Runtime
from worker_cnn.encoding import Encode, given, load_graph, of_squares, pooled
from worker_cnn.endpoint import version_of
from worker_cnn.far_encoder import FarEncoder
from worker_cnn.runtime import Array

_Result = TypeVar("_Result")


def directly(run: Callable[[Array], Sequence[_Result]]) -> Callable[[Array], _Result]:
    """Return what runs a model for one square at once, in a batch of its own."""
    return lambda square: run(square[np.newaxis])[0]


def load_encode(
    settings: ModelSettings,
    bundle: Bundle,
    *,
    singly: Callable[[Callable[[Array], Sequence[Array]]], Callable[[Array], Array]] = directly,
) -> Encode | None:
    """Return what makes vectors, as the settings say; None where it is off.

    Args:
        singly: turns a run of a batch into one of a single square, as a batcher does.

    Raises:
        DeviceError: the device cannot be used here.
        BundleError: the encoder's bundle cannot be used.
        NoEndpointError: the settings do not say where it is.
    """
    if settings.encoder == OFF:
        return None
    if bundle.card.runtime is Runtime.MEDIMAGEINSIGHT and settings.encoder in {CLASSIFIER, MEDIMAGEINSIGHT}:
        return given(version_of(settings))
    if settings.encoder == CLASSIFIER:
        return pooled(bundle.version)
    if settings.encoder == MEDIMAGEINSIGHT:
        return FarEncoder(settings).encode
    encoder = load_encoder(settings.encoder)
    graph = load_graph(encoder, device=settings.device, threads=settings.threads, batch=settings.batch_size)
    return of_squares(singly(graph.run), encoder)
