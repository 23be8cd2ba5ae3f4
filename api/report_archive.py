"""A batch's reports in one zip, which is written while it is sent.

<path of the item in its archive>.<extension>     the report of each item that has one
index.csv                                         last: every item, its file, or why it has none
"""

import io
import re
import zipfile
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC
from typing import Final

from fastapi.concurrency import run_in_threadpool
from typing_extensions import override

from api.backend import Backend
from api.documents import Form, content_of, stored
from api.problems import ProblemError
from api.results import BYTE_ORDER_MARK, csv_line
from shared.documents import StoredReport
from shared.errors import NotPossibleError
from shared.records import reading
from shared.records.batches import BatchItem

MOST_REPORTS: Final = 100_000
"""In one zip: its directory is kept in memory, 1 kB for each."""

_INDEX: Final = "index.csv"
_COLUMNS: Final = ("file", "path", "study_id", "status", "report_version", "report_status", "reason")
_FORBIDDEN: Final = re.compile(r'[\x00-\x1f\x7f<>:"|?*]')
"""What a file's name may not hold on some system."""
_LONGEST_PART: Final = 100
_FIRST_DAY: Final = (1980, 1, 1, 0, 0, 0)


async def archive(backend: Backend, items: AsyncIterator[BatchItem], form: Form) -> AsyncIterator[bytes]:
    """Write the zip piece by piece.

    Raises:
        ProblemError: the object store does not answer; whoever reads sees that the zip has no end.
    """
    zipped = _Zip()
    async for item in items:
        found = await run_in_threadpool(_find, backend, item)
        reason, content = item.study.error_detail, None
        if found is not None:
            try:
                content = await content_of(backend, form, found)
            except NotPossibleError as error:
                reason = str(error)
        zipped.add(item, content, form.extension, reason)
        if piece := zipped.taken():
            yield piece
    yield zipped.end()


@dataclass
class _Zip:
    """A zip whose bytes are taken away as they are written."""

    _lines: list[str] = field(default_factory=lambda: [BYTE_ORDER_MARK + csv_line(_COLUMNS)])
    _names: set[str] = field(default_factory=lambda: {_INDEX})

    def __post_init__(self) -> None:
        self._sink = _Sink()
        # The sink cannot be sought in, so each member's sizes are written behind it.
        self._zip = zipfile.ZipFile(self._sink, "w", zipfile.ZIP_DEFLATED)

    def add(self, item: BatchItem, content: bytes | None, extension: str, reason: str | None) -> None:
        """Write an item's report, and its line of the index."""
        report, study = item.report, item.study
        name = ""
        if content is not None and report is not None:
            name = self._name_of(item, extension)
            written = report.created_at.astimezone(UTC).timetuple()[:6]
            member = zipfile.ZipInfo(name, max(written, _FIRST_DAY))
            member.external_attr = 0o644 << 16
            self._zip.writestr(member, content, zipfile.ZIP_DEFLATED)
        of_report = (str(report.version), report.status.value) if report else ("", "")
        path = item.order.item_path or ""
        cells = (name, path, str(study.id), study.status.value, *of_report, reason or "")
        self._lines.append(csv_line(cells))

    def taken(self) -> bytes:
        """Return what was written since."""
        return self._sink.taken()

    def end(self) -> bytes:
        """Write the index and the zip's directory, and return what is left."""
        self._zip.writestr(zipfile.ZipInfo(_INDEX, _FIRST_DAY), "".join(self._lines), zipfile.ZIP_DEFLATED)
        self._zip.close()
        return self._sink.taken()

    def _name_of(self, item: BatchItem, extension: str) -> str:
        """Name a member as its item: a path that leaves no folder, and that no other member has."""
        study_id = str(item.study.id)
        base = member_path(item.order.item_path) or study_id
        name = f"{base}.{extension}"
        if name.casefold() in self._names:
            name = f"{base} {study_id}.{extension}"
        self._names.add(name.casefold())
        return name


class _Sink(io.RawIOBase):
    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    @override
    def writable(self) -> bool:
        return True

    @override
    def write(self, piece: bytes) -> int:  # type: ignore[override]  # of zipfile, which writes bytes
        self._pieces.append(bytes(piece))
        return len(piece)

    def taken(self) -> bytes:
        joined = b"".join(self._pieces)
        self._pieces.clear()
        return joined


def member_path(path: str | None) -> str:
    """Return a client's path as a file may be called anywhere; empty where nothing of it is left."""
    parts = (_FORBIDDEN.sub("_", part).strip(" .")[:_LONGEST_PART] for part in re.split(r"[/\\]", path or ""))
    return "/".join(filter(None, parts))


def _find(backend: Backend, item: BatchItem) -> StoredReport | None:
    """Return an item's report; None where there is none, or no longer."""
    if item.report is None:
        return None
    with backend.database.session() as session:
        view = reading.view(session, item.study.id)
        if view is None:
            return None
        try:
            return stored(session, view, item.report)
        except ProblemError:
            return None
