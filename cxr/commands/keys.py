"""cxr keys: API keys (with an administrator's key in CXR_KEY)."""

from typing import Annotated

import typer

from cxr.commands.connection import Key as AdminKey
from cxr.commands.connection import Url, connect
from cxr.output import AsJson, as_typed, notes, out, print_json

app = typer.Typer(no_args_is_help=True, help="Make, list and revoke API keys.")


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="For whom or what it is.")],
    *,
    scope: Annotated[
        list[str] | None,
        typer.Option(help="read, write, review, admin; repeat it. Without: read and write."),
    ] = None,
    tenant: Annotated[
        str | None,
        typer.Option(
            help="Whose studies it sends and sees; a new name makes a new tenant. Without: the default "
            "tenant's, and everybody's with the scope admin."
        ),
    ] = None,
    as_json: AsJson = False,
    url: Url = None,
    key: AdminKey = None,
) -> None:
    """Make a key; it is shown this once.

    With the scope review it is a person's, in whose name reports are signed with it.

    Examples: [bold]cxr keys create ward-3 --scope read[/], [bold]cxr keys create archive --tenant north[/],
    [bold]cxr keys create "Dr. Ada Roe" --scope read --scope review[/]
    """
    with connect(url, key) as client:
        made = client.keys.create(name, scopes=scope or ("read", "write"), tenant=tenant)
        is_off = client.info().auth == "off"
    if is_off:
        notes.print(
            as_typed(
                "Keys are off on this server: whoever may reach it needs none. `cxr up --auth` wants them."
            ),
            style="yellow",
            markup=False,
        )
    if as_json:
        print_json(made)
        return
    print(made.key)
    notes.print("Keep it: it cannot be shown again.", style="dim")


@app.command("list")
def list_keys(*, as_json: AsJson = False, url: Url = None, key: AdminKey = None) -> None:
    """List the live keys.

    Example: [bold]cxr keys list[/]
    """
    with connect(url, key) as client:
        keys = client.keys.list()
    if as_json:
        print_json(keys)
        return
    for one in keys:
        used = f"used {one.last_used_at:%Y-%m-%d}" if one.last_used_at else "never used"
        out.print(f"{one.id}  {one.name}  {one.tenant or '-'}  {','.join(one.scopes)}  {used}", markup=False)


@app.command()
def revoke(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="The key's id.")],
    *,
    as_json: AsJson = False,
    url: Url = None,
    key: AdminKey = None,
) -> None:
    """Revoke a key: it opens nothing any more.

    Example: [bold]cxr keys revoke 0199…[/]
    """
    with connect(url, key) as client:
        client.keys.revoke(key_id)
    if as_json:
        print_json({"id": key_id, "revoked": True})
    else:
        notes.print("revoked")
