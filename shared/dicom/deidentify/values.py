"""What may stay of a value, and what takes its place."""

import re
from collections.abc import Callable
from datetime import date
from typing import Any, Final

from pydicom.multival import MultiValue
from pydicom.valuerep import VR

from shared.dicom.deidentify.pseudonyms import Patient, shifted

STAND_IN: Final = "REMOVED"
_OLDEST: Final = 89
"""Whoever is older is 90: there are too few of them (45 CFR 164.514(b)(2)(i)(C))."""
_STANDARD: Final = "1.2.840.10008."
"""The root of the UIDs that the standard itself gives: classes, syntaxes, context groups."""
_AGE: Final = re.compile(r"([0-9]{3})([DWMY])")
_CODE: Final = re.compile(r"[A-Z0-9_ ]{0,16}")
_TIME: Final = re.compile(r"[0-9]{2}(:?[0-9]{2}(:?[0-9]{2}(\.[0-9]{1,6})?)?)?")
_DATE_AND_TIME: Final = re.compile(r"([0-9]{4})(?:([0-9]{2})(?:([0-9]{2})([0-9]{0,6}(?:\.[0-9]{1,6})?))?)?.*")
_DAY: Final = re.compile(r"([0-9]{4})(\.?)([0-9]{2})\2([0-9]{2})")

_STAND_INS: Final[dict[str, Any]] = {
    VR.DA: "19000101",
    VR.DT: "19000101",
    VR.TM: "000000",
    VR.AS: "000Y",
    VR.PN: f"{STAND_IN}^",
    VR.UR: "http://removed.invalid",
    **dict.fromkeys((VR.DS, VR.IS, VR.US, VR.SS, VR.UL, VR.SL, VR.FL, VR.FD, VR.SV, VR.UV), 0),
    **dict.fromkeys((VR.OB, VR.OW, VR.OD, VR.OF, VR.OL, VR.OV, VR.UN), b"\0\0"),
}


def stand_in(vr: str) -> Any:  # noqa: ANN401 - whatever the VR holds
    """Return a value of this kind that says nothing (action D)."""
    return _STAND_INS.get(vr, STAND_IN)


def each(value: object, change: Callable[[str], str | None]) -> list[str] | str | None:
    """Change each of an attribute's values; None where one of them cannot stay."""
    if not isinstance(value, MultiValue):
        return change(str(value))
    changed = [change(str(one)) for one in value]
    kept = [one for one in changed if one is not None]
    return kept if len(kept) == len(changed) else None


def may_stay(vr: str, value: object) -> bool:
    """Tell whether a value of a short and closed kind is one, and not a name in its place."""
    pattern = {VR.CS: _CODE, VR.TM: _TIME}.get(VR(vr))
    texts = value if isinstance(value, MultiValue) else [value]
    return pattern is None or all(pattern.fullmatch(str(text or "").strip()) or not text for text in texts)


def is_of_the_standard(uid: str) -> bool:
    """Tell whether a UID is the standard's own, and so nobody's."""
    return uid.strip(" \0").startswith(_STANDARD)


def age(text: str) -> str | None:
    """Return an age; of the oldest no more than that they are."""
    read = _AGE.fullmatch(text.strip())
    if read is None:
        return None
    return "090Y" if read[2] == "Y" and int(read[1]) > _OLDEST else read[0]


def moved(vr: str, patient: Patient) -> Callable[[str], str | None]:
    """Return what moves a date, or a date and time, by a patient's days; a time of day stays."""

    def change(text: str) -> str | None:
        text = text.strip(" \0")
        if vr == VR.TM:
            return text if _TIME.fullmatch(text) else None
        read = (_DAY if vr == VR.DA else _DATE_AND_TIME).fullmatch(text)
        if read is None:
            return None
        parts = (read[1], read[3], read[4]) if vr == VR.DA else (read[1], read[2] or "01", read[3] or "01")
        try:
            day = shifted(date(*map(int, parts)), patient)
        except ValueError:
            return None
        if day is None:
            return None
        # Where the date and time says no day, none is made up beside the month; its offset from UTC goes.
        rest = (read[4] or "") if vr == VR.DT and read[3] else ""
        return f"{day:%Y%m%d}"[: 8 if vr == VR.DA or read[3] else 6 if read[2] else 4] + rest

    return change
