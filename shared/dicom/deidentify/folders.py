"""Files and folders of DICOM, de-identified into another folder: OUT/PATIENT/UID.dcm, pseudonyms all.

Each file has a process that a codec may crash, with its time; a file that cannot be de-identified is left out
and said so, and the others go on. The same input under the same key is made
the same again.
"""

import os
import secrets
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from shared.dicom.deidentify.files import deidentify
from shared.dicom.deidentify.pseudonyms import LEAST_KEY_BYTES, Pseudonyms
from shared.errors import BadInputError
from shared.machine.processes import NotBegunError, ProcessDiedError, Processes

_SECONDS: Final = 180.0
_AT_ONCE: Final = 4
_NOT_OURS: Final = frozenset({"DICOMDIR"})


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a file: its new place, or why it has none."""

    source: Path
    written: Path | None = None
    lines: int = 0
    reason: str | None = None


def key_of(path: Path) -> bytes:
    """Return the secret in a file; one that is missing is made, for its owner alone.

    Raises:
        ValueError: what it holds is too short to be a key.
    """
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_hex(LEAST_KEY_BYTES) + "\n")
    except FileExistsError:
        pass
    return path.read_bytes().strip()


def deidentify_all(paths: Iterable[Path], out: Path, *, pseudonyms: Pseudonyms) -> Iterator[Outcome]:
    """De-identify files and all files below folders; yield what became of each, in their order."""
    sources = sorted({source for path in paths for source in _below(path)})
    at_once = min(_AT_ONCE, os.cpu_count() or 1)
    processes = Processes(at_once)

    def made(source: Path) -> Outcome:
        try:
            return processes.run(_SECONDS, lambda: None, _one, source, out, pseudonyms)
        except TimeoutError:
            return Outcome(source, reason=f"decoding it takes longer than {_SECONDS:.0f} seconds")
        except (ProcessDiedError, NotBegunError):
            return Outcome(source, reason="its picture crashes the decoder")

    try:
        with ThreadPoolExecutor(at_once) as threads:
            yield from threads.map(made, sources)
    finally:
        processes.stop()


def _one(source: Path, out: Path, pseudonyms: Pseudonyms) -> Outcome:
    try:
        made = deidentify(source.read_bytes(), name=source.name, pseudonyms=pseudonyms)
    except BadInputError as error:
        return Outcome(source, reason=str(error))
    except OSError as error:
        return Outcome(source, reason=error.strerror or type(error).__name__)
    folder = out / made.patient
    folder.mkdir(parents=True, exist_ok=True)
    place = folder / f"{made.uid}.dcm"
    # Whole or not at all: a process may be killed at its time.
    partial = place.with_suffix(".partial")
    partial.write_bytes(made.content)
    partial.replace(place)
    return Outcome(source, place, made.lines)


def _below(path: Path) -> Iterator[Path]:
    if not path.is_dir():
        yield path
        return
    yield from (file for file in path.rglob("*") if file.is_file() and file.name not in _NOT_OURS)
