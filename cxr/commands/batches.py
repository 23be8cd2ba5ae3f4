"""cxr batch: a whole archive at once."""

import sys
import time
from pathlib import Path
from typing import Annotated, Final, Literal

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from cxr import exit_codes
from cxr.archive import items_of
from cxr.batch_upload import BatchUpload
from cxr.client import Client
from cxr.commands.connection import connect
from cxr.commands.studies import Language, Priority
from cxr.journal import Journal, path_of
from cxr.local.home import find_home
from cxr.models import Batch, BatchResult
from cxr.output import notes, out, print_json, whole_file

app = typer.Typer(
    no_args_is_help=True, help="Send a folder or a zip of studies; follow it; read the results."
)

_LOOK_SECONDS: Final = 1.0
_PATIENCE_SECONDS: Final = 120.0

BatchId = Annotated[str, typer.Argument(metavar="ID", help="The batch's id.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def submit(
    path: Annotated[Path, typer.Argument(exists=True, help="A folder or a zip; each file is one study.")],
    *,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with this archive's last batch; nothing is sent twice.")
    ] = False,
    jobs: Annotated[int, typer.Option("--jobs", "-j", help="Uploads at once.", min=1, max=64)] = 4,
    study_per_folder: Annotated[
        bool, typer.Option("--study-per-folder", help="The files of one folder are one study.")
    ] = False,
    wait: Annotated[bool, typer.Option(help="Stay until every item is done.")] = True,
    priority: Annotated[Priority, typer.Option(help="How urgent it is.")] = Priority.ARCHIVE,
    language: Annotated[Language | None, typer.Option(help="Language of the reports.")] = None,
    name: Annotated[str | None, typer.Option(help="The batch's name.")] = None,
    as_json: AsJson = False,
) -> None:
    """Send every file of a folder or a zip as a study of one batch.

    Killed or cut off, the same command with --resume goes on where it was.
    Exit status 1 says that at least one item has no report.

    Examples: [bold]cxr batch submit ./archive[/], [bold]cxr batch submit archive.zip --resume --jobs 8[/]
    """
    items = items_of(path, study_per_folder=study_per_folder)
    with connect(patience=_PATIENCE_SECONDS) as client:
        journal = _journal(client, path, name=name, resume=resume)
        batch_id = journal.batch_id or ""
        notes.print(f"batch {batch_id}: {len(items)} items", markup=False)
        upload = BatchUpload(client, journal, batch_id, priority.value, language)
        with _progress() as progress:
            sending = progress.add_task("sent", total=len(items))
            upload.send_all(items, at_once=jobs, on_sent=lambda: progress.advance(sending))
            batch = client.batches.get(batch_id)
            if wait:
                done = progress.add_task("done", total=batch.total)
                while not batch.done:
                    progress.update(done, completed=batch.finished)
                    time.sleep(_LOOK_SECONDS)
                    batch = client.batches.get(batch_id)
                progress.update(done, completed=batch.finished)
        code = _summarise(client, batch, journal, as_json=as_json)
    raise typer.Exit(code)


@app.command()
def status(batch_id: BatchId, *, as_json: AsJson = False) -> None:
    """Show how far a batch is.

    Example: [bold]cxr batch status 0199…[/]
    """
    with connect() as client:
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
) -> None:
    """Write a batch's results, one row an item, with the error of each that has one.

    Examples: [bold]cxr batch results 0199… -o results.csv[/], [bold]cxr batch results 0199… -f ndjson[/]
    """
    with connect() as client:
        if output is None:
            client.batches.save_results(batch_id, sys.stdout.buffer, form=form)
            return
        with whole_file(output) as file:
            client.batches.save_results(batch_id, file, form=form)


@app.command()
def cancel(batch_id: BatchId) -> None:
    """Cancel what is unfinished of a batch; the results that exist stay.

    Example: [bold]cxr batch cancel 0199…[/]
    """
    with connect() as client:
        out.print(_describe(client.batches.cancel(batch_id)), markup=False)


def _journal(client: Client, path: Path, *, name: str | None, resume: bool) -> Journal:
    journal = Journal.of(find_home().folder("batches"), archive=path, url=client.url)
    if resume and journal.batch_id is not None:
        return journal
    if journal.batch_id is not None:
        notes.print("a new batch; --resume would have gone on with the last one", style="dim")
    batch = client.batches.create(name or path.resolve().name)
    journal.begin(batch.id, archive=path, url=client.url)
    return journal


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=notes,
        disable=not sys.stderr.isatty(),
    )


def _summarise(client: Client, batch: Batch, journal: Journal, *, as_json: bool) -> int:
    errors = [one for one in client.batches.results(batch.id) if one.error is not None or _ended_badly(one)]
    if as_json:
        print_json(
            {
                "batch": batch.model_dump(mode="json"),
                "errors": [one.model_dump(mode="json") for one in errors],
                "refused": journal.refused,
            }
        )
    else:
        out.print(_describe(batch), markup=False)
        for one in errors:
            reason = one.error.detail if one.error else one.status
            out.print(f"  {path_of(one.item)}: {one.status}: {reason}", markup=False)
        for path, reason in journal.refused.items():
            out.print(f"  {path}: refused: {reason}", markup=False)
        out.print(f"results: cxr batch results {batch.id} -o results.csv", style="dim", markup=False)
    return exit_codes.STUDY_FAILED if errors or journal.refused else exit_codes.DONE


def _describe(batch: Batch) -> str:
    counts = ", ".join(f"{number} {status}" for status, number in batch.counts.items() if number)
    state = "cancelled" if batch.status == "cancelled" else "done" if batch.done else "running"
    return f"batch {batch.id} {state}: {batch.total} items: {counts or 'none'}"


def _ended_badly(result: BatchResult) -> bool:
    return result.status in {"rejected", "failed", "cancelled"}
