"""Whose study it is: files of several patients or studies, or an id not theirs, are taken only as meant."""

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

from shared.dicom import foreign, patients
from shared.domain import Order
from shared.intake.files import CheckedFile
from shared.intake.submission import Contradiction, OtherPatient, SeveralPatients, Submission
from shared.plain_text import without_unseen


def contradiction(files: Sequence[CheckedFile], submission: Submission) -> Contradiction | None:
    """Return how files contradict each other, or the id that was typed, unless that is said to be meant.

    It goes to who sent the files; no header's value is in it.
    """
    if submission.mixed:
        return None
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
        if submission.typed.patient_id
        and file.order.patient_id
        and not patients.same(submission.typed.patient_id, file.order.patient_id)
    ]
    return OtherPatient(others) if others else None


def known(files: Sequence[CheckedFile], submission: Submission) -> Order:
    """Return what is known of the study: typed, else as the files have it, less what hides or turns text."""
    order = patients.order_of_study([_shown(file.order) for file in files], typed=submission.typed)
    return replace(
        order,
        item_path=submission.path if submission.batch_id else None,
        set_aside=tuple(foreign.noted(submission.checked.set_aside)),
    )


def _shown(order: Order) -> Order:
    texts: dict[str, Any] = {
        field.name: without_unseen(text) or None
        for field in fields(order)
        if isinstance(text := getattr(order, field.name), str)
    }
    return replace(order, **texts)
