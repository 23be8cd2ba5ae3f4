"""The writer behind docs/reference/writer-protocol.md.

Map: `load`.
"""

from shared.catalogue import Entry
from shared.settings import ReportSettings
from worker_llm.writers.base import Writer, WriterRefusedError


def load(entry: Entry, settings: ReportSettings) -> Writer:
    """Prepare the connection to the model's side-car."""
    message = f"CXR_REPORT_WRITER={entry.name}: no side-car at {settings.server_url}"
    raise WriterRefusedError(message)
