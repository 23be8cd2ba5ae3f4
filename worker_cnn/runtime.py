"""Run a bundle's graph: a batch of squares in, one `ImageOutput` an image out.

The graph (ONNX) takes `images` (N, 1, S, S) float32 in [0, 1], normalises by itself, and gives

    logits       (N, L)        one a label, uncalibrated
    feature_map  (N, C, h, w)  the last one: times the label head's weights it is a class activation map
    view         (N,)          logit of AP against PA
    turned       (N, 5)        logits: upright, 90, 180, 270 degrees clockwise, inverted
    chest        (N,)          logit of a chest radiograph against anything else
    distance     (N,)          how far the picture lies from real chests, about 1 for one

ONNX Runtime runs it on the CPU, and on a GPU when its CUDA build is installed. Measured on an H100: the
logits are the CPU's within 2e-6; a batch of another size than the one before it takes a second instead of
6 ms, so that there all are filled up to one size.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from shared.bundles import Bundle, BundleError

# Nothing about a hospital's machine is sent to anybody.
ort.disable_telemetry_events()

Array = NDArray[np.float32]

OUTPUTS: Final = ("logits", "feature_map", "view", "turned", "chest", "distance")


class DeviceError(ValueError):
    """The device that is configured cannot be used here; the message says which ones can."""


@dataclass(frozen=True, slots=True)
class ImageOutput:
    """What the graph says about one image; the shapes are the module's, without the N."""

    logits: Array
    feature_map: Array
    view: float
    turned: Array
    chest: float
    distance: float


class Model:
    """A loaded graph. `run` may be called from many threads."""

    def __init__(self, session: ort.InferenceSession, *, fill_to: int = 0) -> None:
        """Take a session; every batch is filled up to a multiple of `fill_to` images, unless that is 0."""
        self._session = session
        self._fill_to = fill_to

    def run(self, images: Array) -> list[ImageOutput]:
        """Classify a batch.

        Args:
            images: (N, S, S) float32 in [0, 1], from `shared.imaging.model_input`.
        """
        count = len(images)
        if self._fill_to:
            images = np.pad(images, ((0, -count % self._fill_to), (0, 0), (0, 0)))
        values = self._session.run(list(OUTPUTS), {"images": images[:, np.newaxis]})
        logits, maps, view, turned, chest, distance = values
        return [
            ImageOutput(logits[i], maps[i], float(view[i]), turned[i], float(chest[i]), float(distance[i]))
            for i in range(count)
        ]


def load_model(bundle: Bundle, *, device: str, threads: int, batch: int = 1) -> Model:
    """Load a bundle's graph.

    Args:
        bundle: its files have been checked by `load_bundle`.
        device: "cpu", "cuda" or "cuda:N".
        threads: of the CPU; 0 means all cores.
        batch: most images that are run at once; it matters to a GPU alone.

    Raises:
        DeviceError: there is no such device, or this ONNX Runtime cannot use it.
        BundleError: the graph cannot be loaded, or its outputs are not those named above.
    """
    return open_graph(bundle.graph, device=device, threads=threads, batch=batch)


def open_graph(path: Path, *, device: str, threads: int, batch: int = 1) -> Model:
    """Load an ONNX file that may have no card yet; raises what `load_model` does."""
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
    missing = set(OUTPUTS) - {output.name for output in session.get_outputs()}
    if missing:
        message = f"{path.name} of the model bundle {path.parent.name!r} lacks the outputs {sorted(missing)}"
        raise BundleError(message)
    return Model(session, fill_to=0 if device == "cpu" else batch)


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
