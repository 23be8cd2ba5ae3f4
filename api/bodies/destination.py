"""Destinations as administrators see them, and what one is made of, kind by kind."""

import base64
import secrets
from datetime import datetime
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictBool, StrictInt

from api.bodies.base import Body
from api.bodies.tenant import TenantName
from api.plain_text import Line
from shared.domain.deliveries import DestinationKind
from shared.domain.studies import Priority
from shared.labels import LABELS, NO_FINDING
from shared.records.destinations import Address, DestinationRecord, Rules

_PORT: Final = r"([1-9]\d{0,3}|[1-5]\d{4}|6[0-4]\d{3}|65[0-4]\d{2}|655[0-2]\d|6553[0-5])"
_NAME: Final = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*"


def _known(labels: list[str]) -> list[str]:
    known = sorted(LABELS.keys() - {NO_FINDING})
    if unknown := [label for label in labels if label not in known]:
        message = f"no classifier finds {', '.join(unknown)} here; there are {', '.join(known)}"
        raise ValueError(message)
    return labels


Url = Annotated[
    str,
    Field(
        max_length=2000,
        pattern=rf"^https?://({_NAME}|\[[0-9A-Fa-f:.]+\])(:{_PORT})?(/[!\"$-~]*)?$",
        description="http or https; without a user, a password or a fragment.",
        examples=["https://pacs.hospital.example/dicom-web"],
    ),
]
Host = Annotated[
    str,
    Field(
        max_length=253, pattern=rf"^({_NAME}|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*)$", description="Name or address."
    ),
]
Port = Annotated[StrictInt, Field(ge=1, le=65535)]
Username = Annotated[
    str,
    Field(
        min_length=1, max_length=200, pattern=r"^[!-9;-~]+$", description="Without: the secret is a token."
    ),
]
Secret = Annotated[
    str,
    Field(
        min_length=1,
        max_length=4000,
        pattern=r"^[!-~]+$",
        description="A password with `username`, else a bearer token. It is never shown again.",
    ),
]
SigningSecret = Annotated[
    str,
    Field(
        max_length=200,
        pattern=r"^whsec_([A-Za-z0-9+/]{4}){8,20}([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$",
        description="What notices are signed with (Standard Webhooks); without, one is made and shown once.",
    ),
]
ReportEvent = Literal["reported", "edited", "signed", "amended", "addendum", "entered-in-error"]
NoticeEvent = Literal[
    "reported",
    "edited",
    "signed",
    "amended",
    "addendum",
    "entered-in-error",
    "critical",
    "rejected",
    "gave-up",
]
DicomFormat = Literal["dicom-sr", "basic-sr", "dicom-pdf", "dicom-sc", "gsps"]
_EVENTS: Final = (
    "After which it is sent the report as it then is. `reported`: a writer's, which nobody signed."
)


class _New(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: Annotated[
        Line, Field(min_length=1, max_length=100, description="For people; a tenant's are unique.")
    ]
    tenant: Annotated[
        TenantName | None, Field(description="Whose results it gets; without: the default tenant's.")
    ] = None
    labels: Annotated[
        list[str],
        AfterValidator(_known),
        Field(max_length=50, description="Only studies in which one of these is present; without: all."),
    ] = []
    priorities: Annotated[
        list[Priority], Field(max_length=len(Priority), description="Only studies of these; without: all.")
    ] = []


class _NewOfReports(_New):
    events: Annotated[list[ReportEvent], Field(min_length=1, max_length=10, description=_EVENTS)] = [
        *("reported", "edited", "signed", "amended", "addendum", "entered-in-error")
    ]


class NewDicom(_NewOfReports):
    """A PACS that is sent DICOM objects by C-STORE."""

    kind: Literal["dicom"]
    host: Host
    port: Port
    ae_title: Annotated[
        str, Field(pattern=r"^[!-\[\]-~]([ -\[\]-~]{0,14}[!-\[\]-~])?$", description="Its own.")
    ]
    tls: StrictBool = False
    formats: Annotated[list[DicomFormat], Field(min_length=1, max_length=5)] = [
        *("dicom-sr", "dicom-pdf", "dicom-sc")
    ]


class NewDicomweb(_NewOfReports):
    """A PACS that is sent DICOM objects by STOW-RS."""

    kind: Literal["dicomweb"]
    url: Annotated[Url, Field(description="The root of its DICOMweb services, before /studies.")]
    username: Username | None = None
    secret: Secret | None = None
    formats: Annotated[list[DicomFormat], Field(min_length=1, max_length=5)] = [
        *("dicom-sr", "dicom-pdf", "dicom-sc")
    ]


class NewHl7(_NewOfReports):
    """A system that is sent ORU messages over MLLP."""

    kind: Literal["hl7"]
    host: Host
    port: Port
    tls: StrictBool = False
    application: Annotated[Line | None, Field(max_length=200, description="Who receives it (MSH-5).")] = None
    facility: Annotated[Line | None, Field(max_length=200, description="And where (MSH-6).")] = None


class NewFhir(_NewOfReports):
    """A FHIR server that is sent transactions."""

    kind: Literal["fhir"]
    url: Annotated[Url, Field(description="The server's base.")]
    username: Username | None = None
    secret: Secret | None = None


class NewWebhook(_New):
    """A program that is sent signed notices: the event and the study, and nothing of the patient."""

    kind: Literal["webhook"]
    url: Url
    secret: SigningSecret | None = None
    events: Annotated[list[NoticeEvent], Field(min_length=1, max_length=10)] = [
        *("reported", "edited", "signed", "amended", "addendum", "entered-in-error"),
        *("critical", "rejected", "gave-up"),
    ]


NewDestination = Annotated[
    NewDicom | NewDicomweb | NewHl7 | NewFhir | NewWebhook, Field(discriminator="kind")
]


class Test(Body):
    """Whether a destination answered when somebody asked."""

    asked_at: datetime
    done_at: datetime | None = Field(description="Null until a gateway has tried it.")
    passed: bool | None
    answer: str | None


class Destination(Body):
    """Where results are sent, and which; without its secret."""

    id: str
    tenant: str
    name: str
    kind: DestinationKind
    url: str | None
    host: str | None
    port: int | None
    tls: bool
    ae_title: str | None
    application: str | None
    facility: str | None
    username: str | None
    formats: list[str]
    events: list[str]
    labels: list[str]
    priorities: list[str]
    created_at: datetime
    paused: bool = Field(description="What it is owed waits meanwhile.")
    failures: int = Field(description="How often in a row it could not be reached.")
    tried_again_at: datetime | None = Field(description="Of one that could not be reached: not sooner.")
    last_error: str | None = Field(description="Why it could not be reached.")
    test: Test | None = Field(description="The last one that was asked for.")


class FreshDestination(Destination):
    """A destination as it was made."""

    secret: str | None = Field(
        description="The signing secret that was made for a webhook, shown this once; else null."
    )


class DestinationList(Body):
    """Destinations, oldest first."""

    items: list[Destination]


class Retried(Body):
    """What is sent again."""

    retried: int = Field(description="How many deliveries.")


def parts_of(wanted: NewDestination) -> tuple[Address, Rules, str | None]:
    """Return where a new destination is, what goes there, and the secret that was made for it."""
    said = wanted.model_dump()
    made = None
    if isinstance(wanted, NewWebhook) and wanted.secret is None:
        made = said["secret"] = f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"
    address = Address(**{name: said[name] for name in Address.__dataclass_fields__ if name in said})
    formats = said.get("formats", [wanted.kind] if wanted.kind in {"hl7", "fhir"} else [])
    priorities = [priority.value for priority in wanted.priorities]
    return address, Rules(formats, wanted.events, wanted.labels, priorities), made


def destination_body(record: DestinationRecord) -> Destination:
    """Write a destination down: all but its secret."""
    same = set(Destination.model_fields) & set(DestinationRecord.__dataclass_fields__) - {"id"}
    test = record.test_asked_at and Test(
        asked_at=record.test_asked_at,
        done_at=record.tested_at if _is_done(record) else None,
        passed=record.test_passed if _is_done(record) else None,
        answer=record.test_answer if _is_done(record) else None,
    )
    return Destination(
        id=str(record.id),
        paused=record.paused_at is not None,
        tried_again_at=record.hold_until if record.failures else None,
        test=test,
        **{name: getattr(record, name) for name in same},
    )


def _is_done(record: DestinationRecord) -> bool:
    asked, done = record.test_asked_at, record.tested_at
    return asked is not None and done is not None and done >= asked
