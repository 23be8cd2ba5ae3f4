"""CheXlocalize: CheXpert's validation and test images with what ten of the observations look like, outlined.

Saporta et al. 2022, "Benchmarking saliency methods for chest X-ray interpretation", Nature Machine
Intelligence 4:867. Layout: the README of rajpurkarlab/cheXlocalize, whose `utils.py` wrote the masks, and
paths that several users of a whole download write.

    CheXpert/val_labels.csv, test_labels.csv        a row an image: Path, 14 observations
    CheXpert/val/patient64541/study1/view1_frontal.jpg      234 images of 200 patients; test/: 668 of 500
    CheXlocalize/gt_segmentations_val.json, _test.json      image -> finding -> size and counts of COCO

The masks are by two radiologists. The files have one for every image that they name and every finding: all
zeros where nothing was outlined, and then there is no mask here. A finding that the labels say is there may
have no mask all the same. The images are those of `chexpert` (valid) and `chexpert_test`, and so are the
patients. `gt_annotations_*.json`, the outlines before they were filled, is not read.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from shared.labels import CHEXPERT14
from training.datasets.base import DatasetError, Problem, Reading
from training.datasets.chexpert_test import files_of_images, folders_of, records_of, tables_of
from training.datasets.csv_tables import find_table, require
from training.datasets.label_names import NAMES, label_for
from training.datasets.places import Places
from training.datasets.regions import coco_runs
from training.table import Mask, Record, Split

_HALVES: Final = {"val": Split.VALIDATION, "test": Split.TEST}
_COLUMNS: Final = ("Path", *(name for name in NAMES["chexpert"] if name != "Lung Opacity"))
"""That one is called otherwise in the first release."""
_MASKS: Final = "gt_segmentations_{}.json"


class CheXlocalize:
    """The reader."""

    id: str = "chexlocalize"
    title: str = "CheXlocalize"
    labels: tuple[str, ...] = CHEXPERT14
    published: tuple[int | None, int | None, int | None] = (902, 700, None)

    def read(self, root: Path) -> Reading:
        """Read the folder that holds CheXpert/ and CheXlocalize/; one of the halves is enough."""
        tables = {half: find_table(root, *tables_of(half)) for half in _HALVES}
        if not any(tables.values()):
            message = f"{root} holds neither CheXpert/val_labels.csv nor CheXpert/test_labels.csv"
            raise DatasetError(message)
        require([(table, _COLUMNS) for table in tables.values()])
        places = Places(root, folders_of(root))
        problems: list[Problem] = []
        records: list[Record] = []
        for half, table in tables.items():
            if table is None:
                problems.append(Problem(f"{half}_labels.csv", "without this table the half is not read"))
                continue
            masks = _masks(root, _MASKS.format(half), problems)
            files = files_of_images(table.rows(), half, places, problems)
            records += records_of("chexlocalize", _HALVES[half], files, problems, masks=masks)
        return Reading(records, problems)


def _masks(root: Path, name: str, problems: list[Problem]) -> dict[str, tuple[Mask, ...]]:
    """Return the masks that show something, by the name of the image."""
    paths = [path for pattern in (name, f"*/{name}", f"*/*/{name}") for path in sorted(root.glob(pattern))]
    if not paths:
        problems.append(Problem(name, "the file is not there, so nothing of this half is outlined"))
        return {}
    try:
        images = json.loads(paths[0].read_text(encoding="utf-8"))
    except ValueError as error:
        message = f"{paths[0]} is no JSON ({error}); get it again"
        raise DatasetError(message) from error
    if not isinstance(images, dict) or not all(isinstance(found, dict) for found in images.values()):
        message = f"{paths[0]} is no table of findings by image"
        raise DatasetError(message)
    return {
        image: _shown(found, where=f"{name}, {image}", problems=problems) for image, found in images.items()
    }


def _shown(found: Mapping[str, Any], *, where: str, problems: list[Problem]) -> tuple[Mask, ...]:
    masks = []
    for finding, mask in found.items():
        if finding not in NAMES["chexlocalize"]:
            problems.append(Problem(where, f"{finding!r} is no finding of this data set"))
            continue
        try:
            rows, columns = mask["size"]
            drawn = coco_runs(
                label_for("chexlocalize", finding) or finding, mask["counts"], rows=rows, columns=columns
            )
        except (KeyError, TypeError, ValueError) as error:
            problems.append(Problem(where, f"the mask of {finding} is left out: {error}"))
            continue
        if any(drawn.counts[1::2]):
            masks.append(drawn)
    return tuple(masks)
