"""A report in each format, as the API gives it: JSON is its own, the others are those of rendering."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

from fastapi.concurrency import run_in_threadpool

from api.backend import Backend
from api.bodies.report import report_body
from api.problem_kinds import Code
from api.problems import ProblemError
from shared import documents
from shared.bucket import SHORT
from shared.documents import NO_PICTURES, Pictures, StoredReport, document_of, pictures_of
from shared.records.database import Session
from shared.records.reading import StudyView
from shared.records.reports import ReportRecord
from shared.rendering.formats import FORMATS, Format

_PICTURES_SECONDS: Final = SHORT.object_seconds(32 << 20)
"""For all that a format shows of a study."""


def stored(session: Session, view: StudyView, report: ReportRecord) -> StoredReport:
    """Read what a version was written from.

    Raises:
        ProblemError: 410, the study was erased meanwhile.
    """
    found = documents.stored(session, view, report)
    if found is None:
        message = "the study was erased"
        raise ProblemError(Code.ERASED, message)
    return found


@dataclass(frozen=True, slots=True)
class Form:
    """A format as the API gives it: JSON is its own, the others are those of `shared/rendering/formats.py`.

    Attributes:
        write: raises NotPossibleError where the study lacks what the format cannot do without.
    """

    name: str
    media_type: str
    extension: str
    write: Callable[[StoredReport, Pictures], bytes]
    by_accept: bool
    pictures: bool


def _form_of(form: Format) -> Form:
    return Form(
        form.name,
        form.media_type,
        form.extension,
        lambda found, pictures: form.render(document_of(found, pictures)),
        form.by_accept,
        form.pictures,
    )


def form_named(name: str) -> Form:
    """Return the format of a name.

    Raises:
        ProblemError: 406, there is none.
    """
    if name not in FORMS:
        message = f"there is no format {name[:40]!r} of a report"
        raise ProblemError(Code.NOT_ACCEPTABLE, message, formats=list(FORMS))
    return FORMS[name]


async def content_of(backend: Backend, form: Form, found: StoredReport) -> bytes:
    """Write a report in a format, with its pictures where the format shows them.

    Raises:
        NotPossibleError: the study lacks what the format cannot do without.
        ProblemError: 503, the object store did not answer in time.
        TryAgainError, DamagedError: as `pictures_of`.
    """
    pictures = NO_PICTURES
    if form.pictures:
        read = partial(pictures_of, backend.storage, found)
        pictures = await backend.reading.run(read, seconds=_PICTURES_SECONDS)
    return await run_in_threadpool(form.write, found, pictures)


def _json_of(found: StoredReport, _pictures: Pictures) -> bytes:
    return report_body(found.view, found.report, found.rows, found.history).model_dump_json().encode()


JSON: Final = Form("json", "application/json", "json", _json_of, by_accept=True, pictures=False)
FORMS: Final[Mapping[str, Form]] = {JSON.name: JSON} | {
    name: _form_of(form) for name, form in FORMATS.items()
}
"""By name."""
