"""cxr deliveries: what was sent where, and what was given up and may be sent again."""

from itertools import islice
from typing import Annotated

import typer

from cxr.commands.connection import Key, Url, connect
from cxr.errors import InputError
from cxr.models import Delivery
from cxr.output import AsJson, notes, print_json, print_rows

app = typer.Typer(no_args_is_help=True, help="See what was sent where; send again what was given up.")


@app.command("list")
def list_deliveries(
    *,
    study: Annotated[str | None, typer.Option(metavar="ID", help="Only those of this study.")] = None,
    state: Annotated[
        str | None, typer.Option(help="Only those: waiting, sending, delivered, dead (given up), skipped.")
    ] = None,
    destination: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only those to this one (with an administrator's key).")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", help="At most so many.", min=1)] = 20,
    as_json: AsJson = False,
    url: Url = None,
    key: Key = None,
) -> None:
    """List deliveries, newest first; of one study, in the order of its events.

    Examples: [bold]cxr deliveries list --state dead[/], [bold]cxr deliveries list --study 0199… --json[/]
    """
    with connect(url, key) as client:
        if study is not None:
            found = [one for one in client.deliveries.of_study(study) if state in (None, one.state)]
        else:
            its_id = client.destinations.show(destination).id if destination else None
            pages = client.deliveries.list(state=state, destination_id=its_id, page_size=min(limit, 200))
            found = list(islice(pages, limit))
    if as_json:
        print_json(found)
        return
    print_rows(
        ("id", "study", "to", "event", "state", "attempts", "why"),
        [
            (
                one.id,
                one.study_id,
                one.destination,
                one.event,
                _state(one),
                str(len(one.attempts)),
                one.error or "",
            )
            for one in found
        ],
    )


@app.command()
def retry(
    delivery_id: Annotated[str | None, typer.Argument(metavar="ID", help="A delivery's id.")] = None,
    *,
    destination: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="All that were given up there (with an administrator's key)."),
    ] = None,
    as_json: AsJson = False,
    url: Url = None,
    key: Key = None,
) -> None:
    """Send again, for another three days, what was given up.

    Examples: [bold]cxr deliveries retry 0199…[/], [bold]cxr deliveries retry --destination pacs[/]
    """
    if (delivery_id is None) == (destination is None):
        message = "name one delivery by its id, or all of a destination with --destination"
        raise InputError(message)
    with connect(url, key) as client:
        if destination is not None:
            number = client.destinations.retry(destination)
            if as_json:
                print_json({"retried": number})
            else:
                notes.print(f"sent again: {number}")
            return
        one = client.deliveries.retry(delivery_id or "")
    if as_json:
        print_json(one)
    else:
        notes.print(f"sent again to {one.destination}", markup=False)


def _state(one: Delivery) -> str:
    return one.state if one.version is None else f"{one.state} (version {one.version})"
