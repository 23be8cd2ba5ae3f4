"""The DICOM attributes that are needed downstream, as typed values.

Every one is optional and checked on its own: a tag that holds garbage becomes None, never an error,
since a bad birth date is no reason to leave a radiograph unread.
"""

import logging
import math
import re
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date, time
from typing import Any, Final

from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.sequence import Sequence
from pydicom.uid import RE_VALID_UID

from shared.dicom import views
from shared.dicom.views import FileView, ViewDoubt
from shared.domain.findings import ViewPosition

# pydicom's own messages quote the values that they stumble over, and those are the patient's.
logging.getLogger("pydicom").disabled = True

TAGS: Final = (
    "SOPClassUID",
    "SOPInstanceUID",
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "Modality",
    "Manufacturer",
    "ViewPosition",
    "ViewCodeSequence",
    "ProjectionEponymousNameCodeSequence",
    "SeriesDescription",
    "StudyDescription",
    "ProtocolName",
    "AcquisitionDeviceProcessingDescription",
    "PerformedProcedureStepDescription",
    "BodyPartExamined",
    "ImageLaterality",
    "Laterality",
    "PatientAge",
    "PatientBirthDate",
    "PatientSex",
    "StudyDate",
    "PhotometricInterpretation",
    "PixelSpacing",
    "ImagerPixelSpacing",
    "PatientOrientation",
)
"""The tags that `attributes_of` reads, by keyword."""

_VIEW_TEXTS: Final = {
    views.Place.POSITION: "ViewPosition",
    views.Place.SERIES: "SeriesDescription",
    views.Place.PROCESSING: "AcquisitionDeviceProcessingDescription",
    views.Place.PROTOCOL: "ProtocolName",
    views.Place.STEP: "PerformedProcedureStepDescription",
    views.Place.STUDY: "StudyDescription",
}
_VIEW_CODES: Final = {
    views.Place.CODE: "ViewCodeSequence",
    views.Place.EPONYM: "ProjectionEponymousNameCodeSequence",
}
_SIDES: Final = re.compile("[APRLHF]{1,3}")
_AXES: Final = {"A": "depth", "P": "depth", "R": "width", "L": "width", "H": "height", "F": "height"}
_DAYS_IN: Final = {"D": 1.0, "W": 7.0, "M": 30.4375, "Y": 365.25}
_DAYS_IN_A_YEAR: Final = 365.25
_OLDEST_YEARS: Final = 125.0
_LONGEST_VALUE: Final = 1024
_LONGEST_SEQUENCE: Final = 8192


@dataclass(frozen=True, slots=True)
class Attributes:
    """What a DICOM file says about its image; all None for PNG and JPEG.

    Attributes:
        modality: as the file has it, in capitals: "DX".
        view: UNKNOWN when the file does not say, or says something else than PA, AP or lateral.
        view_place: which attribute says it, by its name.
        view_doubts: what else the file says about the view that the reader should know.
        body_part: Body Part Examined, in capitals: "CHEST".
        laterality: Image Laterality, else Laterality: "R", "L", "B" (both) or "U" (unpaired).
        age_years: from Patient's Age, else from the birth date and the study's; a fraction for infants.
        sex: "M", "F" or "O".
        photometric_interpretation: of the stored values: "MONOCHROME1".
        sop_instance_uid: valid by PS3.5 9.1, or None. Never part of a path or a key; patient data.
        pixel_spacing_mm: distance between rows, then between columns; at the detector when the file has
            no other.
        orientation: Patient Orientation (PS3.3 C.7.6.1.1.1): the side of the patient to which a row runs,
            then a column, each by the letters A, P, R, L, H and F.
        shown_range: the stored values that are shown black and white, before MONOCHROME1 turns them round:
            what the decoder makes of all tags that say how to show it.
    """

    modality: str | None = None
    view: ViewPosition = ViewPosition.UNKNOWN
    view_place: str | None = None
    view_doubts: tuple[ViewDoubt, ...] = ()
    body_part: str | None = None
    laterality: str | None = None
    age_years: float | None = None
    sex: str | None = None
    rows: int | None = None
    columns: int | None = None
    photometric_interpretation: str | None = None
    transfer_syntax_uid: str | None = None
    sop_class_uid: str | None = None
    sop_instance_uid: str | None = None
    study_instance_uid: str | None = None
    series_instance_uid: str | None = None
    pixel_spacing_mm: tuple[float, float] | None = None
    orientation: tuple[str, str] | None = None
    shown_range: tuple[float, float] | None = None


def attributes_of(dataset: Dataset, *, rows: int, columns: int, transfer_syntax_uid: str) -> Attributes:
    """Read what downstream needs from a data set, whatever state it is in."""
    view = _view(dataset)
    return Attributes(
        modality=_code(dataset, "Modality"),
        view=view.position,
        view_place=view.place,
        view_doubts=view.doubts,
        body_part=_code(dataset, "BodyPartExamined"),
        laterality=_one_of(
            _code(dataset, "ImageLaterality") or _code(dataset, "Laterality"), "R", "L", "B", "U"
        ),
        age_years=_age_years(dataset),
        sex=_one_of(_code(dataset, "PatientSex"), "M", "F", "O"),
        rows=rows,
        columns=columns,
        photometric_interpretation=_code(dataset, "PhotometricInterpretation"),
        transfer_syntax_uid=transfer_syntax_uid,
        sop_class_uid=_uid(dataset, "SOPClassUID"),
        sop_instance_uid=_uid(dataset, "SOPInstanceUID"),
        study_instance_uid=_uid(dataset, "StudyInstanceUID"),
        series_instance_uid=_uid(dataset, "SeriesInstanceUID"),
        pixel_spacing_mm=_spacing(dataset, "PixelSpacing") or _spacing(dataset, "ImagerPixelSpacing"),
        orientation=_orientation(dataset),
    )


def _view(dataset: Dataset) -> FileView:
    said = {
        place: views.projections_in(_joined(value_of(dataset, keyword)), place)
        for place, keyword in _VIEW_TEXTS.items()
    }
    for place, keyword in _VIEW_CODES.items():
        for item in _items(dataset, keyword):
            projections = views.projections_of_code(
                _joined(value_of(item, "CodeValue")), _joined(value_of(item, "CodeMeaning"))
            )
            said[place] = said.get(place, frozenset()) | projections
    said[views.Place.ORIENTATION] = views.projections_of_orientation(_orientation(dataset))
    return views.view_of(said)


def _joined(value: object) -> str:
    """Return a text, or all of several, as one line."""
    if isinstance(value, str):
        return value
    return " ".join(str(one) for one in value) if isinstance(value, MultiValue) else ""


def _items(dataset: Dataset, keyword: str) -> list[Dataset]:
    value = value_of(dataset, keyword, longest=_LONGEST_SEQUENCE)
    return [item for item in value if isinstance(item, Dataset)] if isinstance(value, Sequence) else []


@contextmanager
def quietly() -> Iterator[None]:
    """Keep pydicom's warnings from standard error: like its log, they quote values."""
    # `catch_warnings` swaps a global, so only one thread at a time may be inside. At the door that is no
    # longer than the conversion of one short value; decoding happens in processes with one thread each.
    with _QUIET, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


_QUIET: Final = threading.RLock()


def value_of(dataset: Dataset, keyword: str, *, longest: int = _LONGEST_VALUE) -> Any:  # noqa: ANN401 - whatever the tag holds
    """Return a tag's value, or None where it is missing, empty, unreadable or longer than is sane.

    Args:
        longest: most bytes of the stored value: a window center of 300 MB is never parsed.
    """
    # pydicom converts a value when it is asked for, and raises whatever the converter trips over.
    with suppress(Exception):
        raw = dataset.get_item(keyword)
        if raw is None or (isinstance(raw.value, bytes) and len(raw.value) > longest):
            return None
        with quietly():
            value = dataset.get(keyword)
        return None if value in ("", b"") else value
    return None


def number_of(dataset: Dataset, keyword: str) -> float | None:
    """Return the first number of a tag, or None where there is none or it is not finite."""
    with suppress(Exception):  # the value may be of any type
        value = value_of(dataset, keyword)
        first = value[0] if _is_list(value) else value
        number = float(first)
        return number if math.isfinite(number) else None
    return None


def integer_of(dataset: Dataset, keyword: str) -> int | None:
    """Return the single whole number of a tag, or None where it holds anything else."""
    value = value_of(dataset, keyword)
    with suppress(ValueError, TypeError, OverflowError):
        return int(value) if not _is_list(value) and float(value).is_integer() else None
    return None


def date_of(dataset: Dataset, keyword: str) -> date | None:
    """Return a Date (PS3.5 6.2: YYYYMMDD, or YYYY.MM.DD of old files), or None where it is none."""
    digits = re.fullmatch(r"([0-9]{4})(\.?)([0-9]{2})\2([0-9]{2})", _text(dataset, keyword) or "")
    with suppress(ValueError):
        return date(int(digits[1]), int(digits[3]), int(digits[4])) if digits else None
    return None


def time_of(dataset: Dataset, keyword: str) -> time | None:
    """Return a Time (PS3.5 6.2: HHMMSS.FFFFFF, cut anywhere, or with colons in old files), or None."""
    digits = re.fullmatch(
        r"([0-9]{2})(?::?([0-9]{2})(?::?([0-9]{2})(?:\.[0-9]{1,6})?)?)?", _text(dataset, keyword) or ""
    )
    with suppress(ValueError):
        if digits is not None:
            hour, minute, second = (int(part or 0) for part in digits.groups())
            return time(hour, minute, second)
    return None


def _is_list(value: object) -> bool:
    return hasattr(value, "__getitem__") and not isinstance(value, str | bytes)


def _text(dataset: Dataset, keyword: str) -> str | None:
    value = value_of(dataset, keyword)
    return str(value).strip() if isinstance(value, str) else None


def _code(dataset: Dataset, keyword: str) -> str | None:
    """Return a Code String (PS3.5 6.2): capitals, digits, underscore and space, at most 16."""
    text = (_text(dataset, keyword) or "").upper()
    return text if re.fullmatch(r"[A-Z0-9_ ]{1,16}", text) else None


def _one_of(text: str | None, *allowed: str) -> str | None:
    return text if text in allowed else None


def _uid(dataset: Dataset, keyword: str) -> str | None:
    text = _text(dataset, keyword)
    return text if len(text or "") <= 64 and re.fullmatch(RE_VALID_UID, text or "") else None


def _age_years(dataset: Dataset) -> float | None:
    years: float | None = None
    age = re.fullmatch(r"([0-9]{1,3})([DWMY])", _code(dataset, "PatientAge") or "")
    born, taken = date_of(dataset, "PatientBirthDate"), date_of(dataset, "StudyDate")
    if age is not None:
        years = int(age[1]) * _DAYS_IN[age[2]] / _DAYS_IN_A_YEAR
    elif born is not None and taken is not None:
        years = (taken - born).days / _DAYS_IN_A_YEAR
    return years if years is not None and 0.0 <= years <= _OLDEST_YEARS else None


def _spacing(dataset: Dataset, keyword: str) -> tuple[float, float] | None:
    with suppress(Exception):  # two numbers, or whatever the file has instead
        between_rows, between_columns = (float(value) for value in value_of(dataset, keyword))
        if 0.0 < between_rows < 100.0 and 0.0 < between_columns < 100.0:
            return between_rows, between_columns
    return None


def _orientation(dataset: Dataset) -> tuple[str, str] | None:
    with suppress(Exception):  # two codes, or whatever the file has instead
        row, column = (str(value).strip().upper() for value in value_of(dataset, "PatientOrientation"))
        sides = _SIDES.fullmatch(row) and _SIDES.fullmatch(column)
        return (row, column) if sides and _AXES[row[0]] != _AXES[column[0]] else None
    return None
