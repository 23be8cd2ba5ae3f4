"""The models that see: what each is, where it runs and what its use asks for: data, in `catalogue.toml`.

Map: `Work`, `Runs` -> `Entry` -> `CATALOGUE`, `writers`.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Final


class Work(StrEnum):
    """What a model does for us."""

    REPORT = "report"
    EMBEDDING = "embedding"
    FINDINGS = "findings"


class Runs(StrEnum):
    """Where a model runs."""

    IN_PROCESS = "in-process"
    """In worker-llm, by transformers' own classes."""
    SIDE_CAR = "side-car"
    """In an environment of its own, behind docs/reference/writer-protocol.md."""
    AZURE = "azure"
    """Behind an endpoint of Azure AI Foundry."""
    ONNX = "onnx"
    """In worker-cnn, exported once."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One model; the attributes are explained in `catalogue.toml`."""

    name: str
    title: str
    work: Work
    runs: Runs
    weights: str
    parameters: str
    loaded_as: str
    memory_gb: float
    sees: tuple[str, ...]
    boxes: bool
    licence: str
    terms: str
    gated: bool
    paper: str
    steps: tuple[str, ...]
    tried: str


def _entry(name: str, table: Mapping[str, Any]) -> Entry:
    read = {key: tuple(value) if isinstance(value, list) else value for key, value in table.items()}
    return Entry(name=name, **{**read, "work": Work(table["work"]), "runs": Runs(table["runs"])})


def _read() -> dict[str, Entry]:
    tables = tomllib.loads(files("shared").joinpath("catalogue.toml").read_text())
    return {name: _entry(name, table) for name, table in tables.items()}


CATALOGUE: Final[Mapping[str, Entry]] = MappingProxyType(_read())
"""Every model by its name, in the order of the file."""


def writers() -> tuple[str, ...]:
    """Return the names that CXR_REPORT_WRITER takes beside its own kinds."""
    return tuple(entry.name for entry in CATALOGUE.values() if entry.work is Work.REPORT)
