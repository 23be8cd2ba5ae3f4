"""cxr up, down, status, logs, stop, start: the local stack."""

import os
import sys
import time
from typing import Annotated, Final

import typer
from rich.live import Live
from rich.table import Table

from cxr.errors import StackError
from cxr.local import stack
from cxr.local.home import Home, find_home
from cxr.local.services import PARTS
from cxr.local.stack import PartStatus, StackStatus
from cxr.output import notes, out, print_json

DEFAULT_PORT: Final = 8000
PATIENCE_SECONDS: Final = 300.0
_MARKS: Final = {
    "running": "[green]✔ running[/]",
    "starting": "[yellow]… starting[/]",
    "failing": "[red]✘ failing[/]",
    "stopped": "[dim]· stopped[/]",
}

Port = Annotated[int, typer.Option(help="Port of the API and the page.", min=1, max=65535)]
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
    port: Port = DEFAULT_PORT,
    detach: Annotated[
        bool, typer.Option("--detach", "-d", help="Return when everything is ready, and leave it running.")
    ] = False,
    timeout: Annotated[
        float, typer.Option(help="Longest wait for all parts, in seconds.")
    ] = PATIENCE_SECONDS,
) -> None:
    """Start the whole stack: Postgres, broker, S3 server, API, both workers, sweeper.

    Everything listens on 127.0.0.1 alone. Data and logs are in CXR_HOME.

    Examples: [bold]cxr up --detach[/], [bold]cxr up --port 8080[/]
    """
    home = find_home()
    bring_up(home, port=port, timeout=timeout)
    if detach:
        return
    notes.print("Ctrl-C stops it. Logs: cxr logs PART -f", style="dim")
    try:
        while stack.read_status(home).supervisor is not None:
            time.sleep(1)
    except KeyboardInterrupt:
        notes.print("stopping …")
        stack.down(home)


def bring_up(home: Home, *, port: int, timeout: float = PATIENCE_SECONDS) -> int:
    """Start the stack with a display of its parts; return the API's port.

    Raises:
        StackError: it does not come up, or the port is taken.
    """
    if sys.stderr.isatty():
        with Live(console=notes, transient=True, auto_refresh=False) as live:
            begun = stack.up(
                home, port=port, timeout=timeout, on_change=lambda now: live.update(_table(now), refresh=True)
            )
    else:
        said: set[str] = set()
        begun = stack.up(home, port=port, timeout=timeout, on_change=lambda now: _say_news(now, said))
    word = "is already up" if begun.already_up else "is up"
    notes.print(f"CXR Reporter {word}: http://localhost:{begun.port}")
    return begun.port


def down() -> None:
    """Stop everything that `cxr up` started; the data stay.

    Example: [bold]cxr down[/]
    """
    ran = stack.down(find_home())
    notes.print("stopped" if ran else "nothing was running")


def status(
    *, as_json: Annotated[bool, typer.Option("--json", help="Print a JSON list of the parts.")] = False
) -> None:
    """Show how the parts of the local stack are.

    Examples: [bold]cxr status[/], [bold]cxr status --json[/]
    """
    home = find_home()
    now = stack.read_status(home)
    if as_json:
        print_json(now.listed())
        return
    out.print(_table(now))
    out.print(f"CXR_HOME {home.path}", style="dim")
    if now.failing:
        out.print(f"{now.failing.name} dies again and again; see {home.log(now.failing.name)}", style="red")


def logs(
    part: PartName,
    *,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as more is written.")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", help="How many of the last lines.", min=0)] = 100,
) -> None:
    """Show a part's log (also: migrations, supervisor).

    Example: [bold]cxr logs worker-llm -f[/]
    """
    home = find_home()
    _check_name(part, (*PARTS, "migrations", "supervisor"))
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


def stop(part: PartName) -> None:
    """Stop one part, and leave it stopped until `cxr start` or `cxr up`.

    Example: [bold]cxr stop worker-llm[/]
    """
    _check_name(part, PARTS)
    if not stack.hold(find_home(), part):
        raise StackError(_NOT_UP)


def start(part: PartName) -> None:
    """Start a part that `cxr stop` has stopped.

    Example: [bold]cxr start worker-llm[/]
    """
    _check_name(part, PARTS)
    if not stack.release(find_home(), part):
        raise StackError(_NOT_UP)


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
