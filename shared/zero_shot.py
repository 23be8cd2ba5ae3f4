"""What a classifier that knows words is asked of each label, as its bundle's card says.

A card with `"runtime": "medimageinsight"` has no graph: the model is behind an endpoint, and a label is found
by two sentences, of which the picture is nearer to one.

    {"id": "...", "version": "1", "runtime": "medimageinsight", "input_size": 480, "files": {},
     "prompts": {"none": "x-ray chest anteroposterior No Finding",
                 "labels": {"Pneumonia": "x-ray chest anteroposterior Pneumonia"}},
     "labels": [{"id": "Pneumonia", "threshold": 0.5}]}

Map: `Runtime`, `Prompts` -> `check`.
"""

from collections.abc import Sequence
from enum import StrEnum

from pydantic import BaseModel, ConfigDict


class Runtime(StrEnum):
    """What runs a classifier."""

    ONNX = "onnx"
    """Its graph, in the worker."""
    MEDIMAGEINSIGHT = "medimageinsight"
    """An endpoint of MedImageInsight (CXR_MODEL_SERVER_URL), which its card's prompts are for."""


class Prompts(BaseModel):
    """Sentences, as the model knows them.

    Attributes:
        none: says that nothing is there; each of the others is held against it by itself.
        labels: says that a label is there, by the label's id.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    none: str
    labels: dict[str, str]


def check(runtime: Runtime, prompts: Prompts | None, labels: Sequence[str]) -> None:
    """Raise ValueError when a card's prompts are not those that its runtime needs."""
    if runtime is Runtime.ONNX:
        if prompts is not None:
            message = f"prompts are for the runtime {Runtime.MEDIMAGEINSIGHT}; a graph has none"
            raise ValueError(message)
        return
    said = set(prompts.labels) if prompts else set()
    if said != set(labels):
        message = f"the runtime {runtime} needs a prompt for each label; they differ in {said ^ set(labels)}"
        raise ValueError(message)
