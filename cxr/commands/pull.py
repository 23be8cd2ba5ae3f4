"""cxr pull: studies that the gateway fetches from other archives (with an administrator's key in CXR_KEY)."""

from typing import Annotated

import typer

from cxr import models
from cxr.commands.connection import Key as AdminKey
from cxr.commands.connection import Url, connect
from cxr.errors import InputError
from cxr.output import AsJson, as_typed, notes, out, print_json

app = typer.Typer(
    no_args_is_help=True, help="Fetch new chest radiographs from a PACS, with the patient's earlier ones."
)

RuleId = Annotated[str, typer.Argument(metavar="ID", help="A rule's id; `cxr pull list` shows it.")]


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="For people.")],
    *,
    peer: Annotated[
        str | None,
        typer.Option(metavar="AE", help="The AE title of a peer with host and port: `cxr peers add`."),
    ] = None,
    move: Annotated[
        bool, typer.Option("--move", help="Have the peer send to us (C-MOVE) instead of giving (C-GET).")
    ] = False,
    web: Annotated[
        str | None, typer.Option(metavar="URL", help="Instead of a peer: the root of a DICOMweb server.")
    ] = None,
    archive_key: Annotated[
        str | None,
        typer.Option(
            envvar="CXR_ARCHIVE_KEY",
            metavar="KEY",
            help="With --web: a bearer token, or user:password. Others see the command line: better in"
            " CXR_ARCHIVE_KEY.",
        ),
    ] = None,
    tenant: Annotated[str | None, typer.Option(help="With --web: whose the studies are.")] = None,
    modality: Annotated[list[str] | None, typer.Option(help="Repeat it. Without: CR and DX.")] = None,
    body_part: Annotated[
        list[str] | None, typer.Option(help="Patterns of Body Part Examined. Without: a chest's.")
    ] = None,
    description: Annotated[
        list[str] | None,
        typer.Option(help="Patterns of descriptions, where there is no body part. Without: a chest's."),
    ] = None,
    window: Annotated[int, typer.Option(metavar="HOURS", help="How far back to look.")] = 24,
    every: Annotated[float, typer.Option(metavar="MINUTES", help="How often to ask.")] = 5,
    per_minute: Annotated[int, typer.Option(help="Most studies fetched in a minute.")] = 60,
    priors: Annotated[int, typer.Option(help="Earlier studies of the patient to fetch with each.")] = 0,
    as_json: AsJson = False,
    url: Url = None,
    key: AdminKey = None,
) -> None:
    """Fetch new chest radiographs of an archive, now and again and again.

    Examples: [bold]cxr pull add pacs --peer PACS --priors 2[/],
    [bold]cxr pull add archive --web https://pacs.example.org/dicom-web[/]
    """
    if (peer is None) == (web is None):
        message = "name the archive: --peer AE or --web URL"
        raise InputError(message)
    fields = {
        "peer": peer,
        "url": web,
        "key": archive_key if web else None,
        "tenant": tenant,
        "modalities": modality,
        "body_parts": body_part,
        "descriptions": description,
        "window_hours": window,
        "every_minutes": every,
        "per_minute": per_minute,
        "priors": priors,
    }
    method = "web" if web else "move" if move else "get"
    said = {field: value for field, value in fields.items() if value is not None}
    with connect(url, key) as client:
        made = client.hospital.pull_rules.add(name, method, **said)
    if as_json:
        print_json(made)
    else:
        print(made.id)


@app.command("list")
def list_rules(*, as_json: AsJson = False, url: Url = None, key: AdminKey = None) -> None:
    """List the rules and how they go.

    Example: [bold]cxr pull list[/]
    """
    with connect(url, key) as client:
        rules = client.hospital.pull_rules.list()
    if as_json:
        print_json(rules)
        return
    for one in rules:
        out.print(_described(one), markup=False)


@app.command()
def pause(rule_id: RuleId, *, as_json: AsJson = False, url: Url = None, key: AdminKey = None) -> None:
    """Begin no other study by a rule, until it is resumed.

    Example: [bold]cxr pull pause 0199…[/]
    """
    with connect(url, key) as client:
        _say(client.hospital.pull_rules.pause(rule_id), as_json=as_json)


@app.command()
def resume(rule_id: RuleId, *, as_json: AsJson = False, url: Url = None, key: AdminKey = None) -> None:
    """Go on with a rule when it is due.

    Example: [bold]cxr pull resume 0199…[/]
    """
    with connect(url, key) as client:
        _say(client.hospital.pull_rules.resume(rule_id), as_json=as_json)


@app.command()
def now(rule_id: RuleId, *, as_json: AsJson = False, url: Url = None, key: AdminKey = None) -> None:
    """Run a rule now, however long its archive was away; one that is paused is resumed.

    Example: [bold]cxr pull now 0199…[/]
    """
    with connect(url, key) as client:
        _say(client.hospital.pull_rules.run(rule_id), as_json=as_json)


@app.command()
def remove(rule_id: RuleId, *, as_json: AsJson = False, url: Url = None, key: AdminKey = None) -> None:
    """Remove a rule; what it fetched stays.

    Example: [bold]cxr pull remove 0199…[/]
    """
    with connect(url, key) as client:
        client.hospital.pull_rules.remove(rule_id)
    if as_json:
        print_json({"id": rule_id, "removed": True})
    else:
        notes.print("removed")


def _say(rule: models.PullRule, *, as_json: bool) -> None:
    if as_json:
        print_json(rule)
    else:
        notes.print(as_typed(_described(rule)), markup=False)


def _described(rule: models.PullRule) -> str:
    how = f"{rule.method} every {rule.every_minutes:g} min"
    state = "paused" if rule.paused_at else f"next {rule.next_at:%Y-%m-%d %H:%M:%S} UTC"
    said = f"{rule.id}  {rule.name}  {how}  {rule.fetched} fetched  {state}"
    return f"{said}  {rule.error}" if rule.error else said
