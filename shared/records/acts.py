"""What persons do to a report: each act adds a version, under the study's lock and in one transaction.

The person's draft goes with it. `STATUS_AFTER` in `shared/domain/reports.py` says which acts there are.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from shared.domain.reports import SIGNED, Act, AuthorKind, EditedReport, Line, Person, status_after
from shared.domain.studies import Actor, StudyEvent, StudyId
from shared.errors import ConflictError
from shared.records import drafts, events, reports
from shared.records.changes import NOT_COUNTED, since_draft
from shared.records.tables import ReportRow, StudyRow


@dataclass(frozen=True, slots=True)
class Deed:
    """What one person does to a report.

    Attributes:
        made_from: the version that they saw.
        text: what they made of it; None leaves it as it stands.
        lines: what they decided on each sentence.
        reason: why they change or withdraw a signed report.
        addendum: what they add below it.
    """

    act: Act
    person: Person
    made_from: int
    text: EditedReport | None = None
    lines: Sequence[Line] = ()
    reason: str | None = None
    addendum: str | None = None


_EVENTS: Final = {
    Act.EDITED: StudyEvent.EDITED,
    Act.SIGNED: StudyEvent.SIGNED,
    Act.AMENDED: StudyEvent.AMENDED,
    Act.ADDENDUM: StudyEvent.ADDENDUM,
    Act.ENTERED_IN_ERROR: StudyEvent.ENTERED_IN_ERROR,
}


def add(session: Session, study_id: StudyId, deed: Deed, *, actor: Actor) -> int:
    """Add the version that a person's act makes, in the caller's transaction; return its number.

    The study stays as it is. The indication and the findings behind it go on from version to version.

    Raises:
        ConflictError: another version is the report by now, or the study was erased; nothing is written.
        IllegalActError: the version has a status in which nobody may do that.
    """
    session.execute(select(StudyRow.id).where(StudyRow.id == study_id).with_for_update())
    earlier = reports.in_force(session, study_id)
    if earlier is None:
        message = f"there is no version {deed.made_from} any more"
        raise ConflictError(message)
    if earlier.version != deed.made_from:
        message = f"this is of version {deed.made_from}, and the report is version {earlier.version} by now"
        raise ConflictError(message, newest_version=earlier.version)
    status = status_after(earlier.status, deed.act)
    number = reports.next_number(session, study_id)
    opened_at = drafts.take(session, study_id, deed.person)
    text = deed.text or earlier
    changes = since_draft(session, earlier, text, deed.addendum) if status in SIGNED else NOT_COUNTED
    session.add(
        ReportRow(
            study_id=study_id,
            version=number,
            made_from=earlier.version,
            act=deed.act,
            status=status,
            analysis_id=earlier.analysis_id,
            indication=earlier.indication,
            author_kind=AuthorKind.PERSON,
            author_name=deed.person.name,
            opened_at=opened_at,
            lines=drafts.LINES.dump_python(tuple(deed.lines), mode="json"),
            reason=deed.reason,
            addendum=deed.addendum,
            changed_words=changes.words,
            changed_labels=changes.labels,
            **reports.text_of(text),
        )
    )
    session.flush()
    values = {"report_status": status}
    events.add(session, study_id, _EVENTS[deed.act], actor=actor, detail=f"version {number}", values=values)
    return number
