"""A batch's reports as a folder of files: several at once, and taken up where it was left.

    <path of the item in its archive>.<extension>     each report
    reports.csv                                       every item: its file and version, or why it has none

What reports.csv names in its newest version is not asked for again.
"""

import csv
import io
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from cxr.archive_names import shown, with_slashes
from cxr.at_once import each_done
from cxr.client import Client
from cxr.errors import NotReadyError, ProblemError
from cxr.models import BatchResult
from cxr.output import whole_file
from cxr.report_formats import KINDS, ReportFormat

INDEX: Final = "reports.csv"
_COLUMNS: Final = ("file", "path", "study_id", "status", "version", "reason")
_ABOUT_THE_STUDY: Final = frozenset({404, 409, 410})
_AHEAD: Final = 4
_FORBIDDEN: Final = re.compile(r'[\x00-\x1f\x7f<>:"|?*]')
_LONGEST_PART: Final = 100


@dataclass(frozen=True, slots=True)
class Saved:
    """An item of the batch: its file below the folder and the version in it, or why it has none."""

    file: str
    path: str
    study_id: str
    status: str
    version: str
    reason: str = ""


class ReportFolder:
    """The folder that a batch's reports are written to, in one format."""

    def __init__(self, client: Client, batch_id: str, folder: Path, form: ReportFormat) -> None:
        """Take the folder, which may hold what was saved before."""
        self._client = client
        self._batch_id = batch_id
        self._folder = folder
        self._form = form
        self._extension = KINDS[form].extension
        self._before = {saved.study_id: saved for saved in _read(folder / INDEX)}
        self._names = {INDEX} | {saved.file.casefold() for saved in self._before.values() if saved.file}
        self.saved: list[Saved] = []

    def save_all(self, *, at_once: int) -> Iterator[int]:
        """Save every report that is not here yet; yield how many items are done, again and again.

        Raises:
            NotReachableError: the server is gone; what was saved is in the index.
            OSError: a file cannot be written.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        threads = ThreadPoolExecutor(at_once, thread_name_prefix="report")
        try:
            # Named here, in the order of the batch, so that two threads never take one name.
            named = ((item, self._name_of(item)) for item in self._client.batches.results(self._batch_id))
            ended = each_done(threads, lambda one: self._save(*one), named, ahead=at_once * _AHEAD)
            for number, done in enumerate(ended, start=1):
                self.saved.append(done.result())
                yield number
        finally:
            threads.shutdown(wait=True, cancel_futures=True)
            self._write_index()

    def _name_of(self, item: BatchResult) -> str:
        before = self._before.get(item.study_id)
        if before is not None and before.file:
            return before.file
        base = _file_path(item.path or "") or item.study_id
        name = f"{base}.{self._extension}"
        if name.casefold() in self._names:
            name = f"{base} {item.study_id}.{self._extension}"
        self._names.add(name.casefold())
        return name

    def _save(self, item: BatchResult, name: str) -> Saved:
        said = {"path": shown(item.path or ""), "study_id": item.study_id, "status": item.status}
        if item.report is None:
            reason = item.error.detail if item.error else f"it is {item.status}"
            return Saved(file="", version="", reason=reason, **said)
        version, file = str(item.report.version), self._folder / name
        saved = Saved(file=name, version=version, **said)
        if self._before.get(item.study_id) == saved and file.exists():
            return saved
        try:
            content = self._client.report_file(item.study_id, self._form)
        except (ProblemError, NotReadyError) as error:
            if isinstance(error, ProblemError) and error.status not in _ABOUT_THE_STUDY:
                raise
            return Saved(file="", version="", reason=str(error), **said)
        file.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(file) as written:
            written.write(content)
        return saved

    def _write_index(self) -> None:
        done = {saved.study_id for saved in self.saved}
        # What an interrupted run did not come to is still there.
        kept = [saved for saved in self._before.values() if saved.study_id not in done]
        with whole_file(self._folder / INDEX) as file:
            text = io.StringIO(newline="")
            lines = csv.DictWriter(text, _COLUMNS)
            lines.writeheader()
            lines.writerows(asdict(saved) for saved in (*self.saved, *kept))
            file.write(text.getvalue().encode("utf-8-sig"))


def _read(index: Path) -> Iterator[Saved]:
    if index.exists():
        with index.open(encoding="utf-8-sig", newline="") as file:
            for row in csv.DictReader(file):
                yield Saved(**{name: row.get(name) or "" for name in _COLUMNS})


def _file_path(path: str) -> str:
    """Return an item's path as a file may be called on any system."""
    parts = (_FORBIDDEN.sub("_", part).strip(" .")[:_LONGEST_PART] for part in with_slashes(path).split("/"))
    return "/".join(filter(None, parts)) if path else ""
