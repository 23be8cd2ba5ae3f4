"""What a search asks for (PS3.18 8.3.4): its query string becomes a `Query`, or a problem that says why not.

An attribute that is not searched by is refused, and never passed over: the answer would hold other patients.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from enum import IntEnum
from typing import Any, Final

from pydicom.datadict import keyword_for_tag, tag_for_keyword

from api.dicomweb.instances import KINDS, kind_header
from api.problem_kinds import Code
from api.problems import ProblemError
from shared.dicom.dicom_json import first_value
from shared.records.dicomweb import HeaderMatch, Matching, Range

DEFAULT_LIMIT: Final = 100
LARGEST_LIMIT: Final = 1000
LARGEST_OFFSET: Final = 1_000_000
_LONGEST: Final = 1024
MOST_UIDS: Final = 1000
_OFFSET: Final = "offset"


class Level(IntEnum):
    """What is searched for."""

    STUDY = 0
    SERIES = 1
    INSTANCE = 2


_TEXTS: Final = {
    "PatientID": "patient_id",
    "PatientName": "patient_name",
    "PatientSex": "patient_sex",
    "AccessionNumber": "accession_number",
    "ReferringPhysicianName": "referring_physician",
}
_RANGES: Final = {
    "StudyDate": "study_date",
    "StudyTime": "study_time",
    "PatientBirthDate": "patient_birth_date",
}
_UIDS: Final = {
    "StudyInstanceUID": Level.STUDY,
    "SeriesInstanceUID": Level.SERIES,
    "SOPInstanceUID": Level.INSTANCE,
}
_HEADER: Final = {
    "ModalitiesInStudy": Level.STUDY,
    "StudyID": Level.STUDY,
    "StudyDescription": Level.STUDY,
    "Modality": Level.SERIES,
    "SeriesNumber": Level.SERIES,
    "SeriesDescription": Level.SERIES,
    "BodyPartExamined": Level.SERIES,
    "InstanceNumber": Level.INSTANCE,
    "SOPClassUID": Level.INSTANCE,
}
SEARCHED: Final = {
    **dict.fromkeys((*_TEXTS, *_RANGES), Level.STUDY),
    **_UIDS,
    **_HEADER,
}
"""By which attributes, and from which level on."""
_UID: Final = re.compile(r"[0-9.]{1,64}")
_TAG: Final = re.compile(r"[0-9A-Fa-f]{8}")
_CLOCKS: Final = ("%H%M%S", "%H%M", "%H")


@dataclass(frozen=True, slots=True)
class Query:
    """A search.

    Attributes:
        of_the_study: what of `matching` is said of the whole study.
        own: keyword -> what each series or instance itself says, with wildcards.
        include: keywords that the answer is to hold besides; `all` means whatever there is.
        capped: that the server's own limit stands in for a higher one, or for none.
    """

    level: Level
    matching: Matching
    of_the_study: Matching
    own: Mapping[str, str] = field(default_factory=dict)
    include: frozenset[str] = frozenset()
    limit: int = DEFAULT_LIMIT
    offset: int = 0
    fuzzy: bool = False
    capped: bool = False


def query_of(level: Level, parameters: Iterable[tuple[str, str]]) -> Query:
    """Read a search.

    Raises:
        ProblemError: 400, a parameter is unknown, given twice, not searched by or not as it should be.
    """
    given: dict[str, list[str]] = {}
    for name, value in parameters:
        if len(value) > _LONGEST and _keyword(name) not in _UIDS:
            raise _bad(name, f"it has more than {_LONGEST} characters")
        given.setdefault(_keyword(name), []).append(value)
    include = {
        _keyword(field.strip()) for fields in given.pop("includefield", []) for field in fields.split(",")
    }
    fuzzy = given.pop("fuzzymatching", ["false"])[-1].lower() == "true"
    asked = "limit" in given
    limit = _number(given.pop("limit", []), "limit", default=DEFAULT_LIMIT)
    offset = _offset(given.pop(_OFFSET, []))
    wanted = {
        name: values for name, values in given.items() if any(value not in ("", "*") for value in values)
    }
    include |= given.keys() - wanted.keys()
    for name in given:
        if name not in SEARCHED or SEARCHED[name] > level:
            raise _bad(name, f"{level.name.lower()} searches go by {', '.join(_searched_at(level))}")
    for name, values in wanted.items():
        if len(values) > 1 and name not in _UIDS:
            raise _bad(name, "it is given more than once")
    return Query(
        level,
        _matching(wanted),
        _matching({name: values for name, values in wanted.items() if SEARCHED[name] is Level.STUDY}),
        own={name: values[0] for name, values in wanted.items() if _HEADER.get(name, 0) > Level.STUDY},
        include=frozenset(include),
        limit=min(limit, LARGEST_LIMIT),
        offset=offset,
        fuzzy=fuzzy,
        capped=not asked or limit > LARGEST_LIMIT,
    )


def page_of(parameters: Iterable[tuple[str, str]]) -> tuple[int, int]:
    """Return how many results are asked for, and how many are passed over.

    Raises:
        ProblemError: 400, one of them is no number, or too large.
    """
    given: dict[str, list[str]] = {}
    for name, value in parameters:
        given.setdefault(name, []).append(value)
    limit = _number(given.get("limit", []), "limit", default=DEFAULT_LIMIT)
    return min(limit, LARGEST_LIMIT), _offset(given.get(_OFFSET, []))


def says(header: Mapping[str, Mapping[str, Any]], keyword: str, wanted: str) -> bool:
    """Tell whether a header has a value that a text with wildcards stands for."""
    value = first_value(header, keyword)
    if value is None:
        return False
    pattern = re.escape(wanted).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(pattern, str(value), re.DOTALL) is not None


def _searched_at(level: Level) -> list[str]:
    return [name for name, since in SEARCHED.items() if since <= level]


def _keyword(name: str) -> str:
    """Return an attribute's keyword, of a keyword or a tag; another name as it is."""
    if _TAG.fullmatch(name):
        return keyword_for_tag(int(name, 16)) or name
    return name


def _matching(wanted: Mapping[str, Sequence[str]]) -> Matching:
    uids = {name: _uids(name, wanted[name]) for name in _UIDS if name in wanted}
    return Matching(
        study_uids=uids.get("StudyInstanceUID", ()),
        series_uids=uids.get("SeriesInstanceUID", ()),
        sop_uids=uids.get("SOPInstanceUID", ()),
        texts={column: wanted[name][0] for name, column in _TEXTS.items() if name in wanted},
        ranges={
            column: _range(name, wanted[name][0], _clock if name.endswith("Time") else _day)
            for name, column in _RANGES.items()
            if name in wanted
        },
        header=[_header_match(name, wanted[name][0]) for name in _HEADER if name in wanted],
    )


def _header_match(name: str, wanted: str) -> HeaderMatch:
    keyword = "Modality" if name == "ModalitiesInStudy" else name
    fitting = (
        kind.name
        for kind in KINDS
        # Which version's object it is, the report knows.
        if keyword == "InstanceNumber"
        or (keyword == "SOPClassUID" and wanted == kind.sop_class)
        or says(kind_header(kind), keyword, wanted)
    )
    return HeaderMatch(keyword, wanted, frozenset(fitting))


def _uids(name: str, values: Sequence[str]) -> list[str]:
    uids = [uid.strip() for value in values for uid in re.split(r"[,\\]", value)]
    if len(uids) > MOST_UIDS or not all(map(_UID.fullmatch, uids)):
        raise _bad(name, f"it takes UIDs, with commas between, and no more than {MOST_UIDS}")
    return uids


def _offset(values: Sequence[str]) -> int:
    offset = _number(values, _OFFSET, default=0)
    if offset > LARGEST_OFFSET:
        raise _bad(_OFFSET, f"no more than {LARGEST_OFFSET} results are passed over: narrow the search")
    return offset


def _number(values: Sequence[str], name: str, *, default: int) -> int:
    if not values:
        return default
    if len(values) > 1 or re.fullmatch(r"[0-9]{1,9}", values[0]) is None:
        raise _bad(name, "it takes a whole number")
    return int(values[0])


def _range(name: str, text: str, read: Callable[[str], Any]) -> Range:
    first, dash, last = text.partition("-")
    try:
        if not dash:
            return Range(read(first), read(last or first))
        return Range(read(first) if first else None, read(last) if last else None)
    except ValueError:
        raise _bad(name, "it takes a date as 20261128 or a time as 142500, or a range of them") from None


def _day(text: str) -> date:
    return datetime.strptime(text.strip(), "%Y%m%d").date()  # noqa: DTZ007  DICOM's dates know no zone


def _clock(text: str) -> time:
    plain, _, fraction = text.strip().partition(".")
    for form in _CLOCKS:
        if len(plain) == 2 * form.count("%"):
            clock = datetime.strptime(plain, form).time()  # noqa: DTZ007  nor do its times
            return clock.replace(microsecond=int(fraction.ljust(6, "0")[:6])) if fraction else clock
    raise ValueError(text)


def _bad(name: str, why: str) -> ProblemError:
    known = name if tag_for_keyword(name) is not None or name in {"limit", "offset"} else "one of them"
    return ProblemError(Code.BAD_REQUEST, f"the query parameter {known} cannot be used: {why}")
