"""cxr destinations: where results are sent, and which (with an administrator's key in CXR_KEY)."""

from typing import Annotated, Any

import typer

from cxr.commands.connection import Key as AdminKey
from cxr.commands.connection import Url, connect
from cxr.errors import InputError
from cxr.models import Destination
from cxr.output import AsJson, as_typed, notes, print_json, print_rows

app = typer.Typer(no_args_is_help=True, help="Say where results are sent, and which; see whether it answers.")

Named = Annotated[str, typer.Argument(metavar="NAME", help="The destination's name, or its id.")]


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="What people are to call it.")],
    kind: Annotated[str, typer.Argument(help="dicom, dicomweb, hl7, fhir or webhook.")],
    address: Annotated[
        str, typer.Argument(help="dicom: AETITLE@HOST:PORT; hl7: HOST:PORT; the others: a URL.")
    ],
    *,
    formats: Annotated[
        list[str] | None,
        typer.Option(
            "--format",
            help="dicom and dicomweb: dicom-sr, basic-sr, dicom-pdf, dicom-sc, gsps; repeat it. Without: "
            "dicom-sr, dicom-pdf and dicom-sc.",
        ),
    ] = None,
    events: Annotated[
        list[str] | None,
        typer.Option(
            "--event",
            help="After which something is sent; repeat it: reported (a writer's, not signed), edited, "
            "signed, amended, addendum, entered-in-error; to a webhook also critical, rejected, gave-up. "
            "Without: all of them.",
        ),
    ] = None,
    labels: Annotated[
        list[str] | None,
        typer.Option("--label", help="Only studies in which one of these is present; repeat it."),
    ] = None,
    priorities: Annotated[
        list[str] | None, typer.Option("--priority", help="Only studies of these; repeat it.")
    ] = None,
    tls: Annotated[bool, typer.Option("--tls", help="dicom and hl7: over TLS.")] = False,
    application: Annotated[str | None, typer.Option(help="hl7: who receives the message (MSH-5).")] = None,
    facility: Annotated[str | None, typer.Option(help="hl7: and where (MSH-6).")] = None,
    username: Annotated[str | None, typer.Option(help="dicomweb and fhir: the user's name.")] = None,
    secret: Annotated[
        str | None,
        typer.Option(
            envvar="CXR_DESTINATION_SECRET",
            help="The user's password, else a bearer token; of a webhook what notices are signed with, and "
            "without it one is made. Others see the command line: better in CXR_DESTINATION_SECRET.",
        ),
    ] = None,
    tenant: Annotated[str | None, typer.Option(help="Whose results it gets; without: the default's.")] = None,
    as_json: AsJson = False,
    url: Url = None,
    key: AdminKey = None,
) -> None:
    """Have results sent somewhere, from now on.

    A PACS gets its objects into the study that the images came in. A webhook gets a signed notice of each
    event, with nothing of the patient in it; its signing secret is shown this once.

    Examples: [bold]cxr destinations add pacs dicom ORTHANC@10.0.0.7:4242 --event signed --event amended[/],
    [bold]cxr destinations add ris hl7 10.0.0.8:2575 --application RIS[/],
    [bold]cxr destinations add ward webhook https://ward.example/cxr --event critical[/]
    """
    fields: dict[str, Any] = {
        "formats": formats,
        "events": events,
        "labels": labels,
        "priorities": priorities,
        "tls": tls or None,
        "application": application,
        "facility": facility,
        "username": username,
        "secret": secret,
        "tenant": tenant,
    }
    with connect(url, key) as client:
        made = client.destinations.add(name, kind, **_address(kind, address), **fields)
    if as_json:
        print_json(made)
        return
    notes.print(as_typed(f"made: {made.name}; `cxr destinations test {made.name}` sees whether it answers"))
    if made.secret:
        print(made.secret)
        notes.print(
            "Keep it: the receiver checks signatures by it, and it cannot be shown again.", style="dim"
        )


@app.command("list")
def list_destinations(*, as_json: AsJson = False, url: Url = None, key: AdminKey = None) -> None:
    """List the destinations.

    Example: [bold]cxr destinations list[/]
    """
    with connect(url, key) as client:
        found = client.destinations.list()
    if as_json:
        print_json(found)
        return
    print_rows(
        ("name", "kind", "tenant", "address", "sent", "state"),
        [
            (one.name, one.kind, one.tenant, one.address, ",".join(one.formats or ["notices"]), _state(one))
            for one in found
        ],
    )


@app.command()
def show(named: Named, *, as_json: AsJson = False, url: Url = None, key: AdminKey = None) -> None:
    """Show what goes to a destination, and how it stands.

    Example: [bold]cxr destinations show pacs[/]
    """
    with connect(url, key) as client:
        one = client.destinations.show(named)
    if as_json:
        print_json(one)
        return
    tested = one.test.answer if one.test and one.test.done_at else None
    for title, value in (
        ("id", one.id),
        ("address", f"{one.kind} {one.address}"),
        ("sent", ", ".join(one.formats or ["notices"])),
        ("after", ", ".join(one.events)),
        ("only if present", ", ".join(one.labels)),
        ("only if", ", ".join(one.priorities)),
        ("state", _state(one)),
        ("last test", tested),
    ):
        if value:
            notes.print(f"{title}: {value}", markup=False, highlight=False)


@app.command("test")
def see(named: Named, *, as_json: AsJson = False, url: Url = None, key: AdminKey = None) -> None:
    """See from the gateway whether a destination answers; exit status 1 if it does not.

    A PACS is sent a C-ECHO, a DICOMweb server a search, a FHIR server is asked for its capabilities, an HL7
    listener is connected to, and a webhook is sent a signed notice of the type test.

    Example: [bold]cxr destinations test pacs[/]
    """
    with connect(url, key) as client:
        one = client.destinations.test(named)
    found = one.test
    if as_json:
        print_json(one)
    elif found is not None:
        style = "green" if found.passed else "red"
        notes.print(f"{one.name}: {found.answer}", style=style, markup=False)
    if found is None or not found.passed:
        raise typer.Exit(1)


@app.command()
def pause(named: Named, *, as_json: AsJson = False, url: Url = None, key: AdminKey = None) -> None:
    """Send nothing to a destination for now: what it is owed waits.

    Example: [bold]cxr destinations pause pacs[/]
    """
    with connect(url, key) as client:
        one = client.destinations.pause(named)
    _say(one, "paused", as_json=as_json)


@app.command()
def resume(named: Named, *, as_json: AsJson = False, url: Url = None, key: AdminKey = None) -> None:
    """Send to a destination again, and at once; also to one that could not be reached.

    Example: [bold]cxr destinations resume pacs[/]
    """
    with connect(url, key) as client:
        one = client.destinations.resume(named)
    _say(one, "resumed", as_json=as_json)


@app.command()
def remove(named: Named, *, as_json: AsJson = False, url: Url = None, key: AdminKey = None) -> None:
    """Send nothing to a destination any more, not what it is still owed either.

    Example: [bold]cxr destinations remove pacs[/]
    """
    with connect(url, key) as client:
        client.destinations.remove(named)
    if as_json:
        print_json({"name": named, "removed": True})
    else:
        notes.print("removed")


def _say(one: Destination, what: str, *, as_json: bool) -> None:
    if as_json:
        print_json(one)
    else:
        notes.print(f"{what}: {one.name}", markup=False)


def _state(one: Destination) -> str:
    if one.paused:
        return "paused"
    return f"away: {one.last_error}" if one.failures else "ready"


def _address(kind: str, address: str) -> dict[str, Any]:
    """Take an address apart.

    Raises:
        InputError: it is none of this kind's.
    """
    if kind not in {"dicom", "hl7"}:
        return {"url": address}
    ae_title, at, place = address.rpartition("@")
    host, colon, port = place.rpartition(":")
    if not (colon and host and port.isdecimal()) or bool(at) != (kind == "dicom"):
        form = "AETITLE@HOST:PORT" if kind == "dicom" else "HOST:PORT"
        message = f"{address!r} is no address of the kind {kind}: it looks like {form}"
        raise InputError(message)
    there = {"host": host.strip("[]"), "port": int(port)}
    return {**there, "ae_title": ae_title} if at else there
