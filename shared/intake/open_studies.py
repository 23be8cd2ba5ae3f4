"""Studies whose images come one by one, as C-STORE and STOW bring them: announced, added, closed.

    take (studies.py, with an opening) -> announce, add ... -> close; or quiet time, or the number of images

Each image is in once its caller is told so, and a study that is closed has all that was told to be in: who
adds and who closes take turns at the study's row. The same content is one image, however often it comes.
"""

from collections.abc import Sequence

from shared.domain.studies import Actor, StudyId, StudyStatus, TenantId
from shared.errors import TooLargeError
from shared.intake import orders, patients
from shared.intake.files import Checked, CheckedFile
from shared.intake.studies import Intake, keep_originals, new_files, store_originals, stored
from shared.intake.submission import (
    Added,
    Addition,
    Closed,
    Contradiction,
    Erased,
    NoImages,
    NoStudy,
    NotAdded,
    NotOpen,
    Refused,
)
from shared.records import erasure, open_studies, reading
from shared.records.database import Session
from shared.records.moves import Hint
from shared.records.reading import StudyRecord, StudyView


def announce(intake: Intake, study_id: StudyId, *, sees: TenantId | None) -> NoStudy | Erased | None:
    """Begin an open study's quiet time anew, since images are on their way.

    Raises:
        TryAgainError: the database is away.
    """
    with intake.database.session() as session:
        refusal = _closed_to(reading.study(session, study_id), sees)
        if refusal is None:
            open_studies.put_off(session, study_id)
    # One that is closed may still be told again what it has.
    return None if isinstance(refusal, NotOpen) else refusal


def add(intake: Intake, addition: Addition) -> Added | NotAdded:
    """Add images to an open study, or say why not. Blocks.

    Raises:
        TryAgainError: the database or the object store is away; nothing was added.
    """
    if refusal := refused(addition.checked):
        return refusal
    with intake.database.session() as session:
        known = begin(session, addition)
    return known or finish(intake, addition)


def refused(checked: Checked) -> Refused | Contradiction | None:
    """Return why files are added to no study."""
    if checked.refusal is not None:
        return Refused(checked.refusal, checked.set_aside)
    return patients.contradiction(checked.files)


def begin(session: Session, addition: Addition) -> Added | NotAdded | None:
    """Note the originals, which `finish` stores after the commit; or return the answer already."""
    files = new_files(addition.checked.files)
    study = reading.study(session, addition.study_id)
    if _closed_to(study, addition.sees) is not None:
        view = reading.view(session, addition.study_id)
        if known := _answer_unless_open(view, addition, files):
            return known
    erasure.intend(session, [file.sha256 for file in files])
    return None


def finish(intake: Intake, addition: Addition) -> Added | NotAdded:
    """Store the originals that are noted, and write the images down.

    Raises:
        TryAgainError: the database or the object store is away; nothing was added.
    """
    files = new_files(addition.checked.files)
    for number, _ in enumerate(store_originals(intake, files), 1):
        if number < len(files):
            announce(intake, addition.study_id, sees=addition.sees)
    with intake.database.session() as session:
        outcome, hints = _write(intake, session, addition, files)
    for hint in hints:
        intake.send_hint(hint)
    return outcome


def _write(
    intake: Intake, session: Session, addition: Addition, files: Sequence[CheckedFile]
) -> tuple[Added | NotAdded, Sequence[Hint]]:
    """Write down images whose originals are stored, in the caller's transaction."""
    view = open_studies.hold(session, addition.study_id)
    if known := _answer_unless_open(view, addition, files):
        return known, ()
    assert view is not None  # noqa: S101  a study that is not there is refused
    if contradiction := patients.contradiction_with(view, files):
        return contradiction, ()
    new = _new_to(view, files, addition)
    set_aside = addition.checked.set_aside
    if new and len(view.images) + len(new) > addition.most_images:
        message = f"a study has at most {addition.most_images} images, and {len(view.images)} are here"
        return Refused(TooLargeError(message, file=new[-1].name), set_aside), ()
    # After the last refusal: the notes of what is not taken in are the collector's.
    keep_originals(intake, session, files)
    if not new:
        return Added(addition.study_id), ()
    order = patients.known_with(view, files, set_aside)
    said = orders.said_of(session, view.study.tenant_id, order, view.study.priority)
    said.note(session, view.study.id, actor=addition.actor, told={event.event for event in view.events})
    if addition.reopens is not None and view.study.status is not StudyStatus.OPEN:
        open_studies.reopen(session, view.study.id, close_after=addition.reopens, actor=addition.actor)
    hints = open_studies.add(session, view, stored(new), said.order, actor=addition.actor)
    return Added(addition.study_id), hints


def close(
    intake: Intake, study_id: StudyId, *, sees: TenantId | None, actor: Actor
) -> Closed | NoStudy | Erased | NoImages:
    """Close an open study by its sender's word; one that is closed already stays as it is.

    Raises:
        TryAgainError: the database is away.
    """
    with intake.database.session() as session:
        view = open_studies.hold(session, study_id)
        refusal = _closed_to(view.study if view else None, sees)
        if isinstance(refusal, NotOpen) and view is not None:
            return Closed(view)
        if isinstance(refusal, NoStudy | Erased):
            return refusal
        hints = open_studies.close(session, study_id, actor=actor)
        if not hints:
            return NoImages()
        now = reading.view(session, study_id)
        assert now is not None  # noqa: S101  its row is held
    for hint in hints:
        intake.send_hint(hint)
    return Closed(now)


def _answer_unless_open(
    view: StudyView | None, addition: Addition, files: Sequence[CheckedFile]
) -> Added | NoStudy | Erased | NotOpen | None:
    """Return what is answered where nothing can be added: that it is in, to who sends it once more."""
    refusal = _closed_to(view.study if view else None, addition.sees)
    if not isinstance(refusal, NotOpen) or view is None:
        return refusal
    if not _new_to(view, files, addition):
        return Added(view.study.id)
    opens_again = addition.reopens is not None and refusal.status is not StudyStatus.CANCELLED
    return None if opens_again else refusal


def _new_to(view: StudyView, files: Sequence[CheckedFile], addition: Addition) -> list[CheckedFile]:
    new = new_files(files, known={image.sha256 for image in view.images})
    if addition.reopens is None:
        return new
    here = {image.sop_instance_uid for image in view.images}
    return [file for file in new if file.identity is None or file.identity.sop_instance_uid not in here]


def _closed_to(study: StudyRecord | None, sees: TenantId | None) -> NoStudy | Erased | NotOpen | None:
    """Return why a sender cannot add to the study."""
    if study is None or sees not in (None, study.tenant_id):
        return NoStudy()
    if study.erased_at is not None:
        return Erased()
    return None if study.status is StudyStatus.OPEN else NotOpen(study.status)
