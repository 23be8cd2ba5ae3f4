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
from worker_llm.vision import llava_med, maira2, reasoning
from worker_llm.vision.asking import Engine, Model, VisionWriter
from worker_llm.vision.chat import ChatModel
from worker_llm.vision.engine import pretrained
from worker_llm.vision.medgemma import MedGemma
from worker_llm.vision.radvlm import RadVlm
from worker_llm.writers.base import Writer, WriterRefusedError

Loader = Callable[[Path, ReportSettings], tuple[Model, Engine]]
"""Loads a model from the folder of its weights."""


def _as_published(name: str, kind: str, model: Model) -> Loader:
    """Return what loads a model that transformers has a class for; `kind` is its name there."""

    def load_one(folder: Path, settings: ReportSettings) -> tuple[Model, Engine]:
        return model, pretrained(name, folder, settings, kind)

    return load_one


MODELS: Final[Mapping[str, Loader]] = {
    "llava-onevision": _as_published("llava-onevision", "llava_onevision", ChatModel()),
    "llava-onevision-0.5b": _as_published("llava-onevision-0.5b", "llava_onevision", ChatModel()),
    "radvlm": _as_published("radvlm", "llava_onevision", RadVlm()),
    "llava-med": llava_med.load,
    "medgemma": _as_published("medgemma", "gemma3", MedGemma()),
    "chexone": reasoning.load_chexone,
    "nv-reason-cxr": _as_published("nv-reason-cxr", "qwen2_5_vl", reasoning.NV_REASON),
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
