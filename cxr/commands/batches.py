"""cxr batch: a whole archive at once."""

import sys
import time
from collections import Counter
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import typer

from cxr import exit_codes
from cxr.archive import Archive, read_archive
from cxr.archive_names import shown
from cxr.batch_reports import ReportFolder
from cxr.batch_upload import BatchUpload
from cxr.client import Client
from cxr.commands.batch_beginning import Wishes, begin, begun_before, way_on_said
from cxr.commands.batch_progress import progress
from cxr.commands.connection import Key, Url, connect
from cxr.commands.studies import Language, Priority
from cxr.journal import Beginning, Journal, path_of
from cxr.local.home import find_home
from cxr.models import Batch, BatchResult
from cxr.output import AsJson, notes, out, print_json, typed, whole_file
from cxr.report_formats import ReportFormat

app = typer.Typer(
    no_args_is_help=True, help="Send a folder or a zip of studies; follow it; read the results."
)

_LOOK_SECONDS: Final = 1.0
PATIENCE_SECONDS: Final = 120.0
_NAMED_PATHS: Final = 10

BatchId = Annotated[str, typer.Argument(metavar="ID", help="The batch's id.")]


@app.command()
def submit(
    path: Annotated[Path, typer.Argument(exists=True, help="A folder or a zip; each file is one study.")],
    *,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with this archive's last batch, or begin its first one.")
    ] = False,
    new: Annotated[
        bool, typer.Option("--new", help="Begin another batch of an archive that was sent before.")
    ] = False,
    jobs: Annotated[int, typer.Option("--jobs", "-j", help="Uploads at once.", min=1, max=64)] = 4,
    study_per_folder: Annotated[
        bool, typer.Option("--study-per-folder", help="The files of one folder are one study.")
    ] = False,
    wait: Annotated[bool, typer.Option(help="Stay until every item is done.")] = True,
    priority: Annotated[Priority | None, typer.Option(help="How urgent it is; archive by default.")] = None,
    language: Annotated[Language | None, typer.Option(help="Language of the reports.")] = None,
    name: Annotated[str | None, typer.Option(help="The batch's name.")] = None,
    as_json: AsJson = False,
    url: Url = None,
    key: Key = None,
) -> None:
    """Send every file of a folder or a zip as a study of one batch.

    Every file ends with a report or a reason: the summary and --json name
    each that has no report. Passed over is only what systems leave behind
    (.DS_Store, Thumbs.db, DICOMDIR, .git); hidden files are sent. Links are
    followed, to each folder once, and never upwards. Of a zip every member is
    a file, also two of one name; a zip in a folder is one study.

    With --study-per-folder, a folder of several patients or studies, as the
    files' headers say, is sent as so many studies.

    After Ctrl-C, a crash or an outage, --resume goes on where it was and as
    it was begun; what could not be read is tried again. What was sent before
    is sent again only with --new. A script may always say --resume.

    Exit status: 0 each file has a report; 1 at least one has none; 2 wrong
    usage, or nothing to send; 3 no server; 130 Ctrl-C; 143 SIGTERM.

    Examples: [bold]cxr batch submit ./archive[/], [bold]cxr batch submit archive.zip --resume --jobs 8[/]
    """
    if resume and new:
        message = "say --resume or --new, not both"
        raise typer.BadParameter(message)
    wishes = Wishes(study_per_folder, priority and priority.value, language and language.value)
    with connect(url, key, patience=PATIENCE_SECONDS) as client:
        journal = Journal.of(find_home().folder("batches"), archive=path, url=client.url)
        begun = None if new else begun_before(client, journal, path, resume=resume)
        if begun is not None:
            wishes.check(begun)
        archive = _look_through(path, study_per_folder=begun.study_per_folder if begun else study_per_folder)
        beginning = begun or begin(client, journal, path, name=name, wishes=wishes)
        with way_on_said(client, path):
            notes.print(f"batch {beginning.batch}: {len(archive.items)} items", markup=False)
            for left_out, reason in archive.left_out.items():
                journal.note_left_out(left_out, reason)
            batch = _send(client, journal, beginning, archive, jobs=jobs, wait=wait)
            code = _summarise(client, batch, journal, archive, as_json=as_json)
    raise typer.Exit(code)


@app.command("list")
def list_batches(
    *,
    limit: Annotated[int, typer.Option("--limit", "-n", help="At most so many.", min=1)] = 20,
    as_json: AsJson = False,
    url: Url = None,
    key: Key = None,
) -> None:
    """List batches, newest first.

    Example: [bold]cxr batch list[/]
    """
    with connect(url, key) as client:
        found = list(islice(client.batches.list(page_size=min(limit, 200)), limit))
    if as_json:
        print_json(found)
        return
    for batch in found:
        out.print(f"{batch.created_at:%Y-%m-%d %H:%M}  {_describe(batch)}  {batch.name or ''}", markup=False)


@app.command()
def status(batch_id: BatchId, *, as_json: AsJson = False, url: Url = None, key: Key = None) -> None:
    """Show how far a batch is.

    Example: [bold]cxr batch status 0199…[/]
    """
    with connect(url, key) as client:
        batch = client.batches.get(batch_id)
    if as_json:
        print_json(batch)
    else:
        out.print(_describe(batch), markup=False)


@app.command()
def results(
    batch_id: BatchId,
    *,
    form: Annotated[
        Literal["csv", "ndjson"], typer.Option("--format", "-f", help="How they are written.")
    ] = "csv",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write them to this file.", dir_okay=False)
    ] = None,
    as_json: AsJson = False,
    url: Url = None,
    key: Key = None,
) -> None:
    """Write a batch's results, one row an item, with the error of each that has one.

    Examples: [bold]cxr batch results 0199… -o results.csv[/], [bold]cxr batch results 0199… -f ndjson[/]
    """
    with connect(url, key) as client:
        if as_json:
            print_json(list(client.batches.results(batch_id)))
            return
        if output is None:
            client.batches.save_results(batch_id, sys.stdout.buffer, form=form)
            return
        with whole_file(output) as file:
            client.batches.save_results(batch_id, file, form=form)


@app.command()
def reports(
    batch_id: BatchId,
    *,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="A folder; or a file whose name ends in .zip.")
    ],
    form: Annotated[ReportFormat, typer.Option("--format", "-f", help="How they are written.")] = "text",
    jobs: Annotated[
        int, typer.Option("--jobs", "-j", help="Reports at once, into a folder.", min=1, max=64)
    ] = 4,
    as_json: AsJson = False,
    url: Url = None,
    key: Key = None,
) -> None:
    """Write the report of every item of a batch that has one, each a file that is named as its item.

    Into a folder, several at once; begun again, only what is new or was changed since is written. Its
    reports.csv names every item, and says of those without a report why. A zip comes in one piece and holds
    the same in index.csv.

    Exit status: 0 each item has its report, 1 at least one has none, 2 wrong usage, 3 no server.

    Examples: [bold]cxr batch reports 0199… -o reports[/], [bold]cxr batch reports 0199… -f html -o all.zip[/]
    """
    with connect(url, key, patience=PATIENCE_SECONDS) as client:
        if output.suffix.casefold() == ".zip" and not output.is_dir():
            with whole_file(output) as file:
                client.batches.save_reports(batch_id, file, form=form)
            return
        folder = ReportFolder(client, batch_id, output, form)
        total = client.batches.get(batch_id).total
        with progress() as show:
            for done in folder.save_all(at_once=jobs):
                show("saved", done, total)
    without = [saved for saved in folder.saved if not saved.file]
    if as_json:
        print_json([asdict(saved) for saved in folder.saved])
    else:
        for saved in without:
            out.print(f"  {saved.path or saved.study_id}: {saved.reason}", markup=False)
        out.print(f"{len(folder.saved) - len(without)} of {total} reports in {output}", markup=False)
    raise typer.Exit(exit_codes.STUDY_FAILED if without else exit_codes.DONE)


@app.command()
def cancel(batch_id: BatchId, *, as_json: AsJson = False, url: Url = None, key: Key = None) -> None:
    """Cancel what is unfinished of a batch; the results that exist stay.

    Example: [bold]cxr batch cancel 0199…[/]
    """
    with connect(url, key) as client:
        batch = client.batches.cancel(batch_id)
    if as_json:
        print_json(batch)
    else:
        out.print(_describe(batch), markup=False)


def _look_through(path: Path, *, study_per_folder: bool) -> Archive:
    looking: AbstractContextManager[object] = (
        notes.status("looking through the archive") if sys.stderr.isatty() else nullcontext()
    )
    with looking:
        return read_archive(path, study_per_folder=study_per_folder)


def _send(
    client: Client, journal: Journal, beginning: Beginning, archive: Archive, *, jobs: int, wait: bool
) -> Batch:
    """Send what is to be sent, and wait for its end."""
    upload = BatchUpload(client, journal, beginning)
    with progress() as show:
        for sent in upload.send_all(archive.items, at_once=jobs):
            show("sent", sent, len(archive.items))
        batch = client.batches.get(beginning.batch)
        while wait and not batch.done:
            show("done", batch.finished, batch.total)
            time.sleep(_LOOK_SECONDS)
            batch = client.batches.get(beginning.batch)
    return batch


def _summarise(client: Client, batch: Batch, journal: Journal, archive: Archive, *, as_json: bool) -> int:
    errors = [
        *(one.model_dump(mode="json") for one in client.batches.results(batch.id) if _has_no_report(one)),
        *(_unsent(path, "refused", reason) for path, reason in journal.refused.items()),
        *(_unsent(path, "left out", reason) for path, reason in journal.left_out.items()),
    ]
    if as_json:
        extent = {"split": journal.split, "passed_over": archive.passed_over}
        print_json({"batch": batch.model_dump(mode="json"), "errors": errors, **extent})
        return exit_codes.STUDY_FAILED if errors else exit_codes.DONE
    out.print(_describe(batch), markup=False)
    for one in errors:
        path = shown(one["path"] or path_of(one["item"]))
        reason = f": {one['error']['detail']}" if one["error"] else ""
        out.print(f"  {path}: {one['status']}{reason}", markup=False)
    if errors:
        kinds = Counter(one["status"] for one in errors).items()
        counts = ", ".join(f"{number} {kind}" for kind, number in kinds)
        out.print(f"without a report: {len(errors)} ({counts})", markup=False)
    for path, studies in journal.split.items():
        out.print(f"{path} held {studies} studies, each sent by itself", style="dim", markup=False)
    if archive.passed_over:
        out.print(_describe_passed_over(archive.passed_over), style="dim", markup=False)
    out.print(f"results: {typed()} batch results {batch.id} -o results.csv", style="dim", markup=False)
    return exit_codes.STUDY_FAILED if errors else exit_codes.DONE


def _unsent(path: str, status: str, reason: str) -> dict[str, Any]:
    """Return a line, as of the results, for what the server does not have."""
    error = {"type": "about:blank", "detail": reason, "file": None}
    return {"item": None, "path": path, "study_id": None, "files": [], "status": status, "error": error}


def _describe_passed_over(paths: dict[str, str]) -> str:
    some = ", ".join(list(paths)[:_NAMED_PATHS])
    more = f" and {len(paths) - _NAMED_PATHS} more (--json names all)" if len(paths) > _NAMED_PATHS else ""
    return f"passed over: {some}{more}"


def _describe(batch: Batch) -> str:
    counts = ", ".join(f"{number} {status}" for status, number in batch.counts.items() if number)
    state = "cancelled" if batch.status == "cancelled" else "done" if batch.done else "running"
    return f"batch {batch.id} {state}: {batch.total} items: {counts or 'none'}"


def _has_no_report(result: BatchResult) -> bool:
    return result.error is not None or result.status in {"rejected", "failed", "cancelled"}
