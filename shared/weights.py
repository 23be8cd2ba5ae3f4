"""Where a model's weights are: in a folder that is named, or in Hugging Face's cache. Nothing is fetched.

Map: `folder_of` -> `cached`.
"""

import os
from pathlib import Path
from typing import Final

from shared.catalogue import Entry
from shared.settings import BUNDLED

CONFIG: Final = "config.json"
"""What any folder of weights has; a fetch that was broken off may lack the rest."""


def folder_of(entry: Entry, model: str = BUNDLED) -> Path:
    """Return the folder of a model's weights.

    Args:
        model: a folder, or "bundled" for the model's own in Hugging Face's cache.

    Raises:
        FileNotFoundError: the weights are not there; the message has the commands that fetch them.
    """
    if model == BUNDLED:
        folder = cached(entry.weights)
        if folder is None:
            raise FileNotFoundError(_absent(entry, f"not in Hugging Face's cache ({_cache()})"))
        return folder
    folder = Path(model).expanduser()
    if not (folder / CONFIG).is_file():
        raise FileNotFoundError(_absent(entry, f"not in {folder}, which has no {CONFIG}"))
    return folder


def cached(name: str) -> Path | None:
    """Return the folder in Hugging Face's cache of what was fetched last under an id, if anything was."""
    snapshots = _cache() / f"models--{name.replace('/', '--')}" / "snapshots"
    found = sorted(snapshots.glob(f"*/{CONFIG}"), key=lambda config: config.stat().st_mtime)
    return found[-1].parent if found else None


def _absent(entry: Entry, where: str) -> str:
    consent = f"accept the terms on https://huggingface.co/{entry.weights}, then " if entry.gated else ""
    fetch = " && ".join(entry.steps[:-1])
    return f"the weights of {entry.title} are {where}: {consent}run {fetch}"


def _cache() -> Path:
    """Return Hugging Face's cache, wherever its own variables put it."""
    said = os.environ  # noqa: TID251 - Hugging Face's settings, not ours
    if named := said.get("HF_HUB_CACHE"):
        return Path(named).expanduser()
    caches = Path(said.get("XDG_CACHE_HOME", "~/.cache"))
    return Path(said.get("HF_HOME", caches / "huggingface")).expanduser() / "hub"
