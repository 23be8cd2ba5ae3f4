"""What a data set's adapter reads from the header of a DICOM file; pixels are not touched.

header_of        file -> Header
headers_below    folder -> each DICOM file below it with its header; what cannot be read becomes a problem
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pydicom
from pydicom.dataset import Dataset

from shared.dicom.attributes import quietly
from shared.dicom.files import guarded
from shared.domain.findings import ViewPosition
from shared.errors import BadInputError
from training.datasets.base import Problem
from training.datasets.cells import age_of, sex_of, view_of

_TAGS: Final[list[str]] = [
    "Rows",
    "Columns",
    "PatientID",
    "PatientSex",
    "PatientAge",
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "StudyDate",
    "ViewPosition",
]


@dataclass(frozen=True, slots=True)
class Header:
    """The header of one file; a text is blank where the file does not say.

    Attributes:
        study_date: YYYYMMDD, as DICOM writes it.
        sex: "F", "M" or "".
        age_years: None where it is not given or not possible.
    """

    rows: int
    columns: int
    patient: str
    study: str
    series: str
    study_date: str
    view: ViewPosition
    sex: str
    age_years: float | None


def header_of(path: Path) -> Header:
    """Read the header of a file.

    Raises:
        ValueError: it is no DICOM image, or broken; the message does not name it.
    """
    try:
        with guarded(path.name), quietly():
            dataset = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=_TAGS)
            rows, columns = (int(dataset.get(keyword) or 0) for keyword in ("Rows", "Columns"))
            texts = {keyword: _text(dataset, keyword) for keyword in _TAGS}
    except BadInputError as error:
        raise ValueError(str(error)) from error
    if rows <= 0 or columns <= 0:
        message = "its DICOM header gives no rows and columns"
        raise ValueError(message)
    return Header(
        rows=rows,
        columns=columns,
        patient=texts["PatientID"],
        study=texts["StudyInstanceUID"],
        series=texts["SeriesInstanceUID"],
        study_date=texts["StudyDate"],
        view=view_of(texts["ViewPosition"]),
        sex=sex_of(texts["PatientSex"]),
        age_years=age_of(texts["PatientAge"]),
    )


def header_or_problem(root: Path, file: str, problems: list[Problem]) -> Header | None:
    """Read the header of a file below `root`; one that cannot be read becomes a problem."""
    try:
        return header_of(root / file)
    except ValueError as error:
        problems.append(Problem(file, str(error)))
        return None


def headers_below(root: Path, problems: list[Problem]) -> Iterator[tuple[str, Header]]:
    """Give the path below `root` and the header of each *.dcm file, by order of their paths.

    Args:
        problems: gets each file whose header cannot be read.
    """
    for path in sorted(root.rglob("*.dcm")):
        file = path.relative_to(root).as_posix()
        header = header_or_problem(root, file, problems)
        if header is not None:
            yield file, header


def _text(dataset: Dataset, keyword: str) -> str:
    value = dataset.get(keyword)
    return "" if value is None else str(value).strip()
