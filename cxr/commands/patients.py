"""cxr patients: what can be done to all that there is of one."""

import sys
from typing import Annotated

import typer

from cxr.commands.connection import Key, Url, connect
from cxr.output import AsJson, as_typed, out, print_json

app = typer.Typer(no_args_is_help=True, help="Erase all data of a patient.")


@app.callback()
def _group() -> None:
    """Keep `erase` a command of its own, though it is the only one."""


@app.command()
def erase(
    patient_id: Annotated[str, typer.Argument(help="The id that the patient's studies bear.")],
    *,
    issuer: Annotated[
        str | None, typer.Option(help="Who gave the id; without it, the studies that name no issuer.")
    ] = None,
    tenant: Annotated[
        str | None,
        typer.Option(help="With an administrator's key: whose patient, else the default tenant's."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask first.")] = False,
    as_json: AsJson = False,
    url: Url = None,
    key: Key = None,
) -> None:
    """Erase every study of a patient for good: images, findings, reports, what was typed.

    Done again it erases what has come since. Others who see the command line see the id.

    Example: [bold]cxr patients erase P-1017 --issuer NORTH --dry-run[/]
    """
    if not (yes or dry_run) and sys.stdin.isatty():
        typer.confirm("Erase all studies of this patient for good?", abort=True, err=True)
    with connect(url, key) as client:
        done = client.patients.erase(patient_id, issuer=issuer, tenant=tenant, dry_run=dry_run)
    if as_json:
        print_json(done)
        return
    out.print(f"{'would erase' if dry_run else 'erased'} {done.studies} studies")
    if done.others:
        what = "bear the same id of another issuer, or of none, and stay; name theirs with --issuer"
        out.print(as_typed(f"{done.others} studies {what}"), markup=False)
