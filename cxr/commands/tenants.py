"""cxr tenants: whom studies, batches and keys belong to, and how long they keep studies.

All of it takes an administrator's key in CXR_KEY.
"""

from typing import Annotated

import typer

from cxr.commands.connection import Key as AdminKey
from cxr.commands.connection import Url, connect
from cxr.models import Retention
from cxr.output import AsJson, as_typed, notes, out, print_json

app = typer.Typer(
    no_args_is_help=True,
    help="Tenants, whom studies, batches and keys belong to: hospitals, departments; their retention.",
)


@app.command("list")
def list_tenants(*, as_json: AsJson = False, url: Url = None, key: AdminKey = None) -> None:
    """List the tenants; `cxr keys create NAME --tenant TENANT` makes one with its first key.

    Example: [bold]cxr tenants list[/]
    """
    with connect(url, key) as client:
        tenants = client.tenants.list()
    if as_json:
        print_json(tenants)
        return
    for one in tenants:
        out.print(f"{one.id}  {one.name}  since {one.created_at:%Y-%m-%d}", markup=False)


@app.command()
def rename(
    old: Annotated[str, typer.Argument(help="The name that it has; `cxr tenants list` shows them.")],
    new: Annotated[str, typer.Argument(help="The name that it is to have; no other tenant's.")],
    *,
    as_json: AsJson = False,
    url: Url = None,
    key: AdminKey = None,
) -> None:
    """Give a tenant another name; its studies, batches and keys stay its, and clients notice nothing.

    Example: [bold]cxr tenants rename north "St. Mary's"[/]
    """
    with connect(url, key) as client:
        renamed = client.tenants.rename(old, new)
    if as_json:
        print_json(renamed)
    else:
        notes.print(as_typed(f"renamed: {renamed.name}"), markup=False)


@app.command()
def retention(
    name: Annotated[str, typer.Argument(help="The tenant; `cxr tenants list` shows them.")],
    *,
    as_json: AsJson = False,
    url: Url = None,
    key: AdminKey = None,
) -> None:
    """Show how long a tenant's studies are kept, and what is to be erased now.

    Example: [bold]cxr tenants retention north[/]
    """
    with connect(url, key) as client:
        _show(client.tenants.retention(name), as_json=as_json, will="erases")


@app.command()
def keep(
    name: Annotated[str, typer.Argument(help="The tenant; `cxr tenants list` shows them.")],
    *,
    completed: Annotated[
        int | None,
        typer.Option(metavar="DAYS", min=1, max=36_500, help="Studies whose report nobody signed."),
    ] = None,
    unfinished: Annotated[
        int | None,
        typer.Option(
            metavar="DAYS", min=1, max=36_500, help="Studies that were rejected, cancelled or failed."
        ),
    ] = None,
    signed: Annotated[
        int | None,
        typer.Option(metavar="DAYS", min=1, max=36_500, help="Studies whose report somebody signed."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what that would erase.")] = False,
    as_json: AsJson = False,
    url: Url = None,
    key: AdminKey = None,
) -> None:
    """Say for how many days a tenant's studies are kept after the last thing that happened to them.

    What is not named is kept for ever: without an option all is. The sweeper erases what is due, some
    hundred studies a minute.

    Example: [bold]cxr tenants keep north --completed 365 --unfinished 30 --signed 3650 --dry-run[/]
    """
    with connect(url, key) as client:
        kept = client.tenants.keep(
            name, completed_days=completed, unfinished_days=unfinished, signed_days=signed, dry_run=dry_run
        )
    _show(kept, as_json=as_json, will="would erase" if dry_run else "erases")


def _show(kept: Retention, *, as_json: bool, will: str) -> None:
    if as_json:
        print_json(kept)
        return
    for kind, due in kept.due.items():
        days = getattr(kept, f"{kind}_days", None)
        if days is None:
            out.print(f"{kind}: kept for ever")
            continue
        oldest = f", the oldest of {due.oldest:%Y-%m-%d}" if due.oldest else ""
        out.print(f"{kind}: kept for {days} days; {will} {due.studies:,} studies{oldest}", markup=False)
