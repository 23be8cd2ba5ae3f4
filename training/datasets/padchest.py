"""PadChest: 160,868 radiographs of 67,625 patients with Spanish reports, labelled by physicians or a network.

Bustos et al. 2020, "PadChest: A large chest x-ray image dataset with multi-label annotated reports", Medical
Image Analysis 66:101797, arXiv 1901.07441. Layout: the download page of BIMCV ("PadChest") and the README of
auriml/Rx-thorax-automatic-captioning; columns checked on the published table, which has 160,861 rows.

    PADCHEST_chest_x_ray_images_labels_160K_01.02.19.csv      or .csv.gz: one row an image
    0/ to 50/, 54/<ImageID>       16-bit PNG, unpacked from archives of the same number; or all in one folder

`padchest_names.py` says how the names of column "Labels" become labels. The report is not the text that the
physician dictated: its words are cut to their stems. Age is the year of the study less that of birth. There
is no official split.
"""

import ast
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from shared.domain.findings import ViewPosition
from training.datasets.base import Problem, Reading
from training.datasets.cells import age_of, sex_of
from training.datasets.csv_tables import Row, open_table
from training.datasets.padchest_names import LABELS_OF_PADCHEST, LEAVE_OUT, states_of_names
from training.datasets.places import Places
from training.table import Record

_TABLE: Final = "PADCHEST_chest_x_ray_images_labels_160K_01.02.19.csv"
_COLUMNS: Final = (
    "ImageID",
    "ImageDir",
    "StudyDate_DICOM",
    "StudyID",
    "PatientID",
    "PatientBirth",
    "PatientSex_DICOM",
    "Projection",
    "MethodLabel",
    "Report",
    "Labels",
)
_VIEWS: Final = {
    "PA": ViewPosition.PA,
    "AP": ViewPosition.AP,
    "AP_horizontal": ViewPosition.AP,
    "L": ViewPosition.LATERAL,
    "UNK": ViewPosition.UNKNOWN,
}
_NO_CHEST_VIEWS: Final = {
    "COSTAL": "its projection is COSTAL, a view of the ribs",
    "EXCLUDE": "its projection is EXCLUDE: the data set's authors say to leave it out",
}
_LABELLED_BY: Final = {"Physician": "physician", "RNN_model": "network"}
_BLANK: Final = ("", "nan")
"""What stands for a missing text: the published table was written by pandas."""
_ATTRIBUTES: Final = ("Projection", "Pediatric", "Manufacturer_DICOM", "ViewPosition_DICOM")
_BROKEN: Final = frozenset(
    f"{name}.png"
    for name in (
        "216840111366964012819207061112010307142602253_04-014-084",
        "216840111366964012989926673512011074122523403_00-163-058",
        "216840111366964012959786098432011033083840143_00-176-115",
        "216840111366964012558082906712009327122220177_00-102-064",
        "216840111366964012339356563862009072111404053_00-043-192",
        "216840111366964013076187734852011291090445391_00-196-188",
        "216840111366964012373310883942009117084022290_00-064-025",
        "216840111366964012283393834152009033102258826_00-059-087",
        "216840111366964012373310883942009170084120009_00-097-074",
        "216840111366964012819207061112010315104455352_04-024-184",
        "216840111366964012819207061112010306085429121_04-020-102",
        "216840111366964012989926673512011083134050913_00-168-009",
        "216840111366964012373310883942009152114636712_00-102-045",
        "216840111366964012819207061112010281134410801_00-129-131",
        "216840111366964012487858717522009280135853083_00-075-001",
        "216840111366964012989926673512011151082430686_00-157-045",
        "216840111366964013686042548532013208193054515_02-026-007",
        "216840111366964013590140476722013058110301622_02-056-111",
        "216840111366964013590140476722013043111952381_02-065-198",
        "216840111366964013829543166512013353113303615_02-092-190",
        "216840111366964013962490064942014134093945580_01-178-104",
    )
)
"""Missing, truncated or otherwise broken as published, as torchxrayvision's loader lists them."""


class PadChest:
    """The reader."""

    id: str = "padchest"
    title: str = "PadChest"
    labels: tuple[str, ...] = LABELS_OF_PADCHEST
    published: tuple[int | None, int | None, int | None] = (160_868, 67_625, 109_931)

    def read(self, root: Path) -> Reading:
        """Read the folder that holds the table; images may be there in part."""
        table = open_table(root, _TABLE, columns=_COLUMNS)
        places = Places(root, [root, root / "images", *sorted(root.glob("images-*"))])
        records = []
        problems = []
        for row in table.rows():
            try:
                records.append(_record(row.cells, names=_names(row.cells["Labels"]), places=places))
            except ValueError as error:
                problems.append(Problem(_where(row), str(error)))
        return Reading(records, problems)


def _where(row: Row) -> str:
    return f"{row.where} ({row.cells['ImageID']})"


def _names(cell: str) -> list[str]:
    """Return the names of a list as Python writes it, without what is around them.

    Raises:
        ValueError: the cell is neither such a list nor blank.
    """
    if cell in _BLANK:
        return []
    message = f"Labels is {cell!r}, which is no list of names"
    try:
        names = ast.literal_eval(cell)
    except (ValueError, SyntaxError) as error:
        raise ValueError(message) from error
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError(message)
    return [name.strip() for name in names]


def _record(cells: Mapping[str, str], *, names: list[str], places: Places) -> Record:
    """Make the record of a row.

    Raises:
        ValueError: the image is to be left out; the message says why.
    """
    image = _image(cells, places)
    unfit = LEAVE_OUT.intersection(names)
    if unfit:
        message = f"it is labelled {' and '.join(map(repr, sorted(unfit)))}"
        raise ValueError(message)
    patient = f"padchest:{cells['PatientID']}"
    report = "" if cells["Report"] in _BLANK else cells["Report"]
    attributes = {"Labels": "|".join(name for name in names if name)}
    return Record(
        dataset="padchest",
        image=image,
        patient=patient,
        # In the published table a StudyID may be of two patients.
        study=f"{patient}/{cells['StudyID']}",
        view=_VIEWS[cells["Projection"]],
        labels=states_of_names(names),
        sex=sex_of(cells["PatientSex_DICOM"]),
        age_years=_age(cells),
        sections={"report": report} if report else {},
        language="es" if report else "",
        labelled_by=_LABELLED_BY.get(cells["MethodLabel"], cells["MethodLabel"]),
        attributes=attributes
        | {name: cells[name] for name in _ATTRIBUTES if cells.get(name, "") not in _BLANK},
    )


def _image(cells: Mapping[str, str], places: Places) -> str:
    name, projection = cells["ImageID"], cells["Projection"]
    message = _NO_CHEST_VIEWS.get(projection, "")
    if not message and projection not in _VIEWS:
        message = f"its projection is {projection!r}, which the data set's documentation does not name"
    if name in _BROKEN:
        message = "it is known to be broken as published"
    if message:
        raise ValueError(message)
    image = places.find(f"{cells['ImageDir']}/{name}", name)
    if image is None:
        message = "the image is not there"
        raise ValueError(message)
    return image


def _age(cells: Mapping[str, str]) -> float | None:
    """Return the age in years, or None where a year is missing or the age not possible."""
    born, studied = cells["PatientBirth"].removesuffix(".0"), cells["StudyDate_DICOM"][:4]
    if not (born.isdecimal() and studied.isdecimal()):
        return None
    return age_of(str(int(studied) - int(born)))
