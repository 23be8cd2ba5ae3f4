"""The models that see and run in this process, by transformers' own classes.

Map: `load`.
"""

from shared.catalogue import Entry
from shared.settings import ReportSettings
from worker_llm.writers.base import Writer, WriterRefusedError


def load(entry: Entry, settings: ReportSettings) -> Writer:
    """Load the model of a catalogue's entry.

    Raises:
        WriterRefusedError: its weights are not there.
    """
    message = f"CXR_REPORT_WRITER={entry.name}: no weights in {settings.model}"
    raise WriterRefusedError(message)
