"""LLaVA-OneVision (arXiv 2408.03326): a general model, asked and read as any that chats.

Its frame of a conversation puts the pictures before all words. One picture is cut into tiles; of several,
each is seen whole and small.

Map: `load`, `load_small`.
"""

from pathlib import Path

from shared.settings import ReportSettings
from worker_llm.vision.chat import ChatModel
from worker_llm.vision.engine import TransformersEngine, opened

_KIND = "llava_onevision"


def load(folder: Path, settings: ReportSettings) -> tuple[ChatModel, TransformersEngine]:
    """Load the weights of 7 billion parameters as they are published; see `opened`."""
    return ChatModel(), opened("llava-onevision", folder, settings, _KIND)


def load_small(folder: Path, settings: ReportSettings) -> tuple[ChatModel, TransformersEngine]:
    """Load those of half a billion."""
    return ChatModel(), opened("llava-onevision-0.5b", folder, settings, _KIND)
