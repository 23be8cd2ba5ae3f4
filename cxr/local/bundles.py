"""The bundles on this machine: those that ship and those in CXR_HOME/models, and what their cards say.

Map: `shipped`, `known_bundles` · `card_of` -> `Card`.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cxr.local.home import Home, services_root

BUNDLED: Final = "bundled"
ZERO_SHOT: Final = "medimageinsight-zero-shot"
CARD: Final = "card.json"
_SHIPPED: Final = {BUNDLED: "bundled", ZERO_SHOT: "medimageinsight_zero_shot"}


@dataclass(frozen=True, slots=True)
class Card:
    """What is read of a card.

    Attributes:
        runs_elsewhere: whether the model is asked at an endpoint.
        is_measured: whether anybody has held each label against images whose findings are known.
    """

    id: str
    version: str
    runs_elsewhere: bool
    is_measured: bool


def shipped() -> dict[str, Path]:
    """Return the folders of the classifiers that ship, by the names that the worker knows."""
    return {name: services_root() / "worker_cnn" / folder for name, folder in _SHIPPED.items()}


def known_bundles(home: Home) -> dict[str, Path]:
    """Return the folders of the bundles by name."""
    folders = shipped()
    for card in sorted(home.models.glob(f"*/{CARD}")):
        folders[card.parent.name] = card.parent
    return folders


def card_of(folder: Path) -> Card | None:
    """Return the card of a folder, None where none can be read; the worker says what is wrong with it."""
    try:
        card = json.loads((folder / CARD).read_bytes())
    except (OSError, ValueError):
        return None
    if not isinstance(card, dict):
        return None
    calibration = card.get("calibration")
    return Card(
        id=str(card.get("id", "?")),
        version=str(card.get("version", "?")),
        runs_elsewhere=card.get("runtime", "onnx") != "onnx",
        is_measured=card.get("metrics") is not None
        or (isinstance(calibration, dict) and not calibration.get("kept")),
    )
