"""The models that see, as the services' catalogue lists them, and where on this machine their weights are.

Map: `read_catalogue` -> `Entry` -> `weights_of`.
"""

import os
import tomllib
from dataclasses import dataclass
from pathlib import Path

from cxr.local.home import services_root


@dataclass(frozen=True, slots=True)
class Entry:
    """One model; the attributes are explained in `shared/catalogue.toml`."""

    name: str
    title: str
    work: str
    runs: str
    weights: str
    parameters: str
    loaded_as: str
    memory_gb: float
    sees: list[str]
    boxes: bool
    licence: str
    terms: str
    gated: bool
    paper: str
    steps: list[str]
    tried: str

    @property
    def has_server(self) -> bool:
        """Tell whether it runs behind an address that somebody has to name."""
        return self.runs in {"side-car", "azure"}

    @property
    def is_converted(self) -> bool:
        """Tell whether its weights are used from a folder that a command writes, not as they are fetched."""
        return "TO" in self.steps[-1]


def read_catalogue() -> dict[str, Entry]:
    """Return every model by its name, in the order of the file."""
    tables = tomllib.loads((services_root() / "shared" / "catalogue.toml").read_text(encoding="utf-8"))
    return {name: Entry(name=name, **table) for name, table in tables.items()}


def weights_of(entry: Entry) -> Path | None:
    """Return the folder of a model's weights in Hugging Face's cache; as `shared/weights.py` finds it."""
    snapshots = _hub_cache() / f"models--{entry.weights.replace('/', '--')}" / "snapshots"
    found = sorted(snapshots.glob("*/config.json"), key=lambda config: config.stat().st_mtime)
    return found[-1].parent if found else None


def _hub_cache() -> Path:
    if named_folder := os.environ.get("HF_HUB_CACHE"):
        return Path(named_folder).expanduser()
    caches = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache"))
    return Path(os.environ.get("HF_HOME", caches / "huggingface")).expanduser() / "hub"
