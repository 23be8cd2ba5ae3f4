"""How a study moves, and who moves it.

OPEN -> QUEUED -> CLASSIFYING -> CLASSIFIED -> REPORTING -> COMPLETED; only a study whose images come one by
one is OPEN first. On the way it may end REJECTED (bad input), FAILED (tried and gave up) or CANCELLED.
`TRANSITIONS` is the only place that says so.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NewType
from uuid import UUID

from uuid6 import uuid7

StudyId = NewType("StudyId", UUID)
BatchId = NewType("BatchId", UUID)
KeyId = NewType("KeyId", UUID)
TenantId = NewType("TenantId", UUID)
LeaseToken = NewType("LeaseToken", int)
"""Grows by one at each claim and never shrinks: a write that shows an old token is refused."""


DEFAULT_TENANT: Final = TenantId(UUID("00000000-0000-7000-8000-000000000001"))
"""Whose the studies are where nobody names a tenant: without keys, or with an administrator's. The first
migration makes it."""
DEFAULT_TENANT_NAME: Final = "default"


def new_id() -> UUID:
    """Make a UUIDv7: sorted by time, so that primary keys are inserted at the index's end."""
    return UUID(int=uuid7().int)


class StudyStatus(StrEnum):
    """Where a study stands; each value says who puts it there and who takes it on."""

    OPEN = "open"
    """More images may come. Put here by the API; quiet time, the number of images or the client closes it."""
    QUEUED = "queued"
    """Accepted, originals stored. Put here by the API, by what closed it, or by a lease that ran out; the
    CNN worker's claim takes it on."""
    CLASSIFYING = "classifying"
    """Held by a CNN worker's lease. When the lease runs out the sweeper makes it QUEUED again."""
    CLASSIFIED = "classified"
    """Findings are stored. Put here by the CNN worker; the LLM worker's claim takes it on."""
    REPORTING = "reporting"
    """Held by an LLM worker's lease. When the lease runs out the sweeper makes it CLASSIFIED again."""
    COMPLETED = "completed"
    """The report is stored. Final; being read again makes it QUEUED."""
    REJECTED = "rejected"
    """No image of the study can be used; `error` says which file and why. Final."""
    FAILED = "failed"
    """Tried and given up; `error` holds the last failure. A retry makes it QUEUED."""
    CANCELLED = "cancelled"
    """A client took it back. Final."""

    @property
    def is_final(self) -> bool:
        """Whether no worker will touch the study any more."""
        return self in _FINAL


_FINAL: Final = frozenset(
    {StudyStatus.COMPLETED, StudyStatus.REJECTED, StudyStatus.FAILED, StudyStatus.CANCELLED},
)


class StudyEvent(StrEnum):
    """What happens to a study; every one of them is a row of its timeline."""

    RECEIVED = "received"
    IMAGES_ADDED = "images-added"
    """To an open study; its status stays."""
    ORDERED = "ordered"
    """What the hospital's order says filled in what was not known of the study; `detail` names what."""
    ORDER_MISMATCH = "order-mismatch"
    """The order of the study's number is another patient's, and was not applied."""
    REOPENED = "reopened"
    """An image came to a study that was closed: it gathers again, and is then read anew with all of them.
    What was found and written stays until there is better; a worker that holds the study has lost it."""
    CLOSED = "closed"
    """No more images are taken; the study waits for its first worker."""
    CLAIMED = "claimed"
    CLASSIFIED = "classified"
    CRITICAL = "critical"
    """A finding that the study was not flagged with before; `detail` names the labels, the status stays."""
    REPORTED = "reported"
    REJECTED = "rejected"
    LEASE_EXPIRED = "lease-expired"
    """The worker died or hung. Counted only where the study was tried alone."""
    RELEASED = "released"
    """The worker gave the study back: it stops, or something that it needs is away for a while."""
    ATTEMPT_FAILED = "attempt-failed"
    """The work itself failed; it is tried again alone, in a process of its own."""
    GAVE_UP = "gave-up"
    CANCELLED = "cancelled"
    RETRIED = "retried"
    REREAD = "reread"
    """A completed study is to be read again, as a newer model would; what was found and written stays."""
    EDITED = "edited"
    """The report has a new version; this and all that follow leave the status as it is."""
    SIGNED = "signed"
    AMENDED = "amended"
    """The report was changed after it was signed."""
    ADDENDUM = "addendum"
    """Something was added below a signed report."""
    ENTERED_IN_ERROR = "entered-in-error"
    """The report was withdrawn."""
    ERASED = "erased"
    """The patient's data are gone."""


_GROWS: Final = (
    StudyStatus.QUEUED,
    StudyStatus.CLASSIFYING,
    StudyStatus.CLASSIFIED,
    StudyStatus.REPORTING,
    StudyStatus.COMPLETED,
    StudyStatus.REJECTED,  # a lateral came first, and its frontal now
    StudyStatus.FAILED,
)
"""Whatever was taken back by a client stays so."""
TRANSITIONS: Final[dict[tuple[StudyStatus, StudyEvent], StudyStatus]] = {
    (StudyStatus.OPEN, StudyEvent.CLOSED): StudyStatus.QUEUED,
    (StudyStatus.OPEN, StudyEvent.REJECTED): StudyStatus.REJECTED,  # no image came
    (StudyStatus.OPEN, StudyEvent.CANCELLED): StudyStatus.CANCELLED,
    **{(status, StudyEvent.REOPENED): StudyStatus.OPEN for status in _GROWS},
    (StudyStatus.QUEUED, StudyEvent.CLAIMED): StudyStatus.CLASSIFYING,
    (StudyStatus.QUEUED, StudyEvent.REJECTED): StudyStatus.REJECTED,  # a batch's item, at the door
    (StudyStatus.QUEUED, StudyEvent.CANCELLED): StudyStatus.CANCELLED,
    (StudyStatus.CLASSIFYING, StudyEvent.CLASSIFIED): StudyStatus.CLASSIFIED,
    (StudyStatus.CLASSIFYING, StudyEvent.REJECTED): StudyStatus.REJECTED,
    (StudyStatus.CLASSIFYING, StudyEvent.LEASE_EXPIRED): StudyStatus.QUEUED,
    (StudyStatus.CLASSIFYING, StudyEvent.RELEASED): StudyStatus.QUEUED,
    (StudyStatus.CLASSIFYING, StudyEvent.ATTEMPT_FAILED): StudyStatus.QUEUED,
    (StudyStatus.CLASSIFYING, StudyEvent.GAVE_UP): StudyStatus.FAILED,
    (StudyStatus.CLASSIFYING, StudyEvent.CANCELLED): StudyStatus.CANCELLED,
    (StudyStatus.CLASSIFIED, StudyEvent.CLAIMED): StudyStatus.REPORTING,
    (StudyStatus.CLASSIFIED, StudyEvent.CANCELLED): StudyStatus.CANCELLED,
    (StudyStatus.REPORTING, StudyEvent.REPORTED): StudyStatus.COMPLETED,
    (StudyStatus.REPORTING, StudyEvent.LEASE_EXPIRED): StudyStatus.CLASSIFIED,
    (StudyStatus.REPORTING, StudyEvent.RELEASED): StudyStatus.CLASSIFIED,
    (StudyStatus.REPORTING, StudyEvent.ATTEMPT_FAILED): StudyStatus.CLASSIFIED,
    (StudyStatus.REPORTING, StudyEvent.GAVE_UP): StudyStatus.FAILED,
    (StudyStatus.REPORTING, StudyEvent.CANCELLED): StudyStatus.CANCELLED,
    (StudyStatus.FAILED, StudyEvent.RETRIED): StudyStatus.QUEUED,
    (StudyStatus.COMPLETED, StudyEvent.REREAD): StudyStatus.QUEUED,
}


class IllegalTransitionError(ValueError):
    """The state machine has no such move: a bug in the caller, never bad input."""


def next_status(status: StudyStatus, event: StudyEvent) -> StudyStatus:
    """Return where `event` takes a study that is in `status`.

    Raises:
        IllegalTransitionError: `TRANSITIONS` does not list the pair.
    """
    try:
        return TRANSITIONS[status, event]
    except KeyError:
        message = f"a study that is {status} cannot be {event}"
        raise IllegalTransitionError(message) from None


def statuses_before(event: StudyEvent) -> frozenset[StudyStatus]:
    """Return the statuses in which `event` may happen."""
    return frozenset(status for status, allowed in TRANSITIONS if allowed is event)


class ActorKind(StrEnum):
    """Who may do something to a study."""

    KEY = "key"
    """A program, by its API key."""
    PERSON = "person"
    SERVICE = "service"
    """One of ours: a worker, the sweeper, or the API where it asks for no keys."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who did what an event tells of.

    Attributes:
        id: a key's or a person's id, a service's name; never a person's name.
    """

    kind: ActorKind
    id: str


class Stage(StrEnum):
    """The two kinds of work; each is a worker and the status in which studies wait for it."""

    CNN = "cnn"
    LLM = "llm"

    @property
    def waiting(self) -> StudyStatus:
        """The status of the studies that this stage takes on."""
        return StudyStatus.QUEUED if self is Stage.CNN else StudyStatus.CLASSIFIED


class Priority(StrEnum):
    """Who goes first. Each priority has a queue of its own; `archive` waits for the other two."""

    URGENT = "urgent"
    ROUTINE = "routine"
    ARCHIVE = "archive"

    @property
    def rank(self) -> int:
        """Its place in a line: lower goes first."""
        return list(Priority).index(self)
