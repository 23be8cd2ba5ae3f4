"""Whose study a file belongs to, as its header says, and which of several files contradict each other.

`order_of` reads a header; `differing` names the headers in which files disagree; `groups_of` says which
files belong together; `order_of_study` says what is known of a study.

A file that says nothing (PNG, JPEG, a header without the tag) contradicts nothing. Case, padding and forms
of the same letters are no difference.
"""

import unicodedata
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from functools import partial
from typing import Any, Final, TypeVar

from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from shared.dicom.attributes import Attributes, date_of, time_of
from shared.dicom.character_sets import character_sets_of, decoded, encodings_of
from shared.domain.orders import NO_ORDER, Order

Value = TypeVar("Value")

TAGS: Final = (
    "SpecificCharacterSet",
    "PatientID",
    "IssuerOfPatientID",
    "PatientBirthDate",
    "PatientSex",
    "StudyInstanceUID",
    "StudyDate",
    "StudyTime",
    "AccessionNumber",
    "PatientName",
    "ReferringPhysicianName",
    "InstitutionName",
)
"""The tags that `order_of` reads, by keyword."""


def order_of(dataset: Dataset, attributes: Attributes) -> Order:
    """Read whose file it is, letters and all as they stand; a tag that cannot be read says nothing."""
    encodings = encodings_of(character_sets_of(dataset))
    text = partial(_text, dataset, encodings)
    return Order(
        accession_number=text("AccessionNumber"),
        patient_id=text("PatientID"),
        patient_id_issuer=text("IssuerOfPatientID"),
        patient_name=text("PatientName"),
        patient_birth_date=date_of(dataset, "PatientBirthDate"),
        patient_sex=attributes.sex,
        patient_age_years=attributes.age_years,
        referring_physician=text("ReferringPhysicianName"),
        study_instance_uid=text("StudyInstanceUID"),
        study_date=date_of(dataset, "StudyDate"),
        study_time=time_of(dataset, "StudyTime"),
        body_part=attributes.body_part,
        laterality=attributes.laterality,
        institution=text("InstitutionName"),
    )


def same(one: str | None, other: str | None) -> bool:
    """Tell whether two ids are the same but for the way in which they are written."""
    return _plain(one) == _plain(other)


def differing(files: Sequence[Order]) -> list[str]:
    """Return the headers, by keyword, in which at least two of the files contradict each other."""
    facts = [_facts(file) for file in files]
    return [
        keyword
        for keyword in _TELLS_APART
        if len({said[keyword] for said in facts if said[keyword] is not None}) > 1
    ]


def groups_of(files: Sequence[Order]) -> list[list[int]]:
    """Return the files' positions, those together that are of one patient and one study.

    A file that says less than others goes with the only group that it fits; one that fits several, or
    says nothing of what tells them apart, stays alone: nobody is given another's picture by a guess.
    """
    keywords = differing(files)
    if not keywords:
        return [list(range(len(files)))]
    groups: dict[_Key, list[int]] = defaultdict(list)
    for position, file in enumerate(files):
        facts = _facts(file)
        said = frozenset((keyword, fact) for keyword in keywords if (fact := facts[keyword]) is not None)
        groups[said or frozenset({("alone", str(position))})].append(position)
    whole = {key for key in groups if not any(key < other for other in groups)}
    joined: dict[_Key, list[int]] = defaultdict(list)
    for key, positions in groups.items():
        fitting = [other for other in whole if key < other]
        joined[fitting[0] if len(fitting) == 1 else key] += positions
    return sorted(sorted(positions) for positions in joined.values())


def order_of_study(files: Sequence[Order], *, typed: Order = NO_ORDER) -> Order:
    """Return a study's order: what was typed, else what the first file says that says anything of it.

    Of files that contradict each other only what all of them say counts.
    """
    differs = differing(files)
    agreed = _only_known if differs else _first_known
    known: dict[str, Any] = {
        field.name: agreed([getattr(file, field.name) for file in files])
        for field in fields(Order)
        if field.name != "set_aside"
    }
    # An id and its issuer are one name: neither is taken from another file, or put beside what was typed.
    ids = [file for file in files if file.patient_id is not None]
    other = typed.patient_id is not None and not all(same(typed.patient_id, file.patient_id) for file in ids)
    if other or not _ID.isdisjoint(differs):
        known |= {"patient_id": None, "patient_id_issuer": None}
    said = {name: value for name in known if (value := getattr(typed, name)) is not None}
    return replace(typed, **(known | said))


_Key = frozenset[tuple[str, str]]

_LONGEST_BYTES: Final = 1024
_NAMES: Final = frozenset({"PatientName", "ReferringPhysicianName"})
_ID: Final = frozenset({"PatientID", "IssuerOfPatientID"})
_TELLS_APART: Final[Mapping[str, Callable[[Order], str | None]]] = {
    "PatientID": lambda file: _plain(file.patient_id),
    "IssuerOfPatientID": lambda file: _plain(file.patient_id_issuer),
    "PatientBirthDate": lambda file: str(file.patient_birth_date) if file.patient_birth_date else None,
    "PatientSex": lambda file: file.patient_sex,
    "StudyInstanceUID": lambda file: _plain(file.study_instance_uid),
}


def _facts(file: Order) -> dict[str, str | None]:
    return {keyword: read(file) for keyword, read in _TELLS_APART.items()}


def _plain(text: str | None) -> str | None:
    """Return an id without what does not tell two patients apart; None where nothing is left."""
    folded = unicodedata.normalize("NFKC", text or "").casefold()
    return " ".join(folded.replace("\0", " ").split()) or None


def _first_known(values: Sequence[Value | None]) -> Value | None:
    return next((value for value in values if value is not None), None)


def _only_known(values: Sequence[Value | None]) -> Value | None:
    known = {value for value in values if value is not None}
    return known.pop() if len(known) == 1 else None


def _text(dataset: Dataset, encodings: Sequence[str], keyword: str) -> str | None:
    # The bytes as they lie in the file: pydicom takes them apart at each backslash, also at half a letter of
    # GBK; and an id with one in it is still an id.
    raw = dataset.get_item(keyword)
    if raw is None or raw.VR == "SQ":
        return None
    value = raw.value
    if not isinstance(value, bytes):  # a UID, which was read before
        text = "\\".join(map(str, value)) if isinstance(value, MultiValue) else str(value or "")
    elif len(value) <= _LONGEST_BYTES:
        text = decoded(value, encodings, is_name=keyword in _NAMES)
    else:
        return None
    return text.strip(" \0") or None
