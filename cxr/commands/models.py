"""cxr models: which classifier and which report writer the local stack runs, and which others there are.

Map: `list_models`, `show`, `use` -> `seeing.py`, `known_bundles`.
"""

import json
import time
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from cxr.commands.seeing import (
    BUNDLE,
    CLASSIFIERS_URL,
    MODEL,
    SERVER_URL,
    WRITER,
    check_classifier,
    check_writer,
    described,
    named,
    print_catalogue,
    print_entry,
    runs_elsewhere,
    settings_of,
    writer_named,
    writers,
)
from cxr.errors import StackError
from cxr.local import stack
from cxr.local.bundles import BUNDLED, CARD, card_of, known_bundles, shipped
from cxr.local.catalogue import read_catalogue
from cxr.local.home import Home, find_home, services_root
from cxr.local.processes import has_environment
from cxr.local.state import read_json, write_private
from cxr.output import AsJson, as_typed, notes, out, print_json

app = typer.Typer(no_args_is_help=True, help="List models; choose the classifier and the report writer.")

_GATE: Final = "CXR_MODEL_GATE"
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
    settings = settings_of(chosen)
    bundle = settings.get(BUNDLE, BUNDLED)
    found = [
        {"name": name, "folder": str(folder), "in_use": bundle in (name, str(folder)), **_summary(folder)}
        for name, folder in known_bundles(home).items()
    ]
    if not any(one["in_use"] for one in found):
        found.append({"name": bundle, "folder": bundle, "in_use": True, **_summary(Path(bundle))})
    writer = {name: value for name, value in chosen.items() if name.startswith("CXR_REPORT_")}
    gate = _gate_in_use(settings.get(_GATE, BUNDLED))
    seeing = [described(entry, settings) for entry in read_catalogue().values()]
    if as_json:
        print_json({"models": found, "gate": gate, "writer": writer, "catalogue": seeing})
        return
    for one in found:
        mark = "*" if one["in_use"] else " "
        note = "" if one["measured"] else "  (nobody has measured it)"
        out.print(f"{mark} {one['name']}  {one['id']} {one['version']}  {one['folder']}{note}", markup=False)
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
            help="Base URL of an OpenAI-compatible server; URL of a side-car or of an Azure endpoint: of the"
            " writer or, where a model alone is named, of that. It is kept until another one is chosen. Its"
            " key is CXR_REPORT_SERVER_KEY at `cxr up`, of a model CXR_MODEL_SERVER_KEY."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Choose the classifier, the report writer, or both; a running stack takes them up at once.

    Examples: [bold]cxr models use ./my-bundle[/], [bold]cxr models use --writer template[/],
    [bold]cxr models use --writer openai --server-url http://127.0.0.1:8001/v1 --writer-model llama[/],
    [bold]cxr models use --writer maira-2[/],
    [bold]cxr models use medimageinsight-zero-shot --server-url https://NAME.example/score[/]
    """
    home, catalogue = find_home(), read_catalogue()
    bundle = _resolve(home, model) if model else None
    of_model = bundle is not None and writer is None and runs_elsewhere(bundle)
    changes = {
        BUNDLE: bundle,
        CLASSIFIERS_URL: server_url if of_model else None,
        WRITER: writer_named(writer, _KINDS, catalogue) if writer else None,
        MODEL: _absolute(writer_model) if writer_model else None,
        SERVER_URL: None if of_model else server_url,
    }
    chosen = {name: value for name, value in changes.items() if value is not None}
    if not chosen:
        message = "name a model, or a --writer"
        raise typer.BadParameter(message)
    before = read_json(home.config)
    # A model and an address are those of the writer that they were named for, or of the classifier.
    gone = {MODEL, SERVER_URL} if writer and writer != before.get(WRITER) else set()
    gone |= {CLASSIFIERS_URL} if bundle and bundle != before.get(BUNDLE) else set()
    after = {**{name: value for name, value in before.items() if name not in gone}, **chosen}
    if chosen.keys() & {WRITER, MODEL, SERVER_URL}:
        check_writer(after)
    if bundle:
        check_classifier(after)
    home.make()
    write_private(home.config, json.dumps(after, indent=2))
    if stack.read_status(home).supervisor is None:
        notes.print(as_typed("kept; the next `cxr up` runs with it"))
        _tell(home, as_json=as_json)
        return
    of_parts: dict[str, dict[str, str]] = {}
    for name, value in chosen.items():
        part = "worker-cnn" if name in {BUNDLE, CLASSIFIERS_URL} else "worker-llm"
        of_parts.setdefault(part, {})[name] = value
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


def _resolve(home: Home, model: str) -> str:
    if model in shipped():
        return model
    folder = known_bundles(home).get(model) or Path(model).expanduser().resolve()
    if not (folder / CARD).is_file():
        message = f"no model bundle: {folder} has no {CARD}"
        raise typer.BadParameter(message)
    return str(folder)


def _gate_in_use(name: str) -> dict[str, str]:
    folder = services_root() / "worker_cnn" / "bundled_gate" if name == BUNDLED else Path(name)
    said = _summary(folder)
    return {"folder": str(folder), "id": said["id"], "version": said["version"]}


def _summary(folder: Path) -> dict[str, Any]:
    card = card_of(folder)
    if card is None:
        return {"id": f"(no readable {CARD})", "version": "", "measured": False}
    return {"id": card.id, "version": card.version, "measured": card.is_measured}


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
