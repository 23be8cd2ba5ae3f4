"""What a batch upload has done so far, in a file that outlives it: one JSON line for each thing.

The first line names the batch; each further one an item that the server has, or does not want; the
last word on an item counts. A line that was cut short by a crash is ignored: its item is sent again,
and the server recognises its key.
"""

import hashlib
import json
import os
import threading
from pathlib import Path
from typing import Any, Self


class Journal:
    """The record of one archive's upload to one server."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self.batch_id: str | None = None
        self.refused: dict[str, str] = {}
        """Why an item was not taken, by its path."""
        self._done: set[str] = set()
        for line in self._lines():
            self._read(line)

    @classmethod
    def of(cls, folder: Path, *, archive: Path, url: str) -> Self:
        """Open the journal of an archive and a server."""
        name = hashlib.sha256(os.fsencode(f"{url}\n{archive.resolve()}")).hexdigest()[:24]
        return cls(folder / f"{name}.ndjson")

    def begin(self, batch_id: str, *, archive: Path, url: str) -> None:
        """Start anew, for this batch."""
        self.batch_id = batch_id
        self.refused = {}
        self._done = set()
        self._path.write_text(
            json.dumps({"batch": batch_id, "archive": str(archive.resolve()), "url": url}) + "\n"
        )

    def has(self, key: str) -> bool:
        """Tell whether the item needs no more sending."""
        return key in self._done

    def note(self, key: str, *, study_id: str | None = None, refused: str | None = None) -> None:
        """Write down that the server has an item, or why it does not want it."""
        with self._lock, self._path.open("a") as file:
            self._take(key, refused)
            file.write(json.dumps({"item": key, "study": study_id, "refused": refused}) + "\n")

    def note_unread(self, key: str, reason: str) -> None:
        """Keep for this run alone why an item could not be read: the next one tries it again."""
        self.refused[path_of(key)] = reason

    def _take(self, key: str, refused: str | None) -> None:
        self._done.add(key)
        if refused is None:
            self.refused.pop(path_of(key), None)
        else:
            self.refused[path_of(key)] = refused

    def _lines(self) -> list[str]:
        try:
            text = self._path.read_text()
        except FileNotFoundError:
            return []
        if text and not text.endswith("\n"):
            # Cut short: end the line, so that the next one is not written into it.
            with self._path.open("a") as file:
                file.write("\n")
        return text.splitlines()

    def _read(self, line: str) -> None:
        try:
            entry: dict[str, Any] = json.loads(line)
        except ValueError:
            return
        if "batch" in entry:
            self.batch_id = entry["batch"]
        elif "item" in entry:
            self._take(entry["item"], entry.get("refused"))


def path_of(key: str) -> str:
    """Return an item's path within its archive, as it stands in its key (archive.py)."""
    return key.rpartition("@")[0] or key
