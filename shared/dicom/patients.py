"""Whose study a file belongs to, as its header says, and which of several files contradict each other.

`identity_of` reads a header; `differing` names the headers in which files disagree; `groups_of` says which
files belong together; `patient_of` says what is known of a study's patient.

A file that says nothing (PNG, JPEG, a header without the tag) contradicts nothing. Case, padding and forms
of the same letters are no difference.
"""

import unicodedata
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, TypeVar

from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from shared.dicom.attributes import Attributes, date_of, value_of

Value = TypeVar("Value")

TAGS: Final = (
    "SpecificCharacterSet",
    "PatientID",
    "IssuerOfPatientID",
    "PatientBirthDate",
    "PatientSex",
    "StudyInstanceUID",
    "StudyDate",
)
"""The tags that `identity_of` reads, by keyword."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What one file says of its patient and its study; all of it is patient data.

    Attributes:
        issuer: who gave the patient's id (Issuer of Patient ID): the same id of two issuers is two patients.
    """

    patient_id: str | None = None
    issuer: str | None = None
    birth_date: date | None = None
    sex: str | None = None
    age_years: float | None = None
    study_uid: str | None = None
    study_date: date | None = None


@dataclass(frozen=True, slots=True)
class Patient:
    """What is known of a study's patient.

    Attributes:
        sex: "F", "M" or "O".
    """

    id: str | None = None
    sex: str | None = None
    age_years: float | None = None


NOBODY: Final = Identity()
"""What a file without a header says."""
NO_PATIENT: Final = Patient()
"""Of whom nothing is known."""


def identity_of(dataset: Dataset, attributes: Attributes) -> Identity:
    """Read whose file it is; a tag that cannot be read says nothing."""
    return Identity(
        patient_id=_text(dataset, "PatientID"),
        issuer=_text(dataset, "IssuerOfPatientID"),
        birth_date=date_of(dataset, "PatientBirthDate"),
        sex=attributes.sex,
        age_years=attributes.age_years,
        study_uid=_text(dataset, "StudyInstanceUID"),
        study_date=date_of(dataset, "StudyDate"),
    )


def same(one: str | None, other: str | None) -> bool:
    """Tell whether two ids are the same but for the way in which they are written."""
    return _plain(one) == _plain(other)


def differing(identities: Sequence[Identity]) -> list[str]:
    """Return the headers, by keyword, in which at least two of the files contradict each other."""
    facts = [_facts(identity) for identity in identities]
    return [
        keyword
        for keyword in _TELLS_APART
        if len({said[keyword] for said in facts if said[keyword] is not None}) > 1
    ]


def groups_of(identities: Sequence[Identity]) -> list[list[int]]:
    """Return the files' positions, those together that are of one patient and one study.

    A file that says less than others goes with the only group that it fits; one that fits several, or
    says nothing of what tells them apart, stays alone: nobody is given another's picture by a guess.
    """
    keywords = differing(identities)
    if not keywords:
        return [list(range(len(identities)))]
    groups: dict[_Key, list[int]] = defaultdict(list)
    for position, identity in enumerate(identities):
        facts = _facts(identity)
        said = frozenset((keyword, fact) for keyword in keywords if (fact := facts[keyword]) is not None)
        groups[said or frozenset({("alone", str(position))})].append(position)
    whole = {key for key in groups if not any(key < other for other in groups)}
    joined: dict[_Key, list[int]] = defaultdict(list)
    for key, positions in groups.items():
        fitting = [other for other in whole if key < other]
        joined[fitting[0] if len(fitting) == 1 else key] += positions
    return sorted(sorted(positions) for positions in joined.values())


def patient_of(identities: Sequence[Identity], *, typed_id: str | None) -> tuple[Patient, date | None]:
    """Return what is known of a study's patient, and its date: what was typed, else what its files say.

    Of files that contradict each other only what all of them say counts.
    """
    differs = differing(identities)
    agreed = _only_known if differs else _first_known
    ids = [identity.patient_id for identity in identities]
    patient = Patient(
        id=typed_id or (_first_known(ids) if _ID.isdisjoint(differs) else None),
        sex=agreed([identity.sex for identity in identities]),
        age_years=agreed([identity.age_years for identity in identities]),
    )
    return patient, agreed([identity.study_date for identity in identities])


_Key = frozenset[tuple[str, str]]

_UNREADABLE: Final = "\ufffd"
_ID: Final = frozenset({"PatientID", "IssuerOfPatientID"})
_TELLS_APART: Final[Mapping[str, Callable[[Identity], str | None]]] = {
    "PatientID": lambda identity: _plain(identity.patient_id),
    "IssuerOfPatientID": lambda identity: _plain(identity.issuer),
    "PatientBirthDate": lambda identity: str(identity.birth_date) if identity.birth_date else None,
    "PatientSex": lambda identity: identity.sex,
    "StudyInstanceUID": lambda identity: _plain(identity.study_uid),
}


def _facts(identity: Identity) -> dict[str, str | None]:
    return {keyword: read(identity) for keyword, read in _TELLS_APART.items()}


def _plain(text: str | None) -> str | None:
    """Return an id without what does not tell two patients apart; None where nothing is left."""
    folded = unicodedata.normalize("NFKC", text or "").casefold()
    return " ".join(folded.replace("\0", " ").split()) or None


def _first_known(values: Sequence[Value | None]) -> Value | None:
    return next((value for value in values if value is not None), None)


def _only_known(values: Sequence[Value | None]) -> Value | None:
    known = {value for value in values if value is not None}
    return known.pop() if len(known) == 1 else None


def _text(dataset: Dataset, keyword: str) -> str | None:
    raw = dataset.get_item(keyword)
    value = value_of(dataset, keyword)
    if raw is None or value is None:
        return None
    # A backslash makes pydicom read several values: an id with one in it is still an id.
    text = "\\".join(map(str, value)) if isinstance(value, MultiValue) else str(value)
    if _UNREADABLE in text and isinstance(raw.value, bytes):
        # Not in the character set that the file names: wrong letters still tell two ids apart.
        text = raw.value.decode("latin-1")
    return text.strip(" \0") or None
