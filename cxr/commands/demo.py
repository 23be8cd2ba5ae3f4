"""cxr demo: the whole way once, from an empty machine to a report."""

import os
from pathlib import Path
from typing import Annotated, Final

import typer

from cxr.client import DEFAULT_TIMEOUT, Client
from cxr.commands.stack import Port, bring_up, listening
from cxr.commands.studies import await_end, exit_code, print_result
from cxr.errors import StackError
from cxr.local.home import Home, find_home, services_root
from cxr.local.state import STANDARD, load_state
from cxr.output import AsJson, describe, notes, out, print_json, typed

_REAL: Final = ("images/nih/*.jpg", "images/**/*.jpg", "images/**/*.png", "*.dcm", "*.jpg", "*.png")
_SYNTHETIC: Final = ("*.dcm", "*.png", "*.jpg")


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(demo)


def demo(
    study: Annotated[
        Path | None,
        typer.Argument(
            exists=True,
            dir_okay=False,
            help="A radiograph of yours. Without it: STUDY, CXR_TEST_DATA, a sample.",
        ),
    ] = None,
    *,
    port: Port = None,
    as_json: AsJson = False,
) -> None:
    """Start the stack, send one chest radiograph, print its findings and its report.

    Examples: [bold]cxr demo[/], [bold]cxr demo chest.dcm[/]
    """
    path, what = choose_study(study)
    home = find_home()
    begun = bring_up(home, listening(port=port))
    tell = notes if as_json else out
    tell.print(f"Sending {what}: {path}", markup=False)
    with Client(begun.url, key=begun.admin_key) as client:
        result = await_end(client, client.submit([path]), timeout=DEFAULT_TIMEOUT, as_json=as_json)
        if as_json:
            print_json(result)
        else:
            out.print(describe(result), markup=False)
            out.print()
            if result.status == "completed":
                print_result(client, result)
    tell.print(f"\nThe page: {begun.url}   To stop everything: {typed()} down", markup=False)
    tell.print(f"Send one of your own: {typed()} submit FILE --wait", markup=False)
    tell.print(f"Send one as a scanner does: {_storescu(home)}", markup=False)
    raise typer.Exit(exit_code(result))


def _storescu(home: Home) -> str:
    """Return dcmtk's command line that sends a DICOM file to the gateway."""
    state = load_state(home.state)
    port = state.ports.dicom if state else STANDARD["dicom"]
    title = os.environ.get("CXR_GATEWAY_AE_TITLE") or "CXR"
    return f"storescu -aec {title} 127.0.0.1 {port} FILE.dcm"


def choose_study(named: Path | None) -> tuple[Path, str]:
    """Return the demo's radiograph and what it is; no path but these is looked in.

    Raises:
        StackError: there is none.
    """
    if named is not None:
        return named, "your file"
    study = os.environ.get("STUDY")
    if study:
        path = Path(study).expanduser()
        if not path.is_file():
            message = f"STUDY names no file: {path}"
            raise typer.BadParameter(message)
        return path, "your file"
    data = os.environ.get("CXR_TEST_DATA")
    real = _first(Path(data), _REAL) if data else None
    if real is not None:
        return real, "a radiograph from CXR_TEST_DATA"
    sample = _first(services_root() / "samples", _SYNTHETIC)
    if sample is not None:
        return sample, "a synthetic radiograph that belongs to no patient"
    message = "there is no sample in this installation; name a radiograph: `cxr demo FILE`"
    raise StackError(message)


def _first(folder: Path, patterns: tuple[str, ...]) -> Path | None:
    for pattern in patterns:
        found = sorted(folder.glob(pattern), key=lambda path: (len(path.name), path))
        if found:
            return found[0]
    return None
