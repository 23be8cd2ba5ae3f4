"""Which classifier reads: the one line of configuration, CXR_MODEL_BUNDLE.

    a graph            runs here, in a batch with other pictures
    MedImageInsight    is asked at its endpoint, for one picture at a time: what keeps one study waiting keeps
                       no other

Nothing is invented for an endpoint that is away: a report is made of findings, so the study waits. The gate
runs here before either, and what it refuses leaves for nowhere.

Map: `chosen` (its bundle), `load_classify` -> `FarClassifier`.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace

from PIL import Image

from shared.bundles import Bundle, BundleError, load_bundle
from shared.medimageinsight import MedImageInsight
from shared.settings import ModelSettings
from shared.zero_shot import Runtime
from worker_cnn.decoding import PreparedImage
from worker_cnn.encoders import directly
from worker_cnn.endpoint import connect
from worker_cnn.gate import Models
from worker_cnn.reading import Classify
from worker_cnn.runtime import Array, ImageOutput


def chosen(settings: ModelSettings) -> Bundle:
    """Return the bundle that the settings name; behind another address it is another model.

    Raises:
        BundleError: it cannot be used.
    """
    bundle = load_bundle(settings.bundle)
    if bundle.card.runtime is Runtime.ONNX:
        return bundle
    asked = hashlib.sha256(f"{bundle.version.digest} {settings.server_url}".encode()).hexdigest()
    return replace(bundle, version=replace(bundle.version, digest=asked))


def load_classify(
    settings: ModelSettings,
    bundle: Bundle,
    models: Models,
    *,
    singly: Callable[[Callable[[Array], Sequence[ImageOutput]]], Callable[[Array], ImageOutput]] = directly,
) -> Classify:
    """Return what classifies a picture that the gate lets through.

    Args:
        singly: turns a run of a batch into one of a single square, as a batcher does.

    Raises:
        NoEndpointError: the settings do not say where it is.
    """
    if bundle.card.runtime is Runtime.MEDIMAGEINSIGHT:
        return FarClassifier(settings, bundle).classify
    run = singly(models.classify)
    return lambda prepared: run(prepared.model_input)


class FarClassifier:
    """MedImageInsight behind its endpoint, from many threads."""

    def __init__(self, settings: ModelSettings, bundle: Bundle) -> None:
        """Prepare the connection; nothing is sent yet.

        Raises:
            NoEndpointError: the settings name none.
            BundleError: the card has no prompts.
        """
        prompts = bundle.card.prompts
        if prompts is None:
            message = f"card.json of the model bundle {bundle.folder.name!r} has no prompts"
            raise BundleError(message)
        self._nothing = prompts.none
        self._sentences = [prompts.labels[label.id] for label in bundle.card.labels]
        self._remote = connect(settings, who=f"the classifier {bundle.version.id}")
        self._model = MedImageInsight(self._remote)

    def classify(self, prepared: PreparedImage) -> ImageOutput:
        """Return the logits of a picture, and its vector; it has no feature map, so nothing says where.

        Raises:
            TryAgainError: the endpoint is away, busy or slow.
            RefusedError: it does not take the request.
            AnswerError: it answers something else than the model does.
        """
        look = self._model.look(Image.fromarray(prepared.preview), self._sentences, nothing=self._nothing)
        return ImageOutput(look.logits, embedding=look.vector)

    def close(self) -> None:
        """Let go of the connections."""
        self._remote.close()
