"""Studies as DICOM knows them: found by Study Instance UID, by whose they are, by when.

Several studies of ours that have one Study Instance UID, as two uploads of one have, are one study here: the
newest of them says whose it is. One without a DICOM image that has its UIDs is none.

`search` reads a page of them, each whole, by one statement; `find` one by its UID. A value is compared with
the beginning of a column that an index holds (64 characters, all that DICOM allows).
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Any, Final

from pydantic import TypeAdapter
from sqlalchemy import text
from sqlalchemy.orm import Session

from shared.dicom.dicom_json import tag_of
from shared.domain.orders import Order
from shared.domain.reports import ReportStatus
from shared.domain.studies import StudyId, TenantId
from shared.records.tables import OrderRow
from shared.records.values import Values
from shared.rendering.dicom.kinds import ENCAPSULATED_PDF, SECONDARY_CAPTURE


@dataclass(frozen=True, slots=True)
class StoredInstance:
    """A DICOM image that is stored.

    Attributes:
        width, height: as its preview shows it: of a turned picture, after turning.
        header: in the DICOM JSON Model.
    """

    study_id: StudyId
    index: int
    sha256: str
    size: int
    width: int
    height: int
    sop_class_uid: str
    sop_instance_uid: str
    series_instance_uid: str
    transfer_syntax_uid: str
    used: bool | None
    header: Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class ReportInForce:
    """Which version of its report is the study's, and how it stands."""

    version: int
    status: ReportStatus
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Member:
    """One study of ours among those of one Study Instance UID."""

    study_id: StudyId
    images: tuple[StoredInstance, ...]
    report: ReportInForce | None


@dataclass(frozen=True, slots=True)
class DicomStudy:
    """All that is stored under a Study Instance UID.

    Attributes:
        order: of the newest member.
        members: the newest first.
    """

    study_instance_uid: str
    order: Order
    members: tuple[Member, ...]

    @property
    def newest(self) -> StudyId:
        """By which it has its place in a list: the newest of its members."""
        return self.members[0].study_id


@dataclass(frozen=True, slots=True)
class Range:
    """From and until, both included; None has no bound."""

    first: date | time | None = None
    last: date | time | None = None


@dataclass(frozen=True, slots=True)
class HeaderMatch:
    """What an object of the study says in its header.

    Attributes:
        text: with * for any letters and ? for one.
        made: the formats, by name, whose objects of a report say so too.
    """

    keyword: str
    text: str
    made: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Matching:
    """What studies are searched for; every member narrows the search.

    Attributes:
        texts: column of `ORDERED` -> what it is, with * for any letters and ? for one.
        ranges: column of `DATED` -> from when until when.
        series_uids, sop_uids: of stored images; those that are made of a report are found in their study.
    """

    study_uids: Sequence[str] = ()
    series_uids: Sequence[str] = ()
    sop_uids: Sequence[str] = ()
    texts: Mapping[str, str] = field(default_factory=dict)
    ranges: Mapping[str, Range] = field(default_factory=dict)
    header: Sequence[HeaderMatch] = ()


ORDERED: Final = frozenset(
    {"patient_id", "accession_number", "patient_name", "referring_physician", "patient_sex"}
)
DATED: Final = frozenset({"study_date", "study_time", "patient_birth_date"})

_NAMES: Final = frozenset({"patient_name", "referring_physician"})
"""Found whatever the case of their letters."""
_INDEXED: Final = 64
_ORDERS: Final = Values(Order, OrderRow)
_STUDY: Final = TypeAdapter(DicomStudy)

_IS_INSTANCE: Final = """num_nonnulls(images.sop_class_uid, images.sop_instance_uid,
    images.series_instance_uid, images.transfer_syntax_uid) = 4"""
_SAME: Final = """same.tenant_id = orders.tenant_id
    AND left(same.study_instance_uid, 64) = left(orders.study_instance_uid, 64)"""
_OF_THE_SAME: Final = f"SELECT same.study_id FROM orders AS same WHERE {_SAME}"  # noqa: S608
_HAS_INSTANCE: Final = f"EXISTS (SELECT FROM images WHERE images.study_id = {{}} AND {_IS_INSTANCE})"
_ORDER_COLUMNS: Final = ", ".join(f"orders.{name}" for name in _ORDERS.names)
_IMAGE_COLUMNS: Final = ", ".join(f'images."{name}"' for name in StoredInstance.__dataclass_fields__)

# A study stands where its newest member does, and is listed once.
_LISTED: Final = f"""
    orders.study_instance_uid ~ '^[0-9.]{{1,64}}$'
    AND {_HAS_INSTANCE.format("orders.study_id")}
    AND NOT EXISTS ({_OF_THE_SAME} AND same.study_id > orders.study_id
        AND {_HAS_INSTANCE.format("same.study_id")})
"""
_WHOLE: Final = f"""
    SELECT json_build_object(
        'study_instance_uid', orders.study_instance_uid,
        'order', (SELECT to_json(one) FROM (SELECT {_ORDER_COLUMNS}) AS one),
        'members', (
            SELECT json_agg(json_build_object(
                'study_id', same.study_id,
                'images', (SELECT json_agg(one ORDER BY one.index) FROM (
                    SELECT {_IMAGE_COLUMNS} FROM images
                    WHERE images.study_id = same.study_id AND {_IS_INSTANCE}) AS one),
                'report', (SELECT to_json(one) FROM (
                    SELECT version, status, created_at FROM reports WHERE reports.study_id = same.study_id
                    ORDER BY status <> '{ReportStatus.PRELIMINARY}' DESC, version DESC LIMIT 1) AS one)
            ) ORDER BY same.study_id DESC)
            FROM orders AS same WHERE same.study_id IN ({_OF_THE_SAME})
                AND {_HAS_INSTANCE.format("same.study_id")})
    )::text AS study
    FROM listed JOIN orders ON orders.study_id = listed.study_id ORDER BY orders.study_id DESC
"""  # noqa: S608
"""The report in force is the one of `shared/domain/versions.py`."""


def find(session: Session, study_instance_uid: str, *, tenant_id: TenantId | None) -> DicomStudy | None:
    """Return all that is stored under a Study Instance UID; None where nothing is.

    Args:
        tenant_id: whose; None means everybody's, the newest tenant's where several have it.
    """
    matching = Matching(study_uids=(study_instance_uid,))
    found = search(session, matching, tenant_id=tenant_id, limit=1)
    return found[0] if found else None


def search(
    session: Session,
    matching: Matching,
    *,
    tenant_id: TenantId | None,
    limit: int,
    offset: int = 0,
    before: StudyId | None = None,
) -> Sequence[DicomStudy]:
    """Return the studies that match, those that came last first.

    Args:
        tenant_id: whose; None means everybody's.
        before: those that stand after this one.
    """
    parameters: dict[str, Any] = {"limit": limit, "offset": offset}
    conditions = [_LISTED, *_conditions(matching, parameters)]
    if tenant_id is None:
        # The indexes begin with the tenant.
        conditions.append("orders.tenant_id IN (SELECT id FROM tenants)")
    else:
        conditions.append("orders.tenant_id = :tenant_id")
        parameters["tenant_id"] = tenant_id
    if before is not None:
        conditions.append("orders.study_id < :before")
        parameters["before"] = before
    statement = f"""
        WITH listed AS (SELECT orders.study_id FROM orders WHERE {" AND ".join(conditions)}
            ORDER BY orders.study_id DESC LIMIT :limit OFFSET :offset)
        {_WHOLE}
    """  # noqa: S608
    return [_STUDY.validate_json(row) for row in session.execute(text(statement), parameters).scalars()]


def _conditions(matching: Matching, parameters: dict[str, Any]) -> Iterator[str]:
    """Yield what narrows the search, and put the values of it into the parameters."""
    if matching.study_uids:
        parameters["study_uids"] = list(matching.study_uids)
        yield "left(orders.study_instance_uid, 64) = ANY(:study_uids)"
    for column, uids in (
        ("series_instance_uid", matching.series_uids),
        ("sop_instance_uid", matching.sop_uids),
    ):
        if uids:
            parameters[column] = list(uids)
            yield f"""(orders.tenant_id, left(orders.study_instance_uid, 64)) IN (
                SELECT other.tenant_id, left(other.study_instance_uid, 64) FROM images
                JOIN orders AS other ON other.study_id = images.study_id
                WHERE images.{column} = ANY(:{column}))"""  # noqa: S608
    for column in ORDERED & matching.texts.keys():
        parameters[column] = matching.texts[column]
        yield _text_condition(column, matching.texts[column], parameters)
    for column in DATED & matching.ranges.keys():
        bounds = matching.ranges[column]
        for name, sign, bound in (("first", ">=", bounds.first), ("last", "<=", bounds.last)):
            if bound is not None:
                parameters[f"{column}_{name}"] = bound
                yield f"orders.{column} {sign} :{column}_{name}"
    for number, match in enumerate(matching.header):
        yield _header_condition(match, number, parameters)


def _text_condition(column: str, wanted: str, parameters: dict[str, Any]) -> str:
    whole = f"upper(orders.{column})" if column in _NAMES else f"orders.{column}"
    value = f"upper(:{column})" if column in _NAMES else f":{column}"
    if is_wild(wanted):
        parameters[column] = _pattern(wanted)
        return f"left({whole}, {_INDEXED}) LIKE {value}"
    return f"left({whole}, {_INDEXED}) = left({value}, {_INDEXED}) AND {whole} = {value}"


def _header_condition(match: HeaderMatch, number: int, parameters: dict[str, Any]) -> str:
    """Return that a stored image of the study says so, or an object that is made of its report.

    OFFSET keeps it a question of each study in turn: most studies match, and a page of them is soon full.
    """
    path, value = f"header_{number}_path", f"header_{number}"
    parameters |= {path: [tag_of(match.keyword), "Value", "0"], value: _pattern(match.text)}
    said = "images.sop_class_uid" if match.keyword == "SOPClassUID" else f"images.header #>> :{path}"
    says = f"""EXISTS (SELECT FROM orders AS same JOIN images ON images.study_id = same.study_id
        WHERE {_SAME} AND {said} LIKE :{value} OFFSET 0)"""
    made = _made_condition(match.made)
    return f"({says} OR {made})" if made else says


def _made_condition(made: frozenset[str]) -> str | None:
    """Return that the study's report is written in one of these formats; None where it is in none."""
    if not made:
        return None
    stands = "studies.report_status IS NOT NULL"
    if ENCAPSULATED_PDF.name not in made:
        stands = f"studies.report_status <> '{ReportStatus.ENTERED_IN_ERROR}'"
        if made == {SECONDARY_CAPTURE.name}:
            stands += " AND EXISTS (SELECT FROM images WHERE images.study_id = studies.id AND images.used)"
    return f"""EXISTS (SELECT FROM orders AS same JOIN studies ON studies.id = same.study_id
        WHERE {_SAME} AND {stands} OFFSET 0)"""


def is_wild(wanted: str) -> bool:
    """Tell whether a text has a letter that stands for others."""
    return "*" in wanted or "?" in wanted


def _pattern(wanted: str) -> str:
    escaped = re.sub(r"([\\%_])", r"\\\1", wanted)
    return escaped.replace("*", "%").replace("?", "_")
