"""What is brought: the files and what is said of them; and what can come of it, each as a value."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from shared.domain.orders import NO_ORDER, Order
from shared.domain.reports import Language
from shared.domain.studies import Actor, BatchId, Priority, StudyId, StudyStatus, TenantId
from shared.errors import BadInputError
from shared.intake.files import Checked
from shared.records.idempotency import InUse, RequestKey, Reused
from shared.records.reading import StudyView
from shared.records.studies import Opening


@dataclass(frozen=True, slots=True)
class Submission:
    """A study as it is brought to any of the doors, its files checked.

    Attributes:
        actor: who brings it.
        typed: what somebody says of the order; what the files say is read from them.
        path: where in the archive of its batch it lies.
        mixed: that files of several patients or studies, or another id than theirs, are meant; those of an
            open study never are.
        key: what the sender calls this submission: the same key takes the study in once.
        fingerprint: SHA-256 of all that was sent, where there is a key.
        opening: that more images may come; then there may be none yet.
    """

    tenant_id: TenantId
    actor: Actor
    checked: Checked
    asked_priority: Priority | None = None
    language: Language = Language.ENGLISH
    typed: Order = NO_ORDER
    batch_id: BatchId | None = None
    path: str | None = None
    mixed: bool = False
    key: str | None = None
    fingerprint: str = ""
    opening: Opening | None = None

    @property
    def priority(self) -> Priority:
        """What was asked for; an item of a batch is archive work unless it says otherwise."""
        return self.asked_priority or (Priority.ARCHIVE if self.batch_id else Priority.ROUTINE)

    @property
    def request_key(self) -> RequestKey | None:
        """The key as it is kept: an item's is unique within its batch."""
        scope = str(self.batch_id) if self.batch_id else ""
        return RequestKey(self.tenant_id, self.key, scope) if self.key else None


@dataclass(frozen=True, slots=True)
class Addition:
    """Images for an open study, their files checked.

    Attributes:
        sees: whose studies the sender may add to; None means everybody's.
        most_images: of the study, with these.
        reopens: that they come as DICOM instances: one whose UID the study has is not taken again, and for
            another a study that is closed opens again, with this quiet time.
    """

    study_id: StudyId
    sees: TenantId | None
    actor: Actor
    checked: Checked
    most_images: int
    reopens: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """The study is in.

    Attributes:
        answer: what the door answers, as it is kept with the key.
    """

    study_id: StudyId
    status: StudyStatus
    answer: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Replayed:
    """It was taken in before, with the same key, and answered so; an item of a batch as it stands now."""

    study_id: StudyId
    answer: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Refused:
    """A file cannot be used; nothing was taken in.

    Attributes:
        set_aside: why each of the files that are no images is none.
    """

    reason: BadInputError
    set_aside: Sequence[BadInputError]


@dataclass(frozen=True, slots=True)
class SeveralPatients:
    """The files contradict each other, and nobody said that it is meant; nothing was taken in.

    Attributes:
        differs: the headers in which they do, by keyword.
        groups: the names of those that belong together.
        positions: where each group's files are among those that were brought.
    """

    differs: Sequence[str]
    groups: Sequence[Sequence[str]]
    positions: Sequence[Sequence[int]]


@dataclass(frozen=True, slots=True)
class OtherPatient:
    """The id that was typed is not that of these files, and nobody said that it is meant."""

    files: Sequence[str]


@dataclass(frozen=True, slots=True)
class NoBatch:
    """The sender has no such batch."""


@dataclass(frozen=True, slots=True)
class Erased:
    """It was taken in before, and erased since: with the same key, this very moment."""


@dataclass(frozen=True, slots=True)
class BatchClosed:
    """The batch was cancelled and takes no more items."""


@dataclass(frozen=True, slots=True)
class Added:
    """The images are in; those that were in before were not taken again.

    The study is open, or waits where all images are there that were expected.
    """

    study_id: StudyId


@dataclass(frozen=True, slots=True)
class Closed:
    """The study is not open any more, by this or by what happened before; it is as it is now."""

    study: StudyView


@dataclass(frozen=True, slots=True)
class NoStudy:
    """The sender has no such study."""


@dataclass(frozen=True, slots=True)
class NotOpen:
    """The study takes no more images."""

    status: StudyStatus


@dataclass(frozen=True, slots=True)
class NoImages:
    """No image has come yet, and a study has at least one."""


Contradiction = SeveralPatients | OtherPatient
Refusal = Refused | Contradiction | NoBatch | BatchClosed | Erased | InUse | Reused
NotAdded = NoStudy | Erased | NotOpen | Refused | Contradiction
Outcome = Taken | Replayed | Refusal
