"""SIIM-ACR Pneumothorax Segmentation Challenge: 12,047 radiographs, 2,669 of them with masks of pneumothorax.

SIIM and ACR 2019, on Kaggle, from images of NIH ChestX-ray14; Filice et al. 2020, "Crowdsourcing pneumothorax
annotations using machine learning annotations on the NIH chest X-ray dataset", Journal of Digital Imaging 33,
says how the masks came to be. Layout: Kaggle's data page; the table was read itself, in torchxrayvision's
copy of stage 2's.

    train-rle.csv       or stage_2_train.csv: ImageId, EncodedPixels: a row a mask, "-1" where there is none
    dicom-images-train/<study>/<series>/<ImageId>.dcm      1024 x 1024; any folders do

Kaggle's files do not say which of NIH's images, and so which patient, an image is: its patient is the one in
its header, and a training that has NIH's images too may have the same films (`training.leaks` finds those).
There is no official split; the test images of stage 2 have no labels.
"""

from pathlib import Path
from typing import Final

from training.datasets.base import Problem, Reading
from training.datasets.csv_tables import Row, Table, open_table
from training.datasets.dicom_headers import header_of
from training.datasets.regions import relative_runs
from training.table import Mask, Record, State

_TABLES: Final = ("train-rle.csv", "stage_2_train.csv", "*/train-rle.csv", "siim-pneumothorax-train-rle.csv")
_COLUMNS: Final = ("ImageId", "EncodedPixels")
_LABEL: Final = "Pneumothorax"
_NO_MASK: Final = "-1"


class SiimAcr:
    """The reader."""

    id: str = "siim_acr"
    title: str = "SIIM-ACR Pneumothorax Segmentation Challenge"
    labels: tuple[str, ...] = (_LABEL,)
    published: tuple[int | None, int | None, int | None] = (12_047, None, None)

    def read(self, root: Path) -> Reading:
        """Read the folder that Kaggle's archive was unpacked into; images may be there in part."""
        images = masks_by_image(open_table(root, *_TABLES, columns=_COLUMNS))
        files = {path.stem: path.relative_to(root).as_posix() for path in sorted(root.rglob("*.dcm"))}
        problems: list[Problem] = []
        records = []
        for name, rows in images.items():
            if name not in files:
                problems.append(Problem(f"{name}.dcm", "the image is not there"))
                continue
            try:
                records.append(_record(root, files[name], rows, problems))
            except ValueError as error:
                problems.append(Problem(files[name], str(error)))
        return Reading(records, problems)


def masks_by_image(table: Table) -> dict[str, list[Row]]:
    """Return the rows of each image."""
    images: dict[str, list[Row]] = {}
    for row in table.rows():
        images.setdefault(row.cells["ImageId"], []).append(row)
    return images


def _record(root: Path, file: str, rows: list[Row], problems: list[Problem]) -> Record:
    """Make the record of an image.

    Raises:
        ValueError: its header cannot be read, or its rows contradict each other.
    """
    header = header_of(root / file)
    drawn = [row for row in rows if row.cells["EncodedPixels"] != _NO_MASK]
    if 0 < len(drawn) < len(rows):
        message = f"{rows[0].where}: it has a mask, and has none"
        raise ValueError(message)
    masks: list[Mask] = []
    for where, cells in drawn:
        try:
            masks.append(
                relative_runs(_LABEL, cells["EncodedPixels"], rows=header.rows, columns=header.columns)
            )
        except ValueError as error:
            problems.append(Problem(where, f"a mask is left out: {error}"))
    patient = f"siim_acr:{header.patient or Path(file).stem}"
    return Record(
        dataset="siim_acr",
        image=file,
        patient=patient,
        study=f"{patient}/{header.study}",
        view=header.view,
        labels={_LABEL: State.PRESENT if drawn else State.ABSENT},
        sex=header.sex,
        age_years=header.age_years,
        masks=tuple(masks),
        labelled_by="radiologists",
    )
