"""cxr peers: which DICOM systems may call the gateway (with an administrator's key in CXR_KEY)."""

from typing import Annotated

import typer

from cxr.commands.connection import Key as AdminKey
from cxr.commands.connection import Url, connect
from cxr.output import AsJson, notes, out, print_json

app = typer.Typer(
    no_args_is_help=True,
    help="Add, list and remove DICOM peers: systems that may call the gateway, or that it calls.",
)


@app.command()
def add(
    ae_title: Annotated[str, typer.Argument(metavar="AE", help="What it calls itself, its AE title.")],
    *,
    host: Annotated[
        str | None, typer.Option(help="Its name or address. Without: it may call from anywhere.")
    ] = None,
    port: Annotated[int | None, typer.Option(help="Where it takes DICOM, if it is to be called.")] = None,
    tls: Annotated[bool, typer.Option("--tls", help="Call it over TLS.")] = False,
    may_store: Annotated[bool, typer.Option("--store/--no-store", help="Let it send instances.")] = True,
    tenant: Annotated[
        str | None,
        typer.Option(help="Whose studies it sends; a new name makes a new tenant. Without: the default one."),
    ] = None,
    as_json: AsJson = False,
    url: Url = None,
    key: AdminKey = None,
) -> None:
    """Let a DICOM system be known; from then on only those that are known may call.

    Examples: [bold]cxr peers add MODALITY[/], [bold]cxr peers add PACS --host pacs.example.org --port 104[/]
    """
    with connect(url, key) as client:
        added = client.dicom_peers.add(
            ae_title, host=host, port=port, tls=tls, may_store=may_store, tenant=tenant
        )
    if as_json:
        print_json(added)
        return
    print(added.id)


@app.command("list")
def list_peers(*, as_json: AsJson = False, url: Url = None, key: AdminKey = None) -> None:
    """List the DICOM systems that are known.

    Example: [bold]cxr peers list[/]
    """
    with connect(url, key) as client:
        known = client.dicom_peers.list()
    if as_json:
        print_json(known)
        return
    for one in known:
        where = f"{one.host or 'anywhere'}{f':{one.port}' if one.port else ''}{' (TLS)' if one.tls else ''}"
        rights = "may store" if one.may_store else "may not store"
        out.print(f"{one.id}  {one.ae_title}  {where}  {one.tenant}  {rights}", markup=False)


@app.command()
def remove(
    peer_id: Annotated[str, typer.Argument(metavar="ID", help="The peer's id; `cxr peers list` shows it.")],
    *,
    as_json: AsJson = False,
    url: Url = None,
    key: AdminKey = None,
) -> None:
    """Let a DICOM system be known no more.

    Example: [bold]cxr peers remove 0199…[/]
    """
    with connect(url, key) as client:
        client.dicom_peers.remove(peer_id)
    if as_json:
        print_json({"id": peer_id, "removed": True})
    else:
        notes.print("removed")
