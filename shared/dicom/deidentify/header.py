"""A data set's attributes: each as the standard's table says, and what it leaves open on the safe side.

The table leaves open what it does not list, which it lets stay. Here that stays only where it is of a kind
that says nothing of anybody: numbers, coded words, the texts of `_TEXTS`. What no dictionary knows goes, and
so does what is written in another kind of value than the dictionary's.
"""

from collections.abc import Callable
from typing import Any, Final

from pydicom.datadict import dictionary_has_tag, dictionary_VR, tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.tag import BaseTag
from pydicom.valuerep import VR

from shared.dicom.deidentify.descriptors import DESCRIPTIONS, described
from shared.dicom.deidentify.pseudonyms import Patient, Pseudonyms
from shared.dicom.deidentify.table import ACTIONS, BASIC, OPTIONS, Action
from shared.dicom.deidentify.values import (
    STAND_IN,
    age,
    each,
    is_of_the_standard,
    may_stay,
    moved,
    stand_in,
)

_CURVES: Final = 0x5000
_OVERLAYS: Final = 0x6000
_REPEATED: Final = 0xFF00
_FIRST_GROUP: Final = 0x0008
_DEEPEST: Final = 64
_NAME_ENDS: Final = "^"
"""Of a family name: without it a name has the form that the standard retired."""


def _tags(*keywords: str) -> frozenset[int]:
    return frozenset(int(tag_for_keyword(keyword) or 0) for keyword in keywords)


_PIXELS: Final = _tags("PixelData")
_NAMES: Final = _tags("PatientID", "PatientName")
_NUMBERS: Final = _tags("AccessionNumber", "StudyID")
_TEXTS: Final = _tags(
    "Manufacturer",
    "ManufacturerModelName",
    "SoftwareVersions",
    "CodingSchemeDesignator",
    "CodingSchemeVersion",
)
_CODES: Final = _tags("CodeValue", "LongCodeValue", "URNCodeValue", "CodeMeaning")
_UNITS: Final = _tags("RescaleType", "ModalityLUTType")
_SCHEMES: Final = frozenset(
    ["DCM", "SCT", "SRT", "SNM3", "LN", "UCUM", "RADLEX", "FMA", "UMLS", "NCIt", "I10", "I9", "I11", "MDC"]
)
"""Public ones: their codes and meanings are printed in books. A hospital's own may mean anything."""
_PLAIN: Final = frozenset(
    (VR.DS, VR.IS, VR.US, VR.SS, VR.UL, VR.SL, VR.FL, VR.FD, VR.SV, VR.UV, VR.AT, VR.OW, VR.OF, VR.OD, VR.OL)
)
"""Kinds of values that are numbers."""


def patient_of(dataset: Dataset, pseudonyms: Pseudonyms) -> Patient:
    """Return what stands in for a data set's patient: by id and issuer, else by name and birth date.

    A file that says neither stands for itself, with its study.
    """
    said = {
        keyword: str(dataset.get(keyword) or "").strip(" \0")
        for keyword in (
            "PatientID",
            "IssuerOfPatientID",
            "PatientName",
            "PatientBirthDate",
            "StudyInstanceUID",
        )
    }
    if said["PatientID"]:
        return pseudonyms.patient("id", said["PatientID"], said["IssuerOfPatientID"])
    if said["PatientName"]:
        return pseudonyms.patient("name", said["PatientName"], said["PatientBirthDate"])
    return pseudonyms.patient("study", said["StudyInstanceUID"])


def clean(dataset: Dataset, pseudonyms: Pseudonyms, patient: Patient) -> None:
    """Take out of a data set what says whose it is, in place, and say that it was done (PS3.15 E.1.1)."""
    _Cleaning(pseudonyms, patient).clean(dataset, depth=0)
    dataset.PatientID, dataset.PatientName = patient.name, patient.name + _NAME_ENDS
    dataset.PatientIdentityRemoved = "YES"
    dataset.DeidentificationMethod = "CXR Reporter"
    dataset.DeidentificationMethodCodeSequence = Sequence(_code(value, meaning) for value, meaning in OPTIONS)
    dataset.LongitudinalTemporalInformationModified = "MODIFIED"
    dataset.BurnedInAnnotation = "NO"


def _code(value: str, meaning: str) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, "DCM", meaning
    return item


class _Cleaning:
    """One file's."""

    def __init__(self, pseudonyms: Pseudonyms, patient: Patient) -> None:
        self._pseudonyms, self._patient = pseudonyms, patient

    def clean(self, dataset: Dataset, *, depth: int) -> None:
        public = _is_public(dataset)
        for tag in list(dataset.keys()):
            element = _sound(dataset, tag) if depth <= _DEEPEST else None
            kept = None if element is None else self._kept(element, public=public, depth=depth)
            if kept is None:
                del dataset[tag]
            else:
                dataset[tag] = kept

    def _kept(  # noqa: C901, PLR0911 - one line a case
        self, element: DataElement, *, public: bool, depth: int
    ) -> DataElement | None:
        """Return what becomes of an element; None where it goes."""
        tag = element.tag
        if tag in _PIXELS:
            return element if depth == 0 else None
        if tag in _NAMES:
            return _with(element, self._patient.name + _NAME_ENDS * (element.VR == VR.PN))
        if tag in _NUMBERS:
            return _with(element, self._pseudonyms.number(str(element.value)) if element.value else "")
        if tag in _CODES and not public:
            return _with(element, STAND_IN if element.keyword == "CodeMeaning" else self._short(element))
        if tag in ACTIONS:
            return self._by_table(element, ACTIONS[tag], depth=depth)
        if element.VR == VR.SQ:
            return self._items(element, depth=depth)
        if element.VR in {VR.DA, VR.DT, VR.TM}:
            return self._changed(element, moved(element.VR, self._patient))
        if element.VR == VR.UI:
            return self._changed(element, self._uid)
        if tag in _UNITS:
            return _with(element, "US")
        if element.VR == VR.CS and may_stay(VR.CS, element.value):
            return element
        return element if element.VR in _PLAIN or tag in _TEXTS or tag in _CODES else None

    def _by_table(  # noqa: C901, PLR0911 - one line a case
        self, element: DataElement, action: Action, *, depth: int
    ) -> DataElement | None:
        match action:
            case Action.REMOVE:
                return None
            case Action.EMPTY:
                return _with(element, Sequence() if element.VR == VR.SQ else None)
            case Action.DUMMY if element.VR == VR.SQ:
                return self._items(element, depth=depth)
            case Action.DUMMY:
                return _with(element, stand_in(element.VR))
            case Action.UID:
                return self._changed(element, self._uid)
            case Action.KEEP if element.VR == VR.SQ:
                return self._items(element, depth=depth)
            case Action.KEEP if element.VR == VR.AS:
                return self._changed(element, age)
            case Action.KEEP:
                return element if may_stay(element.VR, element.value) else None
            case Action.SHIFT if element.VR in {VR.DA, VR.DT, VR.TM}:
                moves = moved(element.VR, self._patient)
                return self._changed(element, moves) or self._by_table(
                    element, BASIC[element.tag], depth=depth
                )
            case Action.DESCRIBE if element.tag in DESCRIPTIONS:
                words = described(str(element.value or ""))
                return (
                    _with(element, words)
                    if words
                    else self._by_table(element, BASIC[element.tag], depth=depth)
                )
            case Action.SHIFT | Action.DESCRIBE:
                return self._by_table(element, BASIC[element.tag], depth=depth)

    def _items(self, element: DataElement, *, depth: int) -> DataElement:
        for item in element.value:
            self.clean(item, depth=depth + 1)
        return element

    def _changed(self, element: DataElement, change: Callable[[str], str | None]) -> DataElement | None:
        """Return the element with each of its values changed; None where one cannot be."""
        if element.value in (None, "", b""):
            return element
        value = each(element.value, change)
        return None if value is None else _with(element, value)

    def _uid(self, value: str) -> str:
        return value if is_of_the_standard(value) else self._pseudonyms.uid(value)

    def _short(self, element: DataElement) -> str:
        return self._pseudonyms.number(str(element.value))


def _is_public(item: Dataset) -> bool:
    return str(item.get("CodingSchemeDesignator", "")).strip(" \0") in _SCHEMES


def _sound(dataset: Dataset, tag: BaseTag) -> DataElement | None:
    """Return an element that may be looked at; None for what goes whatever it says.

    Those are private attributes, curves, overlays, group lengths, file meta, what no dictionary knows, and
    what is not of the dictionary's kind or cannot be read.
    """
    groups = tag.group & _REPEATED
    if tag.is_private or tag.group < _FIRST_GROUP or tag.element == 0 or groups in {_CURVES, _OVERLAYS}:
        return None
    if not dictionary_has_tag(tag):
        return None
    try:
        element = dataset[tag]
        _ = str(element.value) if element.VR != VR.SQ and tag not in _PIXELS else ""
    except Exception:  # noqa: BLE001 - pydicom raises whatever the converter trips over
        return None
    return element if element.VR in dictionary_VR(tag).split(" or ") else None


def _with(element: DataElement, value: Any) -> DataElement:  # noqa: ANN401 - whatever the VR holds
    return DataElement(element.tag, element.VR, value)
