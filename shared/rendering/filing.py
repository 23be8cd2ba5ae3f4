"""What those who file reports are not given, since they keep the last that came under its identifier."""

from shared.errors import NotPossibleError
from shared.rendering.document import ReportDocument


def refuse_superseded(document: ReportDocument) -> None:
    """Refuse a version that is not the report any more.

    Raises:
        NotPossibleError: another one is.
    """
    newer = document.superseded_by
    if newer is not None:
        message = f"version {newer} is the report now, and whoever files replaces it by this one"
        raise NotPossibleError(message)
