"""What is fetched from another archive: which studies, how, and by which signs a study is a chest's."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Final
from uuid import UUID

from shared.domain.studies import TenantId

CHEST_PARTS: Final = ("CHEST*", "THORA*", "TORAX*", "LUNG*")
CHEST_DESCRIPTIONS: Final = ("*CHEST*", "*THORA*", "*TORAX*", "*CXR*")
MODALITIES: Final = ("CR", "DX")


class PullMethod(StrEnum):
    """How an archive is asked."""

    MOVE = "move"
    """C-FIND, and C-MOVE to our AE title: the archive must know us by it."""
    GET = "get"
    """C-FIND, and C-GET over the association that asks for it."""
    WEB = "web"
    """QIDO-RS and WADO-RS."""


@dataclass(frozen=True, slots=True)
class PullRule:
    """Which studies are fetched from where, and how that goes.

    Attributes:
        peer_id: of the DICOM peer, where the method is no web.
        url: of the DICOMweb root, where it is.
        modalities: of the series that are fetched.
        body_parts: patterns of Body Part Examined, with * and ?; case is no difference.
        descriptions: the same, of Study and Series Description, for a series without a body part.
        window: how far back studies are looked for, by their date.
        every: how often.
        per_minute: most studies that are fetched in a minute.
        priors: how many earlier studies of the patient are fetched with each; 0: none.
        failures: runs in a row that failed.
        error: why the last one did.
    """

    id: UUID
    tenant_id: TenantId
    name: str
    method: PullMethod
    peer_id: UUID | None
    url: str | None
    modalities: tuple[str, ...]
    body_parts: tuple[str, ...]
    descriptions: tuple[str, ...]
    window: timedelta
    every: timedelta
    per_minute: int
    priors: int
    created_at: datetime
    paused_at: datetime | None
    next_at: datetime
    token: int
    failures: int
    error: str | None
    ran_at: datetime | None
    fetched: int


@dataclass(frozen=True, slots=True)
class FoundStudy:
    """A study as an archive names it.

    Attributes:
        instances: how many the archive says that it has; None where it does not say.
    """

    uid: str
    taken_on: date | None
    description: str
    modalities: tuple[str, ...]
    patient_id: str | None
    patient_id_issuer: str | None
    instances: int | None


@dataclass(frozen=True, slots=True)
class FoundSeries:
    """A series as an archive names it; `instances` as of a study."""

    uid: str
    modality: str
    body_part: str
    description: str
    instances: int | None


def may_be_taken(rule: PullRule, study: FoundStudy) -> bool:
    """Tell whether a study may have series of the rule's modalities; an archive need not say which it has."""
    return not study.modalities or not set(study.modalities).isdisjoint(rule.modalities)


def chest_series(rule: PullRule, study: FoundStudy, series: Sequence[FoundSeries]) -> Sequence[FoundSeries]:
    """Return the series of a study that are chest radiographs by what their headers say.

    A series with a body part is judged by that, one without by the descriptions.
    """
    return [
        one
        for one in series
        if one.modality in rule.modalities
        and (
            _matches(one.body_part, rule.body_parts)
            if one.body_part
            else any(_matches(text, rule.descriptions) for text in (one.description, study.description))
        )
    ]


def _matches(text: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(text.upper(), pattern.upper()) for pattern in patterns)
