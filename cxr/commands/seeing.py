"""What `cxr models` says of the models that see, and what has to be so before one of them writes.

Map: `described`, `print_catalogue`, `print_entry`; `named`, `writer_named`, `writers`;
`check_writer`, `runs_elsewhere` -> `check_classifier`.
"""

import difflib
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import typer

from cxr.errors import InputError
from cxr.local.bundles import BUNDLED, CARD, ZERO_SHOT, card_of, shipped
from cxr.local.catalogue import Entry, read_catalogue, weights_of
from cxr.output import as_typed, notes, out, print_rows

WRITER: Final = "CXR_REPORT_WRITER"
MODEL: Final = "CXR_REPORT_MODEL"
SERVER_URL: Final = "CXR_REPORT_SERVER_URL"
BUNDLE: Final = "CXR_MODEL_BUNDLE"
CLASSIFIERS_URL: Final = "CXR_MODEL_SERVER_URL"
_ENCODER: Final = "CXR_MODEL_ENCODER"
_CONFIG: Final = "config.json"
"""What any folder of weights has."""
_CHOSEN_BY: Final = {"report": MODEL, "embedding": _ENCODER, "findings": BUNDLE}
"""The setting that names the folder of a model's weights, by what the model does."""
_HEADINGS: Final = ("name", "does", "runs", "state", "memory", "licence")
_RUNS: Final = {
    "in-process": "in worker-llm, by transformers' own classes",
    "side-car": "behind a server in an environment of its own (docs/reference/writer-protocol.md)",
    "azure": "behind an endpoint of Azure AI Foundry",
    "onnx": "in worker-cnn, exported once",
}
_BESIDES: Final = {
    "in-process": "On a GPU: CXR_REPORT_DEVICE=cuda in the environment of `cxr up`.",
    "side-car": "All but the last in the server's own environment, on its machine. A key, if it wants one:"
    " CXR_REPORT_SERVER_KEY in the environment of `cxr up`.",
    "azure": "The endpoint's key: CXR_REPORT_SERVER_KEY in the environment of `cxr up`.",
}


def named(name: str, names: Iterable[str]) -> str:
    """Return a name that is one of these.

    Raises:
        typer.BadParameter: it is not; it says which come near.
    """
    known = list(names)
    if name in known:
        return name
    near = difflib.get_close_matches(name.lower(), known, n=3, cutoff=0.65)
    rest = f"did you mean {' or '.join(near)}?" if near else f"there are: {', '.join(known)}"
    message = f"there is no {name!r}; {rest}"
    raise typer.BadParameter(message)


def writer_named(name: str, kinds: Iterable[str], catalogue: Mapping[str, Entry]) -> str:
    """Return a writer's name.

    Args:
        kinds: the writers that are no model of the catalogue.

    Raises:
        typer.BadParameter: it is none.
    """
    if name in catalogue and catalogue[name].work != "report":
        message = f"{name} writes no reports: `cxr models show {name}` says what turns it on"
        raise typer.BadParameter(message)
    return named(name, [*kinds, *writers(catalogue)])


def writers(catalogue: Mapping[str, Entry]) -> list[str]:
    """Return the names of the models that write reports."""
    return [name for name, entry in catalogue.items() if entry.work == "report"]


def described(entry: Entry, settings: Mapping[str, str]) -> dict[str, Any]:
    """Return everything about a model, as JSON has it.

    Args:
        settings: those that the stack runs with, or would.
    """
    folder = _folder(entry, settings)
    in_use = _is_in_use(entry, settings)
    present = folder is not None
    return {
        **asdict(entry),
        "state": _state(entry, in_use=in_use, present=present),
        "weights_present": present,
        "folder": str(folder) if folder else None,
        "in_use": in_use,
        "page": f"docs/models/{entry.name}.md",
    }


def _folder(entry: Entry, settings: Mapping[str, str]) -> Path | None:
    """Return the folder of the weights: the one that the settings name, or that of the hub's cache."""
    chosen = Path(settings.get(_CHOSEN_BY[entry.work], BUNDLED)).expanduser()
    if _is_in_use(entry, settings) and any((chosen / name).is_file() for name in (_CONFIG, CARD)):
        return chosen
    return None if entry.runs == "azure" else weights_of(entry)


def _is_in_use(entry: Entry, settings: Mapping[str, str]) -> bool:
    if entry.work == "report":
        return settings.get(WRITER) == entry.name
    chosen = settings.get(_CHOSEN_BY[entry.work], "")
    card = card_of(Path(chosen).expanduser()) if chosen else None
    return entry.name in {chosen, card.id if card else None}


def _state(entry: Entry, *, in_use: bool, present: bool) -> str:
    if entry.has_server:
        return "in use" if in_use else "needs a server"
    weights = "weights present" if present else "weights absent"
    return f"in use, {weights}" if in_use else weights


def print_catalogue(models: Iterable[dict[str, Any]]) -> None:
    """Print a line a model."""
    print_rows(_HEADINGS, [_row(one) for one in models])
    notes.print(as_typed("`cxr models show NAME` tells all of one, and how it is turned on"), markup=False)


def _row(one: dict[str, Any]) -> tuple[str, ...]:
    memory = f"{one['memory_gb']:g} GB" if one["memory_gb"] else ""
    return one["name"], one["work"], one["runs"], one["state"], memory, one["licence"]


def print_entry(one: dict[str, Any]) -> None:
    """Print everything about a model, last the commands that turn it on."""
    memory = f", about {one['memory_gb']:g} GB of memory (not measured)" if one["memory_gb"] else ""
    parameters = " in ".join(filter(None, (one["parameters"], one["loaded_as"])))
    shown = "; ".join(filter(None, (", ".join(one["sees"]), one["boxes"] and "says where, in boxes")))
    facts = {
        "does": f"{one['work']}, {_RUNS[one['runs']]}",
        "is shown": shown,
        "state": one["state"],
        "weights": " in ".join(filter(None, (one["weights"], one["folder"]))),
        "parameters": f"{parameters}{memory}",
        "licence": one["licence"],
        "terms": one["terms"],
        "paper": one["paper"],
        "tried": one["tried"],
        "page": one["page"],
    }
    out.print(f"{one['title']} ({one['name']})", style="bold", markup=False)
    for name, value in facts.items():
        out.print(f"  {name:<11} {value}", markup=False)
    out.print("To turn it on:")
    for line in _how_to_turn_on(one):
        out.print(f"  {line}", markup=False)
    if one["work"] == "report":
        out.print(as_typed(_BESIDES[one["runs"]]), markup=False)
    if one["work"] == "findings":
        out.print(
            as_typed("The endpoint's key: CXR_MODEL_SERVER_KEY in the environment of `cxr up`."), markup=False
        )


def _how_to_turn_on(one: dict[str, Any]) -> list[str]:
    consent = [f"accept its terms at https://huggingface.co/{one['weights']}, then:"] if one["gated"] else []
    return [*consent, *one["steps"]]


def check_writer(chosen: Mapping[str, str]) -> None:
    """Say what the use of the writer asks for, if it is one that sees.

    Args:
        chosen: what `cxr models use` chose, or is about to.

    Raises:
        typer.BadParameter: it has no address, or what should be its folder is none.
        InputError: its weights are not there; the message has the commands that fetch them.
    """
    settings = settings_of(chosen)
    entry = read_catalogue().get(settings.get(WRITER, ""))
    if entry is None:
        return
    if entry.has_server:
        if not settings.get(SERVER_URL):
            message = (
                f"{entry.name} runs behind a server: --server-url of `cxr models use` names it, or"
                f" {SERVER_URL} ({_page(entry)})"
            )
            raise typer.BadParameter(message)
    else:
        _need_weights(entry, settings.get(MODEL, BUNDLED))
    memory = f" It needs about {entry.memory_gb:g} GB of memory (not measured)." if entry.memory_gb else ""
    notes.print(f"{entry.title}: {entry.licence}. {entry.terms}{memory}", markup=False)


def runs_elsewhere(bundle: str) -> bool:
    """Tell whether a classifier is asked at an endpoint, as its card says.

    Args:
        bundle: a folder, or the name of one that ships.
    """
    card = card_of(shipped().get(bundle, Path(bundle)))
    return card is not None and card.runs_elsewhere


def check_classifier(chosen: Mapping[str, str]) -> None:
    """Say what the use of the classifier asks for, if it runs elsewhere.

    Raises:
        typer.BadParameter: it has no address.
    """
    settings = settings_of(chosen)
    bundle = settings.get(BUNDLE, BUNDLED)
    if not runs_elsewhere(bundle):
        return
    if not settings.get(CLASSIFIERS_URL):
        message = (
            f"{bundle} is asked at an endpoint: --server-url of `cxr models use` names it,"
            f" or {CLASSIFIERS_URL} ({_page(read_catalogue()[ZERO_SHOT])})"
        )
        raise typer.BadParameter(message)
    entry = read_catalogue()[ZERO_SHOT]
    notes.print(f"{entry.title}: {entry.licence}. {entry.terms}", markup=False)


def _need_weights(entry: Entry, model: str) -> None:
    if model != BUNDLED:
        if not (Path(model).expanduser() / _CONFIG).is_file():
            message = f"no weights: {model} is no folder with a {_CONFIG}"
            raise typer.BadParameter(message)
        return
    if entry.is_converted or weights_of(entry) is None:
        lines = "\n  ".join(_how_to_turn_on(asdict(entry)))
        lacks = (
            "its weights are converted once" if entry.is_converted else "its weights are not on this machine"
        )
        message = f"{entry.name}: {lacks}; in this order ({_page(entry)}):\n  {lines}"
        raise InputError(message)


def _page(entry: Entry) -> str:
    return f"docs/models/{entry.name}.md"


def settings_of(chosen: Mapping[str, str]) -> dict[str, str]:
    """Return what the stack runs with, or would: what `cxr models use` chose before the environment."""
    return {**os.environ, **chosen}
