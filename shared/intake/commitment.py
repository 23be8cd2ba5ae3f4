"""Storage commitment (PS3.4 annex J): of which instances we are answerable for, whoever asks and how."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import IntEnum

from shared.domain.studies import TenantId
from shared.intake.studies import Intake
from shared.records import commitments


class Failure(IntEnum):
    """Failure Reason (0008,1197)."""

    NO_SUCH_INSTANCE = 0x0112
    """We do not have it; or its original is not in the object store any more."""
    CLASS_CONFLICT = 0x0119
    """We have it, as an instance of another SOP class."""


@dataclass(frozen=True, slots=True)
class Reference:
    """An instance that is asked for."""

    sop_class_uid: str
    sop_instance_uid: str


def held(
    intake: Intake, tenant_id: TenantId, references: Collection[Reference]
) -> Mapping[Reference, Failure | None]:
    """Return of each instance why we are not answerable for it; None where we are. Blocks.

    Raises:
        TryAgainError: the database or the object store is away.
    """
    with intake.database.session() as session:
        named = {one.sop_instance_uid for one in references}
        here = commitments.kept(session, named, tenant_id=tenant_id)
    answers: dict[Reference, Failure | None] = {}
    for reference in references:
        stored = here.get(reference.sop_instance_uid)
        if stored is None or not intake.storage.has_original(stored.sha256):
            answers[reference] = Failure.NO_SUCH_INSTANCE
        elif stored.sop_class_uid != reference.sop_class_uid:
            answers[reference] = Failure.CLASS_CONFLICT
        else:
            answers[reference] = None
    return answers
