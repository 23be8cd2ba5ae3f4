"""cxr list, show, similar, retry, cancel, delete: the studies that the server has."""

import sys
from itertools import islice
from typing import Annotated

import typer

from cxr.commands.connection import Key, Url, connect
from cxr.commands.studies import Priority, page_of
from cxr.models import Study
from cxr.output import AsJson, describe, out, print_critical, print_json, print_rows

StudyId = Annotated[str, typer.Argument(metavar="ID", help="The study's id.")]


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("list")(list_studies)
    app.command()(show)
    app.command()(similar)
    app.command()(retry)
    app.command()(cancel)
    app.command()(delete)


def list_studies(
    *,
    status: Annotated[str | None, typer.Option(help="Only those: queued, completed, failed, …")] = None,
    priority: Annotated[Priority | None, typer.Option(help="Only those.")] = None,
    batch: Annotated[str | None, typer.Option(metavar="ID", help="Only those of this batch.")] = None,
    critical: Annotated[
        bool | None, typer.Option("--critical/--not-critical", help="Only those with a critical finding.")
    ] = None,
    report: Annotated[
        str | None, typer.Option(help="Only those whose report is preliminary, final, amended, …")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", help="At most so many.", min=1)] = 20,
    as_json: AsJson = False,
    url: Url = None,
    key: Key = None,
) -> None:
    """List studies, newest first.

    Examples: [bold]cxr list[/], [bold]cxr list --status failed --json[/], [bold]cxr list --critical[/]
    """
    with connect(url, key) as client:
        found = client.studies(
            status=status,
            priority=priority,
            batch_id=batch,
            critical=critical,
            report_status=report,
            page_size=min(limit, 200),
        )
        studies = list(islice(found, limit))
    if as_json:
        print_json(studies)
        return
    print_rows(
        ("id", "status", "report", "sent", "patient", "files", "warnings", "critical"),
        [
            (
                study.id,
                study.status,
                study.report_status or "",
                f"{study.created_at:%Y-%m-%d %H:%M}",
                study.patient.id or "",
                _files(study),
                str(len(study.warnings) or ""),
                ", ".join(study.critical),
            )
            for study in studies
        ],
    )


def show(study_id: StudyId, *, as_json: AsJson = False, url: Url = None, key: Key = None) -> None:
    """Show where a study stands: its images, what was found wrong with them, what happened to it.

    Example: [bold]cxr show 0199…[/]
    """
    with connect(url, key) as client:
        study = client.study(study_id)
        page = page_of(client, study)
    if as_json:
        print_json(study)
        return
    out.print(describe(study), markup=False)
    print_critical(study)
    known = (study.patient.id, study.patient.sex, study.study_date)
    if any(known):
        out.print("patient: " + "  ".join(str(one) for one in known if one), markup=False)
    for image in study.images:
        refused = f": {image.error.detail}" if image.error else ""
        out.print(f"  {image.index}  {image.file or ''}  {image.status or ''}{refused}", markup=False)
        for warning in image.warnings:
            out.print(f"     {warning}", style="yellow", markup=False)
    for entry in study.timeline:
        detail = f"  {entry.detail}" if entry.detail else ""
        event = entry.event or entry.status
        by = f"  by {entry.actor.name or entry.actor.id}" if entry.actor else ""
        out.print(f"  {entry.at:%Y-%m-%d %H:%M:%S}  {event}{by}{detail}", style="dim", markup=False)
    out.print(page, markup=False)


def similar(
    study_id: StudyId,
    *,
    limit: Annotated[int, typer.Option("--limit", "-n", help="At most so many.", min=1, max=50)] = 10,
    as_json: AsJson = False,
    url: Url = None,
    key: Key = None,
) -> None:
    """Find the studies whose images look most like a study's, the nearest first.

    Each with what the classifier found, and with the impression where a person signed the report.

    Example: [bold]cxr similar 0199… -n 5[/]
    """
    with connect(url, key) as client:
        found = client.similar(study_id, limit=limit)
    if as_json:
        print_json(found)
        return
    print_rows(
        ("id", "distance", "taken", "findings", "report", "impression"),
        [
            (
                one.study_id,
                f"{one.distance:.3f}",
                f"{one.study_date or one.created_at.date()}",
                ", ".join(finding.name or finding.label for finding in one.findings),
                one.report_status or one.status,
                one.impression or "",
            )
            for one in found.items
        ],
    )


def retry(study_id: StudyId, *, as_json: AsJson = False, url: Url = None, key: Key = None) -> None:
    """Start a failed study again.

    Example: [bold]cxr retry 0199…[/]
    """
    with connect(url, key) as client:
        _tell(client.retry(study_id), as_json=as_json)


def cancel(study_id: StudyId, *, as_json: AsJson = False, url: Url = None, key: Key = None) -> None:
    """Cancel a study that is not at its end; what was sent is kept until it is deleted.

    Example: [bold]cxr cancel 0199…[/]
    """
    with connect(url, key) as client:
        _tell(client.cancel(study_id), as_json=as_json)


def delete(
    study_id: StudyId,
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask first.")] = False,
    as_json: AsJson = False,
    url: Url = None,
    key: Key = None,
) -> None:
    """Erase a study for good: images, findings, report and patient data.

    Asks first where there is a terminal to answer on.

    Examples: [bold]cxr delete 0199…[/], [bold]cxr delete 0199… --yes[/]
    """
    if not yes and sys.stdin.isatty():
        typer.confirm(f"Erase study {study_id} and its patient's data for good?", abort=True, err=True)
    with connect(url, key) as client:
        client.delete(study_id)
    if as_json:
        print_json({"id": study_id, "erased": True})
    else:
        out.print(f"study {study_id}: erased", markup=False)


def _tell(study: Study, *, as_json: bool) -> None:
    if as_json:
        print_json(study)
    else:
        out.print(describe(study), markup=False)


def _files(study: Study) -> str:
    return ", ".join(image.file or "" for image in study.images)
