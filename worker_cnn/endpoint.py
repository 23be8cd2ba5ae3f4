"""The endpoint of a model that this worker asks: who answers there, and how it is reached.

Map: `version_of`, `connect` · `NoEndpointError`.
"""

import hashlib
from typing import Final

from shared.domain.findings import ModelVersion
from shared.errors import CxrError
from shared.remote import Remote
from shared.settings import MEDIMAGEINSIGHT, ModelSettings

_AT_ONCE: Final = 1
"""Requests: an endpoint takes no more unless it is told to, and answers the others with 429."""


class NoEndpointError(CxrError):
    """A model runs elsewhere, and the settings do not say where."""


def version_of(settings: ModelSettings) -> ModelVersion:
    """Return which MedImageInsight answers: it does not say, so another address is another one."""
    address = f"{MEDIMAGEINSIGHT} {settings.server_url}"
    return ModelVersion(MEDIMAGEINSIGHT, "unknown", hashlib.sha256(address.encode()).hexdigest())


def connect(settings: ModelSettings, *, who: str) -> Remote:
    """Prepare the connection; nothing is sent yet.

    Args:
        who: what needs it, for the message.

    Raises:
        NoEndpointError: the settings name none.
    """
    if not settings.server_url:
        message = f"{who} needs the endpoint's URL in CXR_MODEL_SERVER_URL"
        raise NoEndpointError(message)
    return Remote(
        settings.server_url,
        key=settings.server_key,
        timeout=settings.server_timeout,
        at_once=_AT_ONCE,
        settings="CXR_MODEL_SERVER",
    )
