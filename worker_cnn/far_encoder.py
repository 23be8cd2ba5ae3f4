"""MedImageInsight as the encoder: the picture goes to an endpoint in Azure, and its vector comes back.

No study waits for its vector: similar studies are a help, findings and a report are what is owed. While the
endpoint is away, busy or refuses, images have none, and are not found among similar studies.
"""

import time
from typing import Final

import structlog
from PIL import Image

from shared.domain.embeddings import Embedding
from shared.errors import TryAgainError
from shared.medimageinsight import AnswerError, MedImageInsight
from shared.remote import RefusedError
from shared.settings import MEDIMAGEINSIGHT, ModelSettings
from worker_cnn.decoding import PreparedImage
from worker_cnn.encoding import unit
from worker_cnn.endpoint import connect, version_of
from worker_cnn.runtime import ImageOutput

log = structlog.get_logger()

_LEFT_ALONE_SECONDS: Final = 60.0
"""After a call in vain: else each image would wait for what the last one waited for."""


class FarEncoder:
    """MedImageInsight behind its endpoint, for one image at a time, from many threads."""

    def __init__(self, settings: ModelSettings) -> None:
        """Prepare the connection; nothing is sent yet.

        Raises:
            NoEndpointError: the settings name none.
        """
        self._remote = connect(settings, who=f"CXR_MODEL_ENCODER={MEDIMAGEINSIGHT}")
        self._model = MedImageInsight(self._remote)
        self._version = version_of(settings)
        self._alone_until = 0.0

    def encode(self, prepared: PreparedImage, _output: ImageOutput) -> Embedding | None:
        """Return the vector of a picture; None where none is to be had now."""
        if time.monotonic() < self._alone_until:
            return None
        try:
            (vector,) = self._model.vectors([Image.fromarray(prepared.preview)])
        except (TryAgainError, RefusedError, AnswerError) as error:
            self._alone_until = time.monotonic() + _LEFT_ALONE_SECONDS
            log.warning("vectors.left_out", error=str(error))
            return None
        return unit(vector, self._version)

    def close(self) -> None:
        """Let go of the connections."""
        self._remote.close()
