"""STOW-RS: what is received goes in instance by instance, and the answer says of each what became of it.

part -> files.check -> instances.receive -> ReferencedSOPSequence, FailedSOPSequence or OtherFailuresSequence
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

from pydicom.uid import UID

from api.auth import Caller
from api.backend import Backend
from api.dicomweb.media import BYTES, DICOM
from api.dicomweb.parts import Part
from shared.dicom.attributes import value_of
from shared.dicom.dicom_json import attribute, data_set
from shared.dicom.files import open_dicom
from shared.domain.instances import Identity
from shared.errors import BadInputError, ForeignObjectError, TooLargeError, UnsupportedImageError
from shared.intake import files
from shared.intake.files import Checked, SentFile
from shared.intake.instances import Arrival, receive
from shared.intake.submission import Added, NotAdded, OtherPatient, Refused, SeveralPatients

OUT_OF_RESOURCES: Final = 0xA700
DOES_NOT_MATCH: Final = 0xA900
"""Data Set does not match SOP Class; also of an instance of another study than the one that is named."""
CANNOT_UNDERSTAND: Final = 0xC000
CLASS_NOT_SUPPORTED: Final = 0x0122
SYNTAX_NOT_SUPPORTED: Final = 0xC122
NOT_AUTHORIZED: Final = 0x0124
"""Failure reasons (PS3.18 I.2.2, and PS3.7 annex C). The last is of a study that takes no more instances."""


@dataclass(slots=True)
class Stored:
    """What became of a request's instances.

    Attributes:
        whys: in words, of those that are not stored; none of them holds a DICOM value.
    """

    base: str
    references: list[dict[str, Any]] = field(default_factory=list)
    failures: list[dict[str, Any]] = field(default_factory=list)
    others: list[dict[str, Any]] = field(default_factory=list)
    studies: set[str] = field(default_factory=set)
    whys: list[str] = field(default_factory=list)

    @property
    def status(self) -> HTTPStatus:
        """200 where all are stored, 202 where some are, 409 where none is."""
        if not self.failures and not self.others:
            return HTTPStatus.OK
        return HTTPStatus.ACCEPTED if self.references else HTTPStatus.CONFLICT

    def body(self) -> dict[str, Any]:
        """Return the answer (PS3.18 10.5.3) in the DICOM JSON Model."""
        # Of instances of several studies there is no one place.
        url = f"{self.base}/studies/{next(iter(self.studies))}" if len(self.studies) == 1 else None
        sequences = {
            "ReferencedSOPSequence": self.references,
            "FailedSOPSequence": self.failures,
            "OtherFailuresSequence": self.others,
        }
        body = attribute("RetrieveURL", url)
        for keyword, items in sequences.items():
            if items:
                body |= attribute(keyword, *items)
        return body


def store(
    backend: Backend, caller: Caller, parts: Sequence[Part], *, base: str, study_uid: str | None
) -> Stored:
    """Store the parts, each for itself. Blocks.

    Args:
        base: the address of /dicomweb.
        study_uid: of which all of them must be.

    Raises:
        TryAgainError: the database or the object store is away. Those that are in already are in, and are
            told of when all are sent again.
    """
    stored = Stored(base)
    for part in parts:
        checked = _checked(part, backend)
        try:
            _store(backend, caller, part, checked, stored, study_uid)
        finally:
            checked.close()
    return stored


def _checked(part: Part, backend: Backend) -> Checked:
    if part.refusal is not None:
        return Checked(refusal=part.refusal)
    if part.media_type not in {DICOM, BYTES}:
        message = f"a part is of {DICOM}, and nothing else"
        return Checked(refusal=UnsupportedImageError(message, file=part.name))
    return files.check([SentFile(part.name, part.content)], files.limits_of(backend.settings))


def _store(
    backend: Backend, caller: Caller, part: Part, checked: Checked, stored: Stored, study_uid: str | None
) -> None:
    identity = _identity_of(part, checked)
    if checked.refusal is None and study_uid not in (None, checked.files[0].order.study_instance_uid):
        message = "the instance is of another study than the one in the address"
        _fail(stored, part, identity, DOES_NOT_MATCH, message)
        return
    outcome = receive(
        backend.intake,
        Arrival(
            tenant_id=caller.tenant_id,
            actor=caller.actor,
            checked=checked,
            close_after=backend.settings.close_after,
            most_images=backend.settings.max_files,
        ),
    )
    if isinstance(outcome, Added):
        assert identity is not None  # noqa: S101  it was filed by it
        file = checked.files[0]
        study, series = file.order.study_instance_uid, identity.series_instance_uid
        stored.studies.add(study or "")
        place = f"{stored.base}/studies/{study}/series/{series}/instances/{identity.sop_instance_uid}"
        stored.references.append(
            data_set([*_named(identity), ("RetrieveURL", place if series is not None else None)])
        )
    else:
        _fail(stored, part, identity, *_reason_of(outcome))


def _identity_of(part: Part, checked: Checked) -> Identity | None:
    """Return what a file calls itself, be it stored or not; None of what is no DICOM file."""
    if checked.refusal is None:
        return checked.files[0].identity
    with suppress(BadInputError):
        dataset = open_dicom(part.content, name=part.name).dataset
        uids = [value_of(dataset, keyword) for keyword in ("SOPClassUID", "SOPInstanceUID")]
        if all(isinstance(uid, UID) and uid.is_valid for uid in uids):
            return Identity(*uids)
    return None


def _fail(stored: Stored, part: Part, identity: Identity | None, reason: int, why: str) -> None:
    stored.whys.append(f"{part.name}: {why}")
    item = attribute("FailureReason", reason)
    if identity is None or identity.sop_instance_uid is None:
        stored.others.append(item)
    else:
        stored.failures.append({**data_set(_named(identity)), **item})


def _named(identity: Identity) -> list[tuple[str, object]]:
    return [
        ("ReferencedSOPClassUID", identity.sop_class_uid),
        ("ReferencedSOPInstanceUID", identity.sop_instance_uid),
    ]


def _reason_of(outcome: NotAdded) -> tuple[int, str]:
    match outcome:
        case Refused(reason, _):
            return _code_of(reason), reason.detail
        case SeveralPatients(differs, _, _):
            return CANNOT_UNDERSTAND, f"it contradicts its study in {' and '.join(differs)}"
        case OtherPatient():
            return CANNOT_UNDERSTAND, "it is of another patient than its study"
        case _:
            return NOT_AUTHORIZED, "its study was cancelled or erased, and takes no more instances"


def _code_of(reason: BadInputError) -> int:
    if isinstance(reason, TooLargeError):
        return OUT_OF_RESOURCES
    if isinstance(reason, ForeignObjectError):
        return CLASS_NOT_SUPPORTED
    return SYNTAX_NOT_SUPPORTED if isinstance(reason, UnsupportedImageError) else CANNOT_UNDERSTAND
