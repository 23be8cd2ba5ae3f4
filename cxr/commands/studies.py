"""cxr submit and cxr report: one study at a time."""

import shlex
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import typer

from cxr import exit_codes
from cxr.archive import read_archive
from cxr.client import DEFAULT_TIMEOUT, Client
from cxr.commands.connection import Key, Url, connect
from cxr.errors import InputError, NotDoneError, NotReachableError
from cxr.inputs import Upload
from cxr.mixed import advice_for
from cxr.models import Report, Study
from cxr.output import (
    AsJson,
    describe,
    notes,
    out,
    print_critical,
    print_findings,
    print_json,
    typed,
    whole_file,
)
from cxr.report_formats import KINDS, ReportFormat

AWAY_SECONDS: Final = 60.0
"""How long a wait outlives an API that is away: it is started again, and the study is safe."""


class Priority(StrEnum):
    """How urgent a study is."""

    URGENT = "urgent"
    ROUTINE = "routine"
    ARCHIVE = "archive"


class Language(StrEnum):
    """In which language the report is written."""

    EN = "en"
    ES = "es"


Files = Annotated[
    list[Path],
    typer.Argument(
        exists=True,
        readable=True,
        help="DICOM, PNG or JPEG, or a zip: the images of one study; or a folder, or a disc, of no more.",
    ),
]


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(submit)
    app.command()(report)


def submit(
    files: Files,
    *,
    wait: Annotated[
        bool, typer.Option("--wait", "-w", help="Wait for the end and print the report.")
    ] = False,
    as_json: AsJson = False,
    priority: Annotated[Priority | None, typer.Option(help="How urgent it is.")] = None,
    language: Annotated[Language | None, typer.Option(help="Language of the report.")] = None,
    indication: Annotated[str | None, typer.Option(help="Why the radiograph was taken.")] = None,
    patient_id: Annotated[str | None, typer.Option(help="The patient's id, kept with the study.")] = None,
    accession_number: Annotated[str | None, typer.Option(help="The order's number.")] = None,
    patient_id_issuer: Annotated[str | None, typer.Option(help="Who gave that id.")] = None,
    patient_name: Annotated[str | None, typer.Option(help="The patient's name: FAMILY^GIVEN.")] = None,
    patient_birth_date: Annotated[
        str | None, typer.Option(help="When the patient was born: YYYY-MM-DD.")
    ] = None,
    patient_sex: Annotated[str | None, typer.Option(help="F, M or O.")] = None,
    referring_physician: Annotated[str | None, typer.Option(help="Who asked for it: FAMILY^GIVEN.")] = None,
    study_date: Annotated[str | None, typer.Option(help="When it was taken: YYYY-MM-DD.")] = None,
    study_time: Annotated[str | None, typer.Option(help="At what time: HH:MM.")] = None,
    institution: Annotated[str | None, typer.Option(help="Where it was taken.")] = None,
    mixed: Annotated[
        bool,
        typer.Option("--mixed", help="Files of several patients or studies are meant to be one study."),
    ] = False,
    timeout: Annotated[float, typer.Option(help="Longest wait, in seconds.")] = DEFAULT_TIMEOUT,
    url: Url = None,
    key: Key = None,
) -> None:
    """Send the images of one study.

    Files of several patients or studies, as their headers say, are refused, with the commands that send each
    study by itself. A whole folder of studies is sent with [bold]cxr batch submit[/].

    Exit status: 0 done, 1 the study was refused or failed, 2 wrong usage, 3 no server.

    Examples: [bold]cxr submit chest.dcm --wait[/], [bold]cxr submit pa.dcm lateral.dcm --json[/]
    """
    with connect(url, key) as client:
        with advice_for(files):
            study = client.submit(
                _images_of(files),
                priority=priority,
                language=language,
                indication=indication,
                patient_id=patient_id,
                order={
                    "accession_number": accession_number,
                    "patient_id_issuer": patient_id_issuer,
                    "patient_name": patient_name,
                    "patient_birth_date": patient_birth_date,
                    "patient_sex": patient_sex,
                    "referring_physician": referring_physician,
                    "study_date": study_date,
                    "study_time": study_time,
                    "institution": institution,
                },
                mixed=mixed,
            )
        for aside in study.set_aside:
            notes.print(f"set aside: {aside.file}: {aside.reason}", markup=False)
        if wait:
            with connect(url, key, patience=min(timeout, AWAY_SECONDS)) as patient:
                study = await_end(patient, study, timeout=timeout, as_json=as_json)
        if as_json:
            print_json(study)
        elif study.status == "completed":
            print_result(client, study)
        else:
            out.print(describe(study), markup=False)
            if not study.is_final:
                out.print(f"{typed()} report {study.id}", style="dim", markup=False)
    raise typer.Exit(exit_code(study))


def _images_of(paths: Sequence[Path]) -> list[Upload]:
    """Return what is sent: the files themselves, and those of each folder.

    Raises:
        InputError: a folder is a disc of several studies.
    """
    images: list[Upload] = []
    for path in paths:
        if not path.is_dir():
            images.append(path)
            continue
        archive = read_archive(path, study_per_folder=False)
        if archive.on_discs > 1:
            batch = shlex.join(["cxr", "batch", "submit", str(path)])
            message = f"{path} holds {archive.on_discs} studies, each of which has its own report: {batch}"
            raise InputError(message)
        for name, reason in archive.left_out.items():
            notes.print(f"left out: {name}: {reason}", markup=False)
        images += [upload for item in archive.items for upload in item.seal().uploads]
    return images


def report(
    study_id: Annotated[str, typer.Argument(metavar="ID", help="The study's id.")],
    *,
    form: Annotated[ReportFormat, typer.Option("--format", "-f", help="How it is written.")] = "text",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write it to this file.", dir_okay=False)
    ] = None,
    wait: Annotated[float, typer.Option(help="Seconds to wait for it, if it is not there yet.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document: --format json.")] = False,
    url: Url = None,
    key: Key = None,
) -> None:
    """Print a study's report, or write it to a file in the format of another system.

    Exit status: 0 done, 1 there is none, or not in this format (the message says what the study lacks).

    Examples: [bold]cxr report 0199… --wait 60[/], [bold]cxr report 0199… --format html -o report.html[/]
    """
    form = "json" if as_json else form
    if not KINDS[form].is_text and output is None and sys.stdout.isatty():
        message = f"a report as {form} is no text for a terminal: name a file with -o"
        raise InputError(message)
    with connect(url, key) as client:
        content = client.report_file(study_id, form, wait=wait)
    if form == "json":
        content = Report.model_validate_json(content).model_dump_json(indent=2).encode()
    if output:
        with whole_file(output) as file:
            file.write(content)
        return
    sys.stdout.buffer.write(content)
    if KINDS[form].is_text and not content.endswith(b"\n"):
        sys.stdout.buffer.write(b"\n")
    sys.stdout.buffer.flush()


def await_end(client: Client, study: Study, *, timeout: float, as_json: bool = False) -> Study:
    """Wait for a study's end; whatever comes between, its id and how to go on were said.

    Args:
        client: one that outlives an API that is away for a while.
    """
    notes.print(describe(study), markup=False)
    spinner: AbstractContextManager[object] = (
        notes.status("waiting for its end") if sys.stderr.isatty() else nullcontext()
    )
    try:
        with spinner:
            return client.wait(study.id, timeout=timeout)
    except (NotDoneError, NotReachableError) as error:
        if as_json:
            print_json(error.study if isinstance(error, NotDoneError) else study)
        notes.print(f"the study was taken and goes on without us: {typed()} report {study.id}", markup=False)
        raise


def print_result(client: Client, study: Study) -> None:
    """Print critical findings, warnings, all findings, report, and where the page shows them."""
    print_critical(study)
    for warning in study.warnings:
        out.print(f"! {warning}", style="bold yellow", markup=False)
    print_findings(client.findings(study.id))
    out.print()
    out.print(client.report_as(study.id, "text").strip(), markup=False)
    out.print()
    out.print(page_of(client, study), markup=False)


def page_of(client: Client, study: Study) -> str:
    """Return the address of a study's page."""
    return f"{client.url}{study.links.get('page') or f'/#/studies/{study.id}'}"


def exit_code(study: Study) -> int:
    """Return 1 for a study that ended without a report."""
    ended_badly = study.is_final and study.status != "completed"
    return exit_codes.STUDY_FAILED if ended_badly else exit_codes.DONE
