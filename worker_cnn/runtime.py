"""Run a bundle's graph: a batch of squares in, one `ImageOutput` an image out.

The graph (ONNX) takes one input of (N, 1, S, S) or (N, 3, S, S) float32, of any name: pixels in [0, 1], less
the card's `mean`, by its `deviation`; three channels are three times the same. It gives

    logits       (N, L)        one a label, uncalibrated; an output of any name where it is the only one
    feature_map  (N, C, h, w)  may be missing: then there are no heatmaps. Times the weights in cam.npy it is
                               a class activation map; without that file its channels are the labels' own
    embedding    (N, D)        may be missing: what a gate can read instead of running a network of its own

ONNX Runtime runs it on the CPU, and on a GPU when its CUDA build is installed. Measured on an H100: the
logits are the CPU's within 2e-6; a batch of another size than the one before it takes a second instead of
6 ms, so that there all are filled up to one size.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from shared.bundles import Bundle, BundleError

# Nothing about a hospital's machine is sent to anybody.
ort.disable_telemetry_events()

Array = NDArray[np.float32]

LOGITS: Final = "logits"
FEATURE_MAP: Final = "feature_map"
EMBEDDING: Final = "embedding"


class DeviceError(ValueError):
    """The device that is configured cannot be used here; the message says which ones can."""


@dataclass(frozen=True, slots=True)
class ImageOutput:
    """What the graph says about one image; the shapes are the module's, without the N."""

    logits: Array
    feature_map: Array | None = None
    embedding: Array | None = None


class Graph:
    """A loaded ONNX file with one input. `run` may be called from many threads."""

    def __init__(self, session: ort.InferenceSession, *, fill_to: int = 0) -> None:
        """Take a session; every batch is filled up to a multiple of `fill_to` rows, unless that is 0."""
        self._session = session
        (self._input,) = session.get_inputs()
        self.input_shape: list[Any] = self._input.shape
        self.outputs: dict[str, list[Any]] = {one.name: one.shape for one in session.get_outputs()}
        batch = self.input_shape[0] if self.input_shape else None
        # An exporter that was not told otherwise fixes the batch at the size of its example.
        self._fixed = batch if isinstance(batch, int) and batch > 0 else 0
        self._fill_to = self._fixed or fill_to

    def run(self, batch: Array, names: Sequence[str]) -> list[Array]:
        """Return the named outputs of a batch: (N, ...) each."""
        count = len(batch)
        if self._fill_to:
            batch = np.pad(batch, ((0, -count % self._fill_to), *([(0, 0)] * (batch.ndim - 1))))
        step = self._fixed or len(batch)
        parts = [
            self._session.run(list(names), {self._input.name: batch[start : start + step]})
            for start in range(0, len(batch), step)
        ]
        return [np.concatenate(values)[:count] for values in zip(*parts, strict=True)]


class Model:
    """A loaded classifier. `run` may be called from many threads."""

    def __init__(
        self,
        graph: Graph,
        *,
        mean: Sequence[float] = (0.0,),
        deviation: Sequence[float] = (1.0,),
    ) -> None:
        """Take a graph and what its pixels are normalised by."""
        self._graph = graph
        self._logits = LOGITS if LOGITS in graph.outputs else next(iter(graph.outputs))
        self._offered = [name for name in (FEATURE_MAP, EMBEDDING) if name in graph.outputs]
        # The shape says 1 or 3, or nothing where an exporter left it open: then the normalisation does.
        channels = graph.input_shape[1]
        self._channels = channels if isinstance(channels, int) else max(len(mean), len(deviation))
        self._mean = np.asarray(mean, np.float32)[:, None, None]
        self._deviation = np.asarray(deviation, np.float32)[:, None, None]
        self._is_plain = not self._mean.any() and bool((self._deviation == 1.0).all())

    def run(self, images: Array) -> list[ImageOutput]:
        """Classify a batch.

        Args:
            images: (N, S, S) float32 in [0, 1], from `shared.imaging.model_input`.
        """
        batch = images[:, np.newaxis]
        if self._channels > 1:
            batch = np.repeat(batch, self._channels, axis=1)
        if not self._is_plain:
            batch = (batch - self._mean) / self._deviation
        values = self._graph.run(batch, [self._logits, *self._offered])
        given = dict(zip(("logits", *self._offered), values, strict=True))
        return [ImageOutput(**{name: value[i] for name, value in given.items()}) for i in range(len(images))]


def load_model(bundle: Bundle, *, device: str, threads: int, batch: int = 1) -> Model:
    """Load a bundle's graph.

    Args:
        bundle: its files have been checked by `load_bundle`.
        device: "cpu", "cuda" or "cuda:N".
        threads: of the CPU; 0 means all cores.
        batch: most images that are run at once; it matters to a GPU alone.

    Raises:
        DeviceError: there is no such device, or this ONNX Runtime cannot use it.
        BundleError: the graph cannot be loaded, or its input and outputs are not what the card says.
    """
    card = bundle.card
    graph = open_graph(bundle.graph, device=device, threads=threads, batch=batch)
    where = f"{bundle.graph.name} of the model bundle {bundle.folder.name!r}"
    channels = graph.input_shape[1] if len(graph.input_shape) == 4 else 0
    if isinstance(channels, int) and channels not in {1, 3}:
        message = f"{where} takes {graph.input_shape}, not images: (N, 1, S, S) or (N, 3, S, S)"
        raise BundleError(message)
    sides = {side for side in graph.input_shape[2:] if isinstance(side, int)}
    if sides - {card.input_size}:
        message = f"{where} takes squares of {max(sides)} pixels, but its card says {card.input_size}"
        raise BundleError(message)
    if LOGITS not in graph.outputs and len(graph.outputs) > 1:
        message = f"{where} has the outputs {sorted(graph.outputs)}, and none of them is named {LOGITS}"
        raise BundleError(message)
    if card.embedding is not None and EMBEDDING not in graph.outputs:
        message = f"{where} lacks the output {EMBEDDING}, which its card names"
        raise BundleError(message)
    model = Model(graph, mean=card.mean, deviation=card.deviation)
    _try(model, bundle, where)
    return model


def _try(model: Model, bundle: Bundle, where: str) -> None:
    """Run a black square; raise when the numbers that come out are not those of the card's labels."""
    card = bundle.card
    try:
        (said,) = model.run(np.zeros((1, card.input_size, card.input_size), np.float32))
    except Exception as error:  # ONNX Runtime's own errors share no base class but this
        message = f"{where} cannot be run on {card.input_size} x {card.input_size} pixels: {error}"
        raise BundleError(message) from error
    if (shape := said.logits.shape) != (len(card.labels),):
        message = f"{where} gives logits of shape {shape}, but its card has {len(card.labels)} labels"
        raise BundleError(message)
    if said.feature_map is None:
        if bundle.cam_weights is not None:
            message = f"{where} lacks the output {FEATURE_MAP}, which {bundle.cam_weights.name} is for"
            raise BundleError(message)
        return
    weights = label_weights(bundle)
    if said.feature_map.ndim != 3 or weights.shape != (len(card.labels), len(said.feature_map)):
        message = (
            f"{where} gives a {FEATURE_MAP} of shape {said.feature_map.shape}, which does not go with label "
            f"weights of shape {weights.shape}"
        )
        raise BundleError(message)


@lru_cache(maxsize=4)
def _weights(path: Path, _digest: str) -> Array:
    weights: Array = np.load(path, allow_pickle=False)
    return weights


def label_weights(bundle: Bundle) -> Array:
    """Return (L, C): what each label makes of the feature map's channels; its own one without cam.npy."""
    if bundle.cam_weights is None:
        return np.eye(len(bundle.card.labels), dtype=np.float32)
    return _weights(bundle.cam_weights, bundle.version.digest)


def open_graph(path: Path, *, device: str, threads: int, batch: int = 1) -> Graph:
    """Load an ONNX file.

    Raises:
        DeviceError: there is no such device, or this ONNX Runtime cannot use it.
        BundleError: the file cannot be loaded, or has not one input.
    """
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    # Threads that spin for work would take the cores from decoding and from the other worker.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    providers = _providers(device)
    try:
        session = ort.InferenceSession(path, options, providers=providers)
    except Exception as error:  # ONNX Runtime's own errors share no base class but this
        message = f"{path.name} of the model bundle {path.parent.name!r} cannot be loaded: {error}"
        raise BundleError(message) from error
    _check_providers(session, device)
    if len(session.get_inputs()) != 1:
        names = [one.name for one in session.get_inputs()]
        message = f"{path.name} of the model bundle {path.parent.name!r} has not one input, but {names}"
        raise BundleError(message)
    return Graph(session, fill_to=0 if device == "cpu" else batch)


def _providers(device: str) -> list[Any]:
    kind, _, number = device.partition(":")
    if kind == "cpu" and not number:
        return ["CPUExecutionProvider"]
    if kind != "cuda" or (number and not number.isdecimal()):
        message = f"device is cpu, cuda or cuda:N, got {device!r}"
        raise DeviceError(message)
    available = ort.get_available_providers()
    if "CUDAExecutionProvider" not in available:
        message = (
            f"device {device!r} needs ONNX Runtime's CUDA build (pip install onnxruntime-gpu); this one has "
            f"{', '.join(available)}. Set CXR_MODEL_DEVICE=cpu to run on the CPU"
        )
        raise DeviceError(message)
    # The CUDA libraries of pip's packages are found wherever they lie; one that is missing is said below.
    ort.preload_dlls()
    # TF32 is a tenth faster, and moves probabilities by 0.001: 2 of 938 findings changed their status.
    return [("CUDAExecutionProvider", {"device_id": int(number or 0), "use_tf32": 0})]


def _check_providers(session: ort.InferenceSession, device: str) -> None:
    """Refuse a session without its device: ONNX Runtime goes on with the CPU and only prints why."""
    if device != "cpu" and "CUDAExecutionProvider" not in session.get_providers():
        message = (
            f"device {device!r} cannot be used: ONNX Runtime names above the library or the driver that it "
            "lacks (nvidia-smi shows the driver). Set CXR_MODEL_DEVICE=cpu to run on the CPU"
        )
        raise DeviceError(message)
