"""cxr tenants: whom studies, batches and keys belong to (with an administrator's key in CXR_KEY)."""

from typing import Annotated

import typer

from cxr.commands.connection import Key as AdminKey
from cxr.commands.connection import Url, connect
from cxr.output import AsJson, as_typed, notes, out, print_json

app = typer.Typer(
    no_args_is_help=True,
    help="List and rename tenants, whom studies, batches and keys belong to: hospitals, departments.",
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
