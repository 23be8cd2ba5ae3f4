"""How a batch is begun or gone on with, and what is said when it stops on the way."""

import shlex
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Final, NoReturn

import httpx
import typer

from cxr import exit_codes
from cxr.client import Client
from cxr.commands.connection import connect
from cxr.commands.studies import Priority
from cxr.errors import ArchiveError, CxrError, ProblemError
from cxr.journal import Beginning, Journal
from cxr.output import notes

_CANCELLED: Final = "cancelled"


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the command line says of how the items are sent; None where it says nothing."""

    study_per_folder: bool
    priority: str | None
    language: str | None

    def check(self, begun: Beginning) -> None:
        """Refuse what a batch cannot be gone on with.

        Raises:
            ArchiveError: it was begun in another way.
        """
        differing = [
            f"{option} {wished}"
            for option, wished, was in (
                ("--priority", self.priority, begun.priority),
                ("--language", self.language, begun.language),
            )
            if wished not in {None, was}
        ]
        if self.study_per_folder and not begun.study_per_folder:
            differing.append("--study-per-folder")
        if differing:
            message = (
                f"batch {begun.batch} was begun without {' and '.join(differing)}, and goes on without: "
                "leave that out, or begin another batch with --new"
            )
            raise ArchiveError(message)


def begun_before(client: Client, journal: Journal, path: Path, *, resume: bool) -> Beginning | None:
    """Return how the archive's batch was begun, to go on with it; None where it was never sent.

    Raises:
        ArchiveError: it was sent before and nobody says that this is known, or it cannot be gone on with.
    """
    anew = f"Send it as another batch: {command(client, path, '--new')}"
    if journal.of_another_version is not None:
        batch = journal.of_another_version
        message = (
            f"batch {batch} of this archive was begun by another version of cxr, and cannot be gone on with. "
            f"Its results stay: cxr batch results {batch}. {anew}"
        )
        raise ArchiveError(message)
    begun = journal.beginning
    if begun is None:
        return None
    if not resume:
        message = (
            f"this archive was sent before, as batch {begun.batch}, begun {begun.at}. "
            f"Go on with that one: {command(client, path, '--resume')}. {anew}"
        )
        raise ArchiveError(message)
    try:
        batch_now = client.batches.get(begun.batch)
    except ProblemError as problem:
        if problem.status != httpx.codes.NOT_FOUND:
            raise
        message = f"the server does not know batch {begun.batch} any more. {anew}"
        raise ArchiveError(message) from problem
    if batch_now.status == _CANCELLED:
        message = f"batch {begun.batch} was cancelled and takes no more. {anew}"
        raise ArchiveError(message)
    return begun


def begin(client: Client, journal: Journal, path: Path, *, name: str | None, wishes: Wishes) -> Beginning:
    """Open a batch and write down how."""
    batch = client.batches.create(name or path.resolve().name)
    beginning = Beginning(
        batch=batch.id,
        archive=str(path.resolve()),
        url=client.url,
        study_per_folder=wishes.study_per_folder,
        priority=wishes.priority or Priority.ARCHIVE.value,
        language=wishes.language,
        at=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    journal.begin(beginning)
    return beginning


def command(client: Client, path: Path, *options: str) -> str:
    """Return the command that sends an archive to a server, to be typed as it is."""
    return shlex.join(["cxr", "batch", "submit", str(path), *options, *_address_of(client)])


def _address_of(client: Client) -> list[str]:
    """Return the option that leads to a server; none where the command finds it by itself."""
    with suppress(CxrError), connect() as found:
        if found.url == client.url:
            return []
    return ["--url", client.url]


@contextmanager
def way_on_said(client: Client, path: Path) -> Iterator[None]:
    """Say how a batch that is begun is gone on with, when it is stopped before its end.

    Raises:
        typer.Exit: it was stopped, by Ctrl-C or SIGTERM.
    """
    before = signal.signal(signal.SIGTERM, _raise_terminated)
    try:
        yield
    except KeyboardInterrupt as stop:
        notes.print(f"stopped; go on with: {command(client, path, '--resume')}", markup=False)
        code = exit_codes.TERMINATED if isinstance(stop, _TerminatedError) else exit_codes.INTERRUPTED
        raise typer.Exit(code) from stop
    except (CxrError, OSError):
        notes.print(f"stopped by an error; go on with: {command(client, path, '--resume')}", markup=False)
        raise
    finally:
        signal.signal(signal.SIGTERM, before)


class _TerminatedError(KeyboardInterrupt):
    """Somebody sent SIGTERM."""


def _raise_terminated(_number: int, _frame: FrameType | None) -> NoReturn:
    raise _TerminatedError
