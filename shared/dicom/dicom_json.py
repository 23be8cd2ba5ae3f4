"""The DICOM JSON Model (PS3.18 annex F): attributes by their tags, from plain values and from data sets.

A value that cannot be written is left out: what a header holds has been believed by nobody.
"""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import date, datetime, time
from typing import Any, Final

from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from shared.dicom.attributes import value_of

MEDIA_TYPE: Final = "application/dicom+json"
Attributes = Mapping[str, Mapping[str, Any]]
"""By tag: {"00100020": {"vr": "LO", "Value": ["4711"]}}."""

HEADER: Final = (
    "SpecificCharacterSet",
    "Modality",
    "StudyDescription",
    "StudyID",
    "SeriesNumber",
    "SeriesDescription",
    "PerformedProcedureStepStartDate",
    "PerformedProcedureStepStartTime",
    "BodyPartExamined",
    "ViewPosition",
    "InstanceNumber",
    "Rows",
    "Columns",
    "BitsAllocated",
    "NumberOfFrames",
)
"""What is kept of an instance's header for those who search, besides its UIDs, by keyword."""
_WHOLE: Final = frozenset({"IS", "US", "UL", "SS", "SL"})
_NAME_GROUPS: Final = ("Alphabetic", "Ideographic", "Phonetic")
_LONGEST: Final = 1024
"""Characters of one value."""


def tag_of(keyword: str) -> str:
    """Return an attribute's tag as JSON writes it: eight hexadecimal digits."""
    tag = tag_for_keyword(keyword)
    assert tag is not None, keyword  # noqa: S101  the keywords are ours
    return f"{tag:08X}"


def attribute(keyword: str, *values: object) -> dict[str, dict[str, Any]]:
    """Return one attribute; without a value where there is none but None.

    Args:
        keyword: of an attribute that has one VR.
        values: texts, numbers, dates, and, of a sequence, items.
    """
    vr = dictionary_VR(keyword)
    written = [_value(vr, value) for value in values if value is not None and value != ""]
    return {tag_of(keyword): {"vr": vr, "Value": written} if written else {"vr": vr}}


def data_set(attributes: Iterable[tuple[str, object]]) -> dict[str, dict[str, Any]]:
    """Return a data set of attributes with one value each."""
    written: dict[str, dict[str, Any]] = {}
    for keyword, value in attributes:
        written |= attribute(keyword, value)
    return written


def header_of(dataset: Dataset) -> dict[str, dict[str, Any]]:
    """Return what is kept of a header for those who search; what cannot be read of it is left out."""
    header: dict[str, dict[str, Any]] = {}
    for keyword in HEADER:
        value = value_of(dataset, keyword)
        values = list(value) if isinstance(value, MultiValue) else [value]
        with suppress(ValueError, TypeError, OverflowError):
            if value is not None:
                header |= attribute(keyword, *values)
    # Text is Unicode here, whatever the file was written in.
    header.pop(tag_of("SpecificCharacterSet"), None)
    return header


def first_value(attributes: Attributes, keyword: str) -> Any:  # noqa: ANN401  whatever the attribute holds
    """Return an attribute's first value; None where it has none."""
    values = attributes.get(tag_of(keyword), {}).get("Value", [])
    return values[0] if isinstance(values, list) and values else None


def items_of(attributes: Attributes, keyword: str) -> list[Mapping[str, Any]]:
    """Return the items of a sequence that somebody sent; none where it is no sequence."""
    values = attributes.get(tag_of(keyword), {}).get("Value", [])
    found = values if isinstance(values, list) else []
    return [item for item in found if isinstance(item, dict) and all(map(_is_element, item.values()))]


def _is_element(value: object) -> bool:
    return isinstance(value, dict)


def name_value(name: str) -> dict[str, str]:
    """Return a person's name by its groups (PS3.5 6.2.1.1)."""
    groups = zip(_NAME_GROUPS, name.split("="), strict=False)
    return {group: text for group, text in groups if text}


def _value(vr: str, value: object) -> object:
    if isinstance(value, Mapping):
        return value
    if vr == "PN":
        return name_value(_text(value))
    if vr in _WHOLE:
        return int(value)  # type: ignore[call-overload]  # raises what `header_of` expects
    return _text(_MOMENTS[vr](value) if vr in _MOMENTS else value)


def _clock(value: Any) -> str:  # noqa: ANN401  a time, or what a file has for one
    if not isinstance(value, time):
        return str(value)
    return f"{value:%H%M%S.%f}" if value.microsecond else f"{value:%H%M%S}"


def _day(value: Any) -> str:  # noqa: ANN401  likewise
    return f"{value:%Y%m%d}" if isinstance(value, date) else str(value)


def _moment(value: Any) -> str:  # noqa: ANN401  likewise
    return f"{value:%Y%m%d%H%M%S%z}" if isinstance(value, datetime) else str(value)


_MOMENTS: Final = {"DA": _day, "TM": _clock, "DT": _moment}


def _text(value: object) -> str:
    # Postgres stores no NUL, and a lone surrogate is no UTF-8.
    text = str(value).replace("\0", " ").strip()[:_LONGEST]
    return text.encode("utf-8", "replace").decode()
