"""Whose study it is: files of several patients or studies, or an id not theirs, are taken only as meant."""

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

from shared.dicom import foreign, patients
from shared.domain.orders import NO_ORDER, Order
from shared.errors import BadInputError
from shared.intake.files import CheckedFile
from shared.intake.submission import Contradiction, OtherPatient, SeveralPatients, Submission
from shared.plain_text import without_unseen
from shared.records.reading import StudyView


def contradiction(files: Sequence[CheckedFile], *, typed: Order = NO_ORDER) -> Contradiction | None:
    """Return how files contradict each other, or the id that was typed.

    It goes to who sent the files; no header's value is in it.
    """
    orders = [file.order for file in files]
    if differs := patients.differing(orders):
        groups = [[files[index] for index in group] for group in patients.groups_of(orders)]
        return SeveralPatients(
            differs=differs,
            groups=[[file.name for file in group] for group in groups],
            positions=[sorted({file.position for file in group}) for group in groups],
        )
    others = [
        file.name
        for file in files
        if typed.patient_id
        and file.order.patient_id
        and not patients.same(typed.patient_id, file.order.patient_id)
    ]
    return OtherPatient(others) if others else None


def contradiction_with(study: StudyView, files: Sequence[CheckedFile]) -> SeveralPatients | None:
    """Return how files contradict what is known of the study that they are to be added to."""
    if not (differs := patients.differing([study.order, *(_shown(file.order) for file in files)])):
        return None
    return SeveralPatients(
        differs=differs,
        groups=[[image.file for image in study.images], [file.name for file in files]],
        positions=[[], sorted({file.position for file in files})],
    )


def known(files: Sequence[CheckedFile], submission: Submission) -> Order:
    """Return what is known of the study: typed, else as the files have it, less what hides or turns text."""
    order = patients.order_of_study([_shown(file.order) for file in files], typed=submission.typed)
    return replace(
        order,
        item_path=submission.path if submission.batch_id else None,
        set_aside=tuple(foreign.noted(submission.checked.set_aside)),
    )


def known_with(study: StudyView, files: Sequence[CheckedFile], set_aside: Sequence[BadInputError]) -> Order:
    """Return what is known of a study with further files: they fill in what was not known of it."""
    order = patients.order_of_study([_shown(file.order) for file in files], typed=study.order)
    return replace(order, set_aside=(*study.order.set_aside, *foreign.noted(set_aside)))


def _shown(order: Order) -> Order:
    texts: dict[str, Any] = {
        field.name: without_unseen(text) or None
        for field in fields(order)
        if isinstance(text := getattr(order, field.name), str)
    }
    return replace(order, **texts)
