"""The report writers, and the one line of configuration that picks one.

Map: `load_writer` -> `_load_llama`, `_load_local`, `_load_server`, `_load_seeing`.
"""

from importlib.util import find_spec
from pathlib import Path

from shared.catalogue import CATALOGUE, Entry, Runs
from shared.settings import BUNDLED, ReportSettings, WriterKind
from shared.weights import folder_of
from worker_llm.writers.base import Writer, WriterRefusedError
from worker_llm.writers.template import TemplateWriter


def load_writer(settings: ReportSettings) -> Writer:
    """Load the writer that the settings name.

    Raises:
        WriterRefusedError: what the settings name is not installed, cannot be read, or does not run there.
    """
    if settings.writer == WriterKind.TEMPLATE:
        return TemplateWriter()
    if settings.writer == WriterKind.OPENAI:
        return _load_server(settings)
    if settings.writer in CATALOGUE:
        return _load_seeing(CATALOGUE[settings.writer], settings)
    try:
        return (_load_llama if settings.writer == WriterKind.LLAMA_CPP else _load_local)(settings)
    except FileNotFoundError as error:
        raise WriterRefusedError(str(error)) from error


def _load_server(settings: ReportSettings) -> Writer:
    if settings.images:
        from worker_llm.vision import server  # noqa: PLC0415 - as below

        return server.load(settings)
    from worker_llm.writers.openai import OpenAiWriter  # noqa: PLC0415 - needs an HTTP client

    return OpenAiWriter(settings)


def _load_seeing(entry: Entry, settings: ReportSettings) -> Writer:
    """Load a model that sees, wherever it runs."""
    if entry.runs is Runs.IN_PROCESS:
        _need_transformers(entry.name)
        try:
            folder_of(entry, settings.model)  # before torch is imported, which takes its time
        except FileNotFoundError as error:
            message = f"CXR_REPORT_WRITER={entry.name}: {error}"
            raise WriterRefusedError(message) from error
        from worker_llm.vision import in_process  # noqa: PLC0415 - needs torch

        return in_process.load(entry, settings)
    if entry.runs is Runs.SIDE_CAR:
        from worker_llm.vision import side_car  # noqa: PLC0415 - needs an HTTP client

        return side_car.load(entry, settings)
    from worker_llm.vision import azure  # noqa: PLC0415 - as above

    return azure.load(entry, settings)


def _load_llama(settings: ReportSettings) -> Writer:
    if settings.device != "cpu":
        message = (
            f"CXR_REPORT_DEVICE={settings.device}: llama-cpp runs on the CPU only; set"
            f" CXR_REPORT_WRITER=transformers, which {_TRANSFORMERS_FROM} has"
        )
        raise WriterRefusedError(message)
    try:
        from worker_llm.writers.llama import LlamaWriter  # noqa: PLC0415 - the other writers start without
    except ImportError as error:
        message = (
            f"CXR_REPORT_WRITER=llama-cpp: its engine cannot be loaded ({error}); it comes with"
            " pip install 'cxr-reporter[llm]', and needs the system's libgomp1"
        )
        raise WriterRefusedError(message) from error
    if settings.model == BUNDLED:
        return LlamaWriter.bundled(threads=settings.threads, slots=settings.batch_size, cache=settings.cache)
    return LlamaWriter.from_file(Path(settings.model), threads=settings.threads, slots=settings.batch_size)


_TRANSFORMERS_FROM = (
    "pip install 'cxr-reporter[transformers]' or the worker-llm image whose tag ends in -cuda"
)


def _need_transformers(writer: str) -> None:
    if not (find_spec("torch") and find_spec("transformers")):
        message = (
            f"CXR_REPORT_WRITER={writer}: torch and transformers are not installed; they come with"
            f" {_TRANSFORMERS_FROM}"
        )
        raise WriterRefusedError(message)


def _load_local(settings: ReportSettings) -> Writer:
    _need_transformers(settings.writer)
    from worker_llm.writers.local import LocalWriter  # noqa: PLC0415 - needs torch

    if settings.model == BUNDLED:
        return LocalWriter.bundled(device=settings.device, threads=settings.threads, cache=settings.cache)
    return LocalWriter.pretrained(settings.model, device=settings.device, threads=settings.threads)
