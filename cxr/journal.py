"""What a batch upload has done so far, in a file that outlives it: one JSON line for each thing.

The first line says which batch it is and how it was begun; each further one what became of an item: the
server has it, or does not want it; or what was left out, which is tried again. The last word on a path
counts. A line that was cut short by a crash is ignored: its item is sent again, and the server recognises
its key.
"""

import hashlib
import json
import os
import threading
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Self

from cxr.archive_names import shown

VERSION: Final = 2
"""Of the journal, which `begin` writes. Another version's keys may be made in another way."""


@dataclass(frozen=True, slots=True)
class Beginning:
    """How a batch was begun: it goes on in the same way, or its items would be others.

    Attributes:
        at: when, as an ISO 8601 date and time.
    """

    batch: str
    archive: str
    url: str
    study_per_folder: bool
    priority: str
    language: str | None
    at: str


class Journal:
    """The record of one archive's upload to one server.

    Attributes:
        beginning: how its batch was begun; None where there is none yet.
        of_another_version: the batch of a journal that cannot be gone on with.
        refused: by its path, why the server did not take an item.
        left_out: by its path, why something was not sent in this run; the next one tries it again.
        split: by its path, of how many studies an item turned out to be; each was sent by itself.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self.beginning: Beginning | None = None
        self.of_another_version: str | None = None
        self._forget()
        for line in self._lines():
            self._read(line)

    @classmethod
    def of(cls, folder: Path, *, archive: Path, url: str) -> Self:
        """Open the journal of an archive and a server."""
        name = hashlib.sha256(os.fsencode(f"{url}\n{archive.resolve()}")).hexdigest()[:24]
        return cls(folder / f"{name}.ndjson")

    def begin(self, beginning: Beginning) -> None:
        """Start anew, for this batch."""
        self.beginning = beginning
        self.of_another_version = None
        self._forget()
        self._path.write_text(json.dumps({"journal": VERSION, **asdict(beginning)}) + "\n")

    def has(self, key: str) -> bool:
        """Tell whether the item needs no more sending."""
        return key in self._done

    def note_taken(self, path: str, key: str, *, study_id: str | None = None) -> None:
        """Write down that the server has an item."""
        self._note({"path": shown(path), "item": key, "study": study_id})

    def note_refused(self, path: str, key: str, reason: str) -> None:
        """Write down that the server does not want an item, and why."""
        self._note({"path": shown(path), "item": key, "refused": reason})

    def note_split(self, path: str, key: str, studies: int) -> None:
        """Write down that an item was of several studies, each of which was sent by itself."""
        self._note({"path": shown(path), "item": key, "split": studies})

    def note_left_out(self, path: str, reason: str) -> None:
        """Write down why something was not sent."""
        self._note({"path": shown(path), "left_out": reason})

    def _note(self, entry: dict[str, Any]) -> None:
        with self._lock, self._path.open("a") as file:
            self._take(entry)
            file.write(json.dumps(entry) + "\n")

    def _take(self, entry: dict[str, Any]) -> None:
        path = entry["path"]
        for reasons in (self.refused, self.left_out):
            reasons.pop(path, None)
        if "left_out" in entry:
            self.left_out[path] = entry["left_out"]
            return
        self._done.add(entry["item"])
        if "refused" in entry:
            self.refused[path] = entry["refused"]
        if "split" in entry:
            self.split[path] = entry["split"]

    def _forget(self) -> None:
        self.refused: dict[str, str] = {}
        self.left_out: dict[str, str] = {}
        self.split: dict[str, int] = {}
        self._done: set[str] = set()

    def _lines(self) -> list[str]:
        try:
            text = self._path.read_text(errors="replace")
        except FileNotFoundError:
            return []
        if text and not text.endswith("\n"):
            # Cut short: end the line, so that the next one is not written into it.
            with self._path.open("a") as file:
                file.write("\n")
        return text.splitlines()

    def _read(self, line: str) -> None:
        try:
            entry = json.loads(line)
            if "batch" not in entry:
                if "left_out" not in entry:  # what this run leaves out is its own to say
                    self._take(entry)
            elif entry.pop("journal", 1) == VERSION:
                self.beginning = Beginning(**entry)
            else:
                self.of_another_version = str(entry["batch"])
        except (ValueError, TypeError, KeyError):
            return  # cut short


def path_of(key: str) -> str:
    """Return an item's path within its archive, as it stands in its key (archive.py)."""
    return key.rpartition("@")[0] or key
