"""Small data sets of drawn pictures, and recipes that learn something from them in a moment."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import tomlkit

from shared.domain.findings import ViewPosition
from tests.support.encoders import save_clip, save_dinov2
from training.architectures import unet
from training.recipe import load_recipe
from training.table import Record, Region, Split, State, write

SIDE: Final = 64
LABELS: Final = ("Atelectasis", "Effusion", "Mass")
_DENSE: Final = {"encoder": "densenet121", "encoder_options": {"growth_rate": 8, "block_config": [1]}}
TINY: Final[dict[str, dict[str, Any]]] = {
    "simple_cnn": {"widths": [8, 16]},
    "densenet121": _DENSE,
    "multiclass": _DENSE,
    "chestxray8": {**_DENSE, "width": 16},
    "yao2017": {**_DENSE, "width": 16},
    "swinchex": {
        "encoder": "swin_tiny_patch4_window7_224",
        "encoder_options": {"embed_dim": 24, "depths": [1], "num_heads": [2], "window_size": 4},
        "widths": [16, 8],
    },
    "lt_vit": {"encoder_options": {"embed_dim": 48, "depth": 2, "num_heads": 3}, "blocks": 1},
    "anatomy_xnet": {**_DENSE, "lung_widths": [4, 8]},
    "detector": {"encoder": "test_resnet", "encoder_options": {}, "width": 16, "smallest": 12},
    "hugging_face": {},
    "chexzero": {},
    "encoder:test_efficientnet": {
        "encoder_options": {"in_chans": 1},
        "frozen": 1,
        "dropout": 0.3,
        "view_weight": 0.2,
    },
}
"""Options that make each architecture small, beside what it starts from."""
SMALL: Final = {"encoder:tf_efficientnet_lite0": "encoder:test_efficientnet"}
"""Architecture -> the same of a network that timm made for tests."""
_SPLITS: Final = (
    *(Split.TRAIN, Split.VALIDATION, Split.TEST, Split.TRAIN),
    *(Split.TRAIN, Split.TEST, Split.TRAIN, Split.TRAIN),
)


def draw_dataset(
    folder: Path,
    count: int,
    *,
    name: str = "drawn",
    labels: Sequence[str] = LABELS,
    uncertain: bool = False,
) -> Path:
    """Draw `count` pictures of as many patients, and write their table; returns its path.

    Each is a cloud of its own, so that no two are alike; a label is a brighter quarter, and boxed where it is
    sure. A report says the same. Of eight patients five are for training, one for validation and two for the
    test.
    """
    folder.mkdir(parents=True, exist_ok=True)
    records = []
    for number in range(count):
        random = np.random.default_rng([number, *name.encode()])
        cloud = cv2.resize(random.random((6, 6)), (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
        picture, states, boxes = 0.5 * cloud.clip(0.0, 1.0), {}, []
        for label in labels:
            shown = random.random() < 0.5
            if shown:
                top, left = divmod(LABELS.index(label), 2)
                picture[top * 32 : top * 32 + 32, left * 32 : left * 32 + 32] += 0.4
            doubt = uncertain and random.random() < 0.2
            states[label] = State.UNCERTAIN if doubt else State.PRESENT if shown else State.ABSENT
            if states[label] is State.PRESENT:
                y, x = (place / 2 for place in divmod(LABELS.index(label), 2))
                boxes.append(Region(label, x, y, x + 0.5, y + 0.5))
        cv2.imwrite(str(folder / f"{number}.png"), np.rint(picture.clip(0, 1) * 255).astype(np.uint8))
        patient = f"{name}:{number}"
        said = ", ".join(label for label, state in states.items() if state is State.PRESENT)
        records.append(
            Record(
                *(name, f"{number}.png", patient, patient, ViewPosition.PA, states),
                split=_SPLITS[number % len(_SPLITS)],
                boxes=tuple(boxes),
                sections={"impression": said or "Normal."},
            )
        )
    write(folder / "table.parquet", records)
    return folder / "table.parquet"


def write_recipe(path: Path, base: str, **changes: Any) -> Path:  # parts of a recipe
    """Write a recipe that ships, made tiny; `changes` are merged into its tables.

    What a network starts from beside timm's (a folder, weights) is written beside the recipe.
    """
    content = load_recipe(base).model_dump(mode="json", exclude_none=True, exclude={"name"})
    model = content["model"]
    shipped = model.get("options", {})
    model["architecture"] = SMALL.get(model["architecture"], model["architecture"])
    model |= {"start": "scratch", "options": TINY[model["architecture"]]}
    match model["architecture"]:
        case "hugging_face":
            model |= {"start": str(save_dinov2(path.parent / "dinov2")), "options": shipped}
        case "chexzero":
            model |= {"start": str(save_clip(path.parent / "clip"))}
        case "anatomy_xnet":
            lungs = path.parent / "unet.pt"
            unet.save(lungs, unet.UNet((4, 8)))
            model["options"] = {**model["options"], "lungs": str(lungs)}
    content["data"] |= {"size": SIDE, "labels": list(LABELS), "policies": {}, "measured_datasets": []}
    for part, values in changes.items():
        content[part] = (content.get(part, {}) | values) if isinstance(values, dict) else values
    path.write_text(tomlkit.dumps(content), encoding="utf-8")
    return path
