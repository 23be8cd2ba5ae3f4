"""cxr models: which classifier and which report writer the local stack runs, and which others there are.

Map: `list_models`, `show`, `use` -> `seeing.py`, `known_bundles`.
"""

import json
import os
import time
from pathlib import Path
from typing import Annotated, Final

import typer

from cxr.commands.seeing import (
    MODEL,
    SERVER_URL,
    WRITER,
    check_writer,
    described,
    named,
    print_catalogue,
    print_entry,
    settings_of,
    writer_named,
    writers,
)
from cxr.errors import StackError
from cxr.local import stack
from cxr.local.catalogue import read_catalogue
from cxr.local.home import Home, find_home, services_root
from cxr.local.processes import has_environment
from cxr.local.state import read_json, write_private
from cxr.output import AsJson, as_typed, notes, out, print_json

app = typer.Typer(no_args_is_help=True, help="List models; choose the classifier and the report writer.")

BUNDLED: Final = "bundled"
_GATE: Final = "CXR_MODEL_GATE"
_BUNDLE: Final = "CXR_MODEL_BUNDLE"
_PATIENCE_SECONDS: Final = 300


_KINDS: Final = ("template", "llama-cpp", "transformers", "openai")
"""The writers that are no model of the catalogue."""


@app.command("list")
def list_models(*, as_json: AsJson = False) -> None:
    """List the classifiers (those in CXR_HOME/models have a card.json), the gate, and the models that see.

    Example: [bold]cxr models list[/]
    """
    home = find_home()
    chosen = read_json(home.config)
    bundle = chosen.get(_BUNDLE, BUNDLED)
    found = [
        {"name": name, "folder": str(folder), "in_use": bundle in (name, str(folder)), **_summary(folder)}
        for name, folder in known_bundles(home).items()
    ]
    if bundle not in (BUNDLED, *(one["folder"] for one in found)):
        found.append({"name": bundle, "folder": bundle, "in_use": True, **_summary(Path(bundle))})
    writer = {name: value for name, value in chosen.items() if name.startswith("CXR_REPORT_")}
    gate = _gate_in_use(chosen.get(_GATE, os.environ.get(_GATE, BUNDLED)))
    settings = settings_of(chosen)
    seeing = [described(entry, settings) for entry in read_catalogue().values()]
    if as_json:
        print_json({"models": found, "gate": gate, "writer": writer, "catalogue": seeing})
        return
    for one in found:
        mark = "*" if one["in_use"] else " "
        out.print(f"{mark} {one['name']}  {one['id']} {one['version']}  {one['folder']}", markup=False)
    out.print(f"  gate before all: {gate['id']} {gate['version']}  {gate['folder']}", markup=False)
    for name, value in writer.items():
        out.print(f"  {name}={value}", markup=False)
    out.print()
    print_catalogue(seeing)


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="A model that sees, by its name in `cxr models list`.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Tell all of one model that sees: memory, licence, terms, how it is fetched and turned on.

    Example: [bold]cxr models show maira-2[/]
    """
    catalogue = read_catalogue()
    one = described(catalogue[named(name, catalogue)], settings_of(read_json(find_home().config)))
    if as_json:
        print_json(one)
    else:
        print_entry(one)


def _writers() -> list[str]:
    return [*_KINDS, *writers(read_catalogue())]


@app.command()
def use(
    model: Annotated[
        str | None,
        typer.Argument(help="'bundled', a name from `cxr models list`, or a folder with a card.json."),
    ] = None,
    *,
    writer: Annotated[
        str | None,
        typer.Option(
            help=f"Who writes the reports: {', '.join(_KINDS)}, or a model that sees, by its name in"
            " `cxr models list`.",
            autocompletion=_writers,
        ),
    ] = None,
    writer_model: Annotated[
        str | None,
        typer.Option(
            help="'bundled', a .gguf file, a folder, a Hugging Face id, or the server's model name; it is"
            " kept until another writer is chosen."
        ),
    ] = None,
    server_url: Annotated[
        str | None,
        typer.Option(
            help="Base URL of an OpenAI-compatible server; URL of a side-car or of an Azure endpoint. It is"
            " kept until another writer is chosen. Its key is CXR_REPORT_SERVER_KEY at `cxr up`."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Choose the classifier, the report writer, or both; a running stack takes them up at once.

    Examples: [bold]cxr models use ./my-bundle[/], [bold]cxr models use --writer template[/],
    [bold]cxr models use --writer openai --server-url http://127.0.0.1:8001/v1 --writer-model llama[/],
    [bold]cxr models use --writer maira-2[/]
    """
    home, catalogue = find_home(), read_catalogue()
    changes = {
        _BUNDLE: _resolve(home, model) if model else None,
        WRITER: writer_named(writer, _KINDS, catalogue) if writer else None,
        MODEL: _absolute(writer_model) if writer_model else None,
        SERVER_URL: server_url,
    }
    chosen = {name: value for name, value in changes.items() if value is not None}
    if not chosen:
        message = "name a model, or a --writer"
        raise typer.BadParameter(message)
    before = read_json(home.config)
    # A model and an address are those of the writer that they were named for.
    gone = {MODEL, SERVER_URL} if writer and writer != before.get(WRITER) else set()
    after = {**{name: value for name, value in before.items() if name not in gone}, **chosen}
    if chosen.keys() & {WRITER, MODEL, SERVER_URL}:
        check_writer(after)
    home.make()
    write_private(home.config, json.dumps(after, indent=2))
    if stack.read_status(home).supervisor is None:
        notes.print(as_typed("kept; the next `cxr up` runs with it"))
        _tell(home, as_json=as_json)
        return
    of_parts: dict[str, dict[str, str]] = {}
    for name, value in chosen.items():
        of_parts.setdefault("worker-cnn" if name == _BUNDLE else "worker-llm", {})[name] = value
    try:
        _restart(home, of_parts)
    except StackError:
        write_private(home.config, json.dumps(before, indent=2))
        stack.look_again(home)
        raise
    _tell(home, as_json=as_json)


def _absolute(model: str) -> str:
    """Return a file or folder so that the worker, which runs elsewhere, finds it; other names as they are."""
    path = Path(model).expanduser()
    return str(path.resolve()) if model != BUNDLED and path.exists() else model


def _tell(home: Home, *, as_json: bool) -> None:
    if as_json:
        print_json({"chosen": read_json(home.config)})


def known_bundles(home: Home) -> dict[str, Path]:
    """Return the folders of the bundles by name."""
    folders = {BUNDLED: services_root() / "worker_cnn" / "bundled"}
    for card in sorted(home.models.glob("*/card.json")):
        folders[card.parent.name] = card.parent
    return folders


def _resolve(home: Home, model: str) -> str:
    if model == BUNDLED:
        return BUNDLED
    folder = known_bundles(home).get(model) or Path(model).expanduser().resolve()
    if not (folder / "card.json").is_file():
        message = f"no model bundle: {folder} has no card.json"
        raise typer.BadParameter(message)
    return str(folder)


def _gate_in_use(name: str) -> dict[str, str]:
    folder = services_root() / "worker_cnn" / "bundled_gate" if name == BUNDLED else Path(name)
    return {"folder": str(folder), **_summary(folder)}


def _summary(folder: Path) -> dict[str, str]:
    try:
        card = json.loads((folder / "card.json").read_bytes())
    except (OSError, ValueError):
        card = None
    if not isinstance(card, dict):
        return {"id": "(no readable card.json)", "version": ""}
    return {"id": str(card.get("id", "?")), "version": str(card.get("version", "?"))}


def _restart(home: Home, settings: dict[str, dict[str, str]]) -> None:
    """Have workers started with their new settings, and wait until they are ready, but for a stopped one.

    Raises:
        StackError: one does not come up; the settings before are in use again.
    """
    stack.look_again(home)
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while settings:
        time.sleep(0.2)
        parts = {part.name: part for part in stack.read_status(home).parts}
        for name in sorted(settings):
            part = parts.get(name)
            if part is None or part.state == "failing" or time.monotonic() > deadline:
                message = (
                    f"{name} does not start with this; the settings before stay.\n{stack.tail(home, name)}"
                )
                raise StackError(message)
            if part.state == "stopped":
                text = f"{name} is stopped; `cxr start {name}` starts it with this"
                notes.print(as_typed(text), markup=False)
                del settings[name]
            elif part.state == "running" and part.pid and has_environment(part.pid, settings[name]):
                notes.print(f"{name} runs with it")
                del settings[name]
