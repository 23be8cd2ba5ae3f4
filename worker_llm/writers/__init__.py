"""The report writers, and the one line of configuration that picks one.

Map: `load_writer`.
"""

from shared.settings import BUNDLED, ReportSettings, WriterKind
from worker_llm.writers.base import Writer
from worker_llm.writers.template import TemplateWriter


def load_writer(settings: ReportSettings) -> Writer:
    """Load the writer that the settings name.

    Raises:
        FileNotFoundError: the bundled language model's package is not installed.
    """
    if settings.writer is WriterKind.TEMPLATE:
        return TemplateWriter()
    if settings.writer is WriterKind.OPENAI:
        from worker_llm.writers.openai import OpenAiWriter  # noqa: PLC0415 - needs an HTTP client

        return OpenAiWriter(settings)
    from worker_llm.writers.local import LocalWriter  # noqa: PLC0415 - needs torch

    if settings.model == BUNDLED:
        return LocalWriter.bundled(device=settings.device, threads=settings.threads, cache=settings.cache)
    return LocalWriter.pretrained(settings.model, device=settings.device, threads=settings.threads)
