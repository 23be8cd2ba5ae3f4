"""cxr up, down, status, logs, stop, start: the local stack."""

import os
import sys
import time
from typing import Annotated, Final

import typer
from rich.live import Live
from rich.table import Table

from cxr.client import Client
from cxr.commands import operation
from cxr.commands.seeing import check_classifier, check_writer
from cxr.errors import StackError
from cxr.local import stack
from cxr.local.home import Home, find_home
from cxr.local.services import PARTS
from cxr.local.stack import Listening, PartStatus, StackStatus, Started
from cxr.local.state import read_json
from cxr.output import AsJson, as_typed, notes, out, print_json, typed

PATIENCE_SECONDS: Final = 300.0
_MARKS: Final = {
    "running": "[green]✔ running[/]",
    "starting": "[yellow]… starting[/]",
    "failing": "[red]✘ failing[/]",
    "stopped": "[dim]· stopped[/]",
}

Port = Annotated[
    int | None,
    typer.Option(
        envvar="CXR_API_PORT",
        help=f"Port of the API and the page; {stack.DEFAULT_PORT} by default.",
        min=1,
        max=65535,
    ),
]
PartName = Annotated[str, typer.Argument(help=f"One of: {', '.join(PARTS)}.", metavar="PART")]


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(up)
    app.command()(down)
    app.command()(status)
    app.command()(logs)
    app.command()(stop)
    app.command()(start)


def up(
    *,
    port: Port = None,
    host: Annotated[
        str | None,
        typer.Option(
            envvar="CXR_API_HOST",
            help="Address of this machine to listen on, 0.0.0.0 for all; any but 127.0.0.1 needs --auth.",
        ),
    ] = None,
    auth: Annotated[
        bool, typer.Option("--auth", help="Want API keys, as CXR_API_AUTH=required does; the first is shown.")
    ] = False,
    detach: Annotated[
        bool, typer.Option("--detach", "-d", help="Return when everything is ready, and leave it running.")
    ] = False,
    timeout: Annotated[
        float, typer.Option(help="Longest wait for all parts, in seconds.")
    ] = PATIENCE_SECONDS,
    as_json: AsJson = False,
) -> None:
    """Start the whole stack: Postgres, broker, S3 server, API, both workers, sweeper, gateway.

    Everything listens on 127.0.0.1 alone, but for the API with --host and the gateway (DICOM on port 11112,
    HL7 on 2575, or others where these are taken) with CXR_GATEWAY_HOST. Without --auth the API serves only
    the user who started it. Other settings are taken from the environment (docs/reference/settings.md);
    what is not obeyed is said. Data and logs are in CXR_HOME.

    Examples: [bold]cxr up --detach[/], [bold]cxr up --port 8080[/], [bold]cxr up --host 0.0.0.0 --auth[/]
    """
    home = find_home()
    begun = bring_up(home, listening(port=port, host=host, auth=auth or None), timeout=timeout)
    first_key = _first_key(begun)
    if as_json:
        print_json({"url": begun.url, "already_up": begun.already_up, "key": first_key})
    elif first_key:
        print(first_key)
    if first_key:
        notes.print("This key opens everything. Keep it: it cannot be shown again.", style="dim")
    if detach:
        return
    notes.print(f"Ctrl-C stops it. Logs: {typed()} logs PART -f", style="dim", markup=False)
    try:
        while stack.read_status(home).supervisor is not None:
            time.sleep(1)
    except KeyboardInterrupt:
        notes.print("stopping …")
        stack.down(home)


def listening(*, port: int | None = None, host: str | None = None, auth: bool | None = None) -> Listening:
    """Return how the API is to listen: as the options say, or else CXR_API_AUTH and CXR_API_ADMIN_KEY.

    Raises:
        typer.BadParameter: CXR_API_AUTH says neither 'required' nor 'off'.
    """
    said = os.environ.get("CXR_API_AUTH")
    if said not in (None, "", "required", "off"):
        message = f"CXR_API_AUTH is {said!r}; it can be 'required' or 'off'"
        raise typer.BadParameter(message)
    if auth is None and said:
        auth = said == "required"
    return Listening(port, host, auth, os.environ.get("CXR_API_ADMIN_KEY"))


def bring_up(home: Home, wanted: Listening, *, timeout: float = PATIENCE_SECONDS) -> Started:
    """Start the stack with a display of its parts; say what of the environment is not obeyed.

    Raises:
        StackError: it does not come up, the port is taken, or a stack runs that listens otherwise.
        typer.BadParameter: the report writer or the classifier lacks its address or its folder.
    """
    if stack.read_status(home).supervisor is None:
        chosen = read_json(home.config)
        check_writer(chosen)
        check_classifier(chosen)
    if sys.stderr.isatty():
        with Live(console=notes, transient=True, auto_refresh=False) as live:
            begun = stack.up(
                home, wanted, timeout=timeout, on_change=lambda now: live.update(_table(now), refresh=True)
            )
    else:
        said: set[str] = set()
        begun = stack.up(home, wanted, timeout=timeout, on_change=lambda now: _say_news(now, said))
    for name, reason in begun.not_obeyed.items():
        notes.print(as_typed(f"{name} has no effect: {reason}"), style="yellow", markup=False)
    word = "is already up" if begun.already_up else "is up"
    notes.print(f"CXR Reporter {word}: {begun.url}", markup=False)
    return begun


def _first_key(begun: Started) -> str | None:
    """Make a key that opens everything where keys are needed and there is none yet."""
    if begun.admin_key is None:
        return None
    with Client(begun.url, key=begun.admin_key) as client:
        if client.keys.list():
            return None
        return client.keys.create("the first key", scopes=("read", "write", "admin")).key


def down(*, as_json: AsJson = False) -> None:
    """Stop everything that `cxr up` started; the data stay.

    Example: [bold]cxr down[/]
    """
    ran = stack.down(find_home())
    if as_json:
        print_json({"stopped": ran})
    else:
        notes.print("stopped" if ran else "nothing was running")


def status(
    *, as_json: Annotated[bool, typer.Option("--json", help="Print a JSON list of the parts.")] = False
) -> None:
    """Show how the parts of the local stack are, what waits, how fast it goes, and how full the disk is.

    Examples: [bold]cxr status[/], [bold]cxr status --json[/]
    """
    home = find_home()
    now = stack.read_status(home)
    told = operation.look(home, now)
    if as_json:
        print_json(operation.with_parts(now.listed(), told))
        return
    out.print(_table(now))
    for name, value in operation.describe(told):
        out.print(f"{name:8} {value}", markup=False)
    if now.failing:
        out.print(f"{now.failing.name} dies again and again; see {home.log(now.failing.name)}", style="red")


def logs(
    part: PartName,
    *,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as more is written.")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", help="How many of the last lines.", min=0)] = 100,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON document; not with --follow.")
    ] = False,
) -> None:
    """Show a part's log (also: migrations, supervisor).

    Example: [bold]cxr logs worker-llm -f[/]
    """
    home = find_home()
    _check_name(part, (*PARTS, "migrations", "supervisor"))
    if as_json:
        if follow:
            message = "--json prints one document; --follow has no end"
            raise typer.BadParameter(message)
        print_json({"part": part, "lines": stack.tail(home, part, lines=lines).splitlines()})
        return
    print(stack.tail(home, part, lines=lines))
    if not follow:
        return
    path = home.log(part)
    path.touch()
    with path.open(errors="replace") as log:
        log.seek(0, os.SEEK_END)
        while True:
            text = log.read()
            if text:
                print(text, end="", flush=True)
            else:
                if path.stat().st_size < log.tell():
                    log.seek(0)  # it was copied aside and emptied
                time.sleep(0.3)


def stop(part: PartName, *, as_json: AsJson = False) -> None:
    """Stop one part, and leave it stopped until `cxr start` or `cxr up`.

    Example: [bold]cxr stop worker-llm[/]
    """
    _check_name(part, PARTS)
    if not stack.hold(find_home(), part):
        raise StackError(_NOT_UP)
    if as_json:
        print_json({"part": part, "wanted": "stopped"})


def start(part: PartName, *, as_json: AsJson = False) -> None:
    """Start a part that `cxr stop` has stopped.

    Example: [bold]cxr start worker-llm[/]
    """
    _check_name(part, PARTS)
    if not stack.release(find_home(), part):
        raise StackError(_NOT_UP)
    if as_json:
        print_json({"part": part, "wanted": "running"})


_NOT_UP: Final = "the stack is not up; start it with `cxr up`"


def _check_name(name: str, names: tuple[str, ...]) -> None:
    if name not in names:
        message = f"there is no part {name!r}; there are {', '.join(names)}"
        raise typer.BadParameter(message)


def _table(now: StackStatus) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in ("part", "state", "pid", "port"):
        table.add_column(heading)
    parts = [*now.listed(), *(part for part in now.parts if part.name == "migrations" and _is_news(part))]
    for part in parts:
        table.add_row(part.name, _MARKS[part.state], str(part.pid or ""), str(part.port or ""))
    return table


def _is_news(part: PartStatus) -> bool:
    return part.state == "failing"


def _say_news(now: StackStatus, said: set[str]) -> None:
    for part in now.listed():
        line = f"{part.name} {part.state}"
        if part.state not in {"stopped", "starting"} and line not in said:
            said.add(line)
            notes.print(line, style="dim")
