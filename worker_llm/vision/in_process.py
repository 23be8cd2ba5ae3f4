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
from worker_llm.vision import llava_med, maira2
from worker_llm.vision.asking import Engine, Model, VisionWriter
from worker_llm.vision.chat import ChatModel
from worker_llm.vision.engine import pretrained
from worker_llm.vision.medgemma import MedGemma
from worker_llm.vision.radvlm import RadVlm
from worker_llm.vision.reasoning import CheXone, Reasoning
from worker_llm.writers.base import Writer, WriterRefusedError

Loader = Callable[[Path, ReportSettings], tuple[Model, Engine]]
"""Loads a model from the folder of its weights."""


def _as_published(name: str, model: Model) -> Loader:
    """Return what loads a model that transformers has a class for."""

    def load_one(folder: Path, settings: ReportSettings) -> tuple[Model, Engine]:
        return model, pretrained(name, folder, settings)

    return load_one


MODELS: Final[Mapping[str, Loader]] = {
    "llava-onevision": _as_published("llava-onevision", ChatModel()),
    "llava-onevision-0.5b": _as_published("llava-onevision-0.5b", ChatModel()),
    "radvlm": _as_published("radvlm", RadVlm()),
    "llava-med": llava_med.load,
    "medgemma": _as_published("medgemma", MedGemma()),
    "chexone": _as_published("chexone", CheXone()),
    "nv-reason-cxr": _as_published("nv-reason-cxr", Reasoning()),
    "maira-2": maira2.load,
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
