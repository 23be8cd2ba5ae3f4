"""The models that see and run in this process, by transformers' own classes.

Map: `load` -> `MODELS`, one `Loader` a name of the catalogue.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import torch

from shared.catalogue import Entry
from shared.settings import ReportSettings
from shared.weights import folder_of
from worker_llm.vision import llava_med, maira2, medgemma, onevision, qwen, radvlm
from worker_llm.vision.asking import Engine, Model, VisionWriter
from worker_llm.writers.base import Writer, WriterRefusedError

Loader = Callable[[Path, ReportSettings], tuple[Model, Engine]]
"""Loads a model from the folder of its weights."""

MODELS: Final[Mapping[str, Loader]] = {
    "chexone": qwen.load_chexone,
    "llava-med": llava_med.load,
    "llava-onevision": onevision.load,
    "llava-onevision-0.5b": onevision.load_small,
    "maira-2": maira2.load,
    "medgemma": medgemma.load,
    "nv-reason-cxr": qwen.load_nv_reason,
    "radvlm": radvlm.load,
}


def load(entry: Entry, settings: ReportSettings) -> Writer:
    """Load the model of a catalogue's entry.

    Raises:
        WriterRefusedError: its weights are not there, or not its own.
    """
    if settings.threads:
        torch.set_num_threads(settings.threads)
    try:
        folder = folder_of(entry, settings.model)
        return VisionWriter(*MODELS[entry.name](folder, settings))
    except (OSError, ValueError) as error:
        message = f"CXR_REPORT_WRITER={entry.name}: {error}"
        raise WriterRefusedError(message) from error
