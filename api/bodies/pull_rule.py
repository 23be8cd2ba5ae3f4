"""Pull rules as administrators see them, and what one is asked for with."""

from datetime import datetime, timedelta
from typing import Annotated, Self

from pydantic import AnyHttpUrl, BaseModel, ConfigDict, Field, SecretStr, model_validator

from api.bodies.base import Body
from api.bodies.tenant import TenantName
from api.plain_text import Line
from shared.domain.pulling import CHEST_DESCRIPTIONS, CHEST_PARTS, MODALITIES, PullMethod
from shared.domain.pulling import PullRule as Rule

_Pattern = Annotated[Line, Field(min_length=1, max_length=64)]
_Modality = Annotated[str, Field(pattern="^[A-Z]{2,16}$")]


class NewPullRule(BaseModel):
    """Which studies are to be fetched from where."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[Line, Field(min_length=1, max_length=200)]
    method: Annotated[
        PullMethod,
        Field(
            description="get: C-FIND and C-GET. move: C-FIND, and C-MOVE to our AE title, which the archive"
            " must know. web: QIDO-RS and WADO-RS."
        ),
    ]
    peer: Annotated[
        Line | None,
        Field(
            max_length=16, description="With get and move: the AE title of a DICOM peer with host and port."
        ),
    ] = None
    url: Annotated[AnyHttpUrl | None, Field(description="With web: the root of the archive's DICOMweb.")] = (
        None
    )
    key: Annotated[
        SecretStr | None, Field(description="With web: a bearer token, or user:password; shown to nobody.")
    ] = None
    tenant: Annotated[
        TenantName | None,
        Field(description="With web: whose the studies are; a peer's are its tenant's."),
    ] = None
    modalities: Annotated[list[_Modality], Field(min_length=1, max_length=8)] = list(MODALITIES)
    body_parts: Annotated[
        list[_Pattern],
        Field(
            max_length=32,
            description="Of a series with Body Part Examined, which is to match; * and ? stand.",
        ),
    ] = list(CHEST_PARTS)
    descriptions: Annotated[
        list[_Pattern],
        Field(
            max_length=32,
            description="Of a series without one: its description, or the study's, is to match. * takes all.",
        ),
    ] = list(CHEST_DESCRIPTIONS)
    window_hours: Annotated[
        int, Field(ge=1, le=24 * 60, description="How far back studies are looked for, by their date.")
    ] = 24
    every_minutes: Annotated[float, Field(ge=0.1, le=24 * 60)] = 5
    per_minute: Annotated[int, Field(ge=1, le=600, description="Most studies fetched in a minute.")] = 60
    priors: Annotated[
        int, Field(ge=0, le=10, description="Earlier studies of the patient that are fetched with each.")
    ] = 0

    @model_validator(mode="after")
    def _names_an_archive(self) -> Self:
        is_web = self.method is PullMethod.WEB
        if is_web != (self.url is not None) or is_web == (self.peer is not None):
            message = "web goes with url, get and move with peer"
            raise ValueError(message)
        if not is_web and (self.key is not None or self.tenant is not None):
            message = "key and tenant go with web: a peer has its own"
            raise ValueError(message)
        if self.url is not None and (self.url.username or self.url.password):
            message = "an address is shown in lists: say user and password in key"
            raise ValueError(message)
        return self


class PullRule(Body):
    """Which studies are fetched from where, and how that goes."""

    id: str
    name: str
    method: PullMethod
    url: str | None
    modalities: list[str]
    body_parts: list[str]
    descriptions: list[str]
    window_hours: int
    every_minutes: float
    per_minute: int
    priors: int
    created_at: datetime
    paused_at: datetime | None
    next_at: datetime
    ran_at: datetime | None
    fetched: int = Field(description="Studies so far; one that grew counts again.")
    failures: int = Field(description="Runs in a row in which the archive was away.")
    error: str | None = Field(description="Of the last run.")


class PullRuleList(Body):
    """All rules."""

    items: list[PullRule]


def pull_rule_body(rule: Rule) -> PullRule:
    """Write a rule down."""
    return PullRule(
        id=str(rule.id),
        name=rule.name,
        method=rule.method,
        url=rule.url,
        modalities=list(rule.modalities),
        body_parts=list(rule.body_parts),
        descriptions=list(rule.descriptions),
        window_hours=round(rule.window / timedelta(hours=1)),
        every_minutes=rule.every / timedelta(minutes=1),
        per_minute=rule.per_minute,
        priors=rule.priors,
        created_at=rule.created_at,
        paused_at=rule.paused_at,
        next_at=rule.next_at,
        ran_at=rule.ran_at,
        fetched=rule.fetched,
        failures=rule.failures,
        error=rule.error,
    )
