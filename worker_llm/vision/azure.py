"""The writer behind an endpoint of Azure AI Foundry: CXRReportGen.

Map: `load`.
"""

from shared.catalogue import Entry
from shared.settings import ReportSettings
from worker_llm.writers.base import Writer, WriterRefusedError


def load(entry: Entry, settings: ReportSettings) -> Writer:
    """Prepare the connection to the endpoint."""
    message = f"CXR_REPORT_WRITER={entry.name}: no endpoint at {settings.server_url}"
    raise WriterRefusedError(message)
