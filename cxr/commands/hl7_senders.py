"""cxr hl7-senders: whose HL7 messages are taken (with an administrator's key in CXR_KEY)."""

from typing import Annotated

import typer

from cxr.commands.connection import Key as AdminKey
from cxr.commands.connection import Url, connect
from cxr.output import AsJson, as_typed, notes, out, print_json

app = typer.Typer(no_args_is_help=True, help="Say which systems may send orders by HL7, and for whom.")


@app.command()
def add(
    facility: Annotated[str, typer.Argument(help="What it writes into MSH-4.")],
    *,
    application: Annotated[
        str, typer.Option(help="What it writes into MSH-3. Without: any application of the facility.")
    ] = "",
    tenant: Annotated[
        str, typer.Option(help="Whose orders it sends; a new name makes a new tenant.")
    ] = "default",
    as_json: AsJson = False,
    url: Url = None,
    key: AdminKey = None,
) -> None:
    """Take the orders of a system. From the first sender on, everybody else's messages are rejected.

    Example: [bold]cxr hl7-senders add NORTH --application EPIC --tenant north[/]
    """
    with connect(url, key) as client:
        made = client.hospital.hl7_senders.add(facility, application=application, tenant=tenant)
    if as_json:
        print_json(made)
    else:
        notes.print(as_typed(f"added: {made.facility} for {made.tenant} ({made.id})"), markup=False)


@app.command("list")
def list_senders(*, as_json: AsJson = False, url: Url = None, key: AdminKey = None) -> None:
    """List the systems that may send.

    Example: [bold]cxr hl7-senders list[/]
    """
    with connect(url, key) as client:
        senders = client.hospital.hl7_senders.list()
    if as_json:
        print_json(senders)
        return
    for one in senders:
        application = one.application or "any application"
        out.print(f"{one.id}  {one.facility}  {application}  for {one.tenant}", markup=False)


@app.command()
def remove(
    sender_id: Annotated[str, typer.Argument(metavar="ID", help="A sender's id: cxr hl7-senders list.")],
    *,
    as_json: AsJson = False,
    url: Url = None,
    key: AdminKey = None,
) -> None:
    """Take nothing more of a system; the orders that it sent stay.

    Example: [bold]cxr hl7-senders remove 0199…[/]
    """
    with connect(url, key) as client:
        client.hospital.hl7_senders.remove(sender_id)
    if as_json:
        print_json({"id": sender_id, "removed": True})
    else:
        notes.print("removed")
