"""What a destination is sent of a report: the version in force, in the destination's formats."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from shared.documents import NO_PICTURES, document_of, pictures_of, stored
from shared.errors import NotPossibleError
from shared.records import deliveries, reading, reports
from shared.records.database import Database
from shared.records.deliveries import Claim
from shared.records.destinations import Target
from shared.rendering.formats import FORMATS
from shared.storage import Storage


@dataclass(frozen=True, slots=True)
class Parcel:
    """A report as it is sent.

    Attributes:
        contents: by the name of the format.
        left_out: the formats in which this report cannot be written, and why.
    """

    version: int
    contents: Mapping[str, bytes]
    left_out: Mapping[str, str] = field(default_factory=dict)


class NothingToSendError(Exception):
    """The destination has it already, or there is nothing that it could be sent; the message says which."""


def report_for(database: Database, storage: Storage, claim: Claim, target: Target) -> Parcel:
    """Gather and render what a destination is owed.

    Raises:
        NothingToSendError: no report is there any more, none that the destination lacks, or none that can be
            written in any of its formats.
        TryAgainError: the database or the object store is away.
        DamagedError: the object store changed a picture of the report.
    """
    with database.session() as session:
        view = reading.view(session, claim.study_id)
        report = None if view is None else reports.in_force(session, claim.study_id)
        found = None if view is None or report is None else stored(session, view, report)
        given = deliveries.delivered_version(session, claim)
    if found is None:
        message = "there is no report any more"
        raise NothingToSendError(message)
    version = found.report.version
    if given == version:
        message = f"version {version} is the report, and was delivered before"
        raise NothingToSendError(message)
    shown = any(FORMATS[name].pictures for name in target.formats)
    document = document_of(found, pictures_of(storage, found) if shown else NO_PICTURES)
    contents: dict[str, bytes] = {}
    left_out: dict[str, str] = {}
    for name in target.formats:
        try:
            contents[name] = FORMATS[name].render(document)
        except NotPossibleError as error:
            left_out[name] = str(error)
    if not contents:
        message = "; ".join(f"{name}: {why}" for name, why in left_out.items())
        raise NothingToSendError(message)
    return Parcel(version, contents, left_out)
