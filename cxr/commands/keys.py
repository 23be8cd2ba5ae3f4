"""cxr keys: API keys (with an administrator's key in CXR_KEY)."""

from typing import Annotated

import typer

from cxr.commands.connection import connect
from cxr.output import notes, out, print_json

app = typer.Typer(no_args_is_help=True, help="Make, list and revoke API keys.")

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="For whom or what it is.")],
    *,
    scope: Annotated[
        list[str] | None, typer.Option(help="read, write or admin; repeat it. Without: read and write.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make a key; it is shown this once.

    Example: [bold]cxr keys create ward-3 --scope read --scope write[/]
    """
    with connect() as client:
        key = client.keys.create(name, scopes=scope or ("read", "write"))
    if as_json:
        print_json(key)
        return
    print(key.key)
    notes.print("Keep it: it cannot be shown again.", style="dim")


@app.command("list")
def list_keys(*, as_json: AsJson = False) -> None:
    """List the live keys.

    Example: [bold]cxr keys list[/]
    """
    with connect() as client:
        keys = client.keys.list()
    if as_json:
        print_json(keys)
        return
    for key in keys:
        used = f"used {key.last_used_at:%Y-%m-%d}" if key.last_used_at else "never used"
        out.print(f"{key.id}  {key.name}  {','.join(key.scopes)}  {used}", markup=False)


@app.command()
def revoke(key_id: Annotated[str, typer.Argument(metavar="ID", help="The key's id.")]) -> None:
    """Revoke a key: it opens nothing any more.

    Example: [bold]cxr keys revoke 0199…[/]
    """
    with connect() as client:
        client.keys.revoke(key_id)
    notes.print("revoked")
