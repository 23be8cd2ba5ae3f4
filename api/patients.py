"""Whose study it is: files of several patients or studies, or an id not theirs, are taken only as meant."""

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

from api.plain_text import without_unseen
from api.problems import Code, ProblemError
from api.upload import CheckedFile, Fields
from shared.dicom import patients
from shared.domain import Order


def check(files: Sequence[CheckedFile], form: Fields) -> None:
    """Refuse files that contradict each other, or the id that was typed, unless that is said to be meant.

    The answer goes to who sent the files; no header's value is in it.

    Raises:
        ProblemError: `groups` says which files belong together, `positions` where they are in the request.
    """
    if form.mixed:
        return
    orders = [file.order for file in files]
    if differs := patients.differing(orders):
        groups = [[files[index] for index in group] for group in patients.groups_of(orders)]
        names = [[file.name for file in group] for group in groups]
        together = " / ".join(", ".join(group) for group in names)
        message = f"the files are of several patients or studies, by {' and '.join(differs)}: {together}"
        positions = [sorted({file.position for file in group}) for group in groups]
        raise ProblemError(Code.SEVERAL_PATIENTS, message, differs=differs, groups=names, positions=positions)
    others = [
        file.name
        for file in files
        if form.patient_id
        and file.order.patient_id
        and not patients.same(form.patient_id, file.order.patient_id)
    ]
    if others:
        message = f"the field patient_id names another patient than PatientID in {', '.join(others)}"
        raise ProblemError(Code.OTHER_PATIENT, message, files=others)


def known(files: Sequence[CheckedFile], form: Fields) -> Order:
    """Return what is known of the study: typed, else as the files have it, less what hides or turns text."""
    order = patients.order_of_study([_shown(file.order) for file in files], typed=form.typed)
    return replace(order, item_path=form.path if form.batch_id else None)


def _shown(order: Order) -> Order:
    texts: dict[str, Any] = {
        field.name: without_unseen(text) or None
        for field in fields(order)
        if isinstance(text := getattr(order, field.name), str)
    }
    return replace(order, **texts)
