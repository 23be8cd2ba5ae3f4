"""cxr deidentify: DICOM files without what says whose they are; on this machine, without a server."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from cxr import exit_codes
from cxr.errors import InputError
from cxr.local.home import find_home, services_root
from cxr.output import AsJson, as_typed, notes, out, print_json


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(deidentify)


def deidentify(
    paths: Annotated[
        list[Path], typer.Argument(help="DICOM files, or folders of them, to any depth.", exists=True)
    ],
    *,
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", help="Folder for the results: PATIENT/UID.dcm, by pseudonyms.", file_okay=False
        ),
    ],
    project: Annotated[
        str,
        typer.Option(
            help="Whom the files are for: a patient has one pseudonym within a project, another in the next."
        ),
    ] = "default",
    key_file: Annotated[
        Path | None,
        typer.Option(
            help="File of the secret that pseudonyms are made by, made where it is missing; "
            "else deidentification.key in CXR_HOME. Whoever has it can find patients again.",
            dir_okay=False,
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """De-identify radiographs (DICOM PS3.15, Basic Profile): names, ids, dates, UIDs, letters in the picture.

    Dates move by one number of days a patient; age, sex and device stay. Look at the results before they
    leave: letters in a picture are found by a program that can miss some.

    Example: [bold]cxr deidentify cases/ -o for-research/ --project lungs-2026[/]
    """
    key = key_file or find_home().path / "deidentification.key"
    key.parent.mkdir(parents=True, exist_ok=True)
    module = "shared.dicom.deidentify"
    command = [sys.executable, "-m", module, str(output.resolve()), str(key), project, *map(str, paths)]
    environment = {**os.environ, "PYTHONPATH": str(services_root())}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True) as running:  # noqa: S603
        assert running.stdout is not None  # noqa: S101 - it is a pipe
        outcomes = []
        for line in running.stdout:
            one = json.loads(line)
            outcomes.append(one)
            if not as_json:
                _tell(one)
    if running.returncode not in {exit_codes.DONE, exit_codes.STUDY_FAILED}:
        needed = "pip install 'cxr-reporter[local]'"
        message = f"the files could not be de-identified; that takes the server's packages: {needed}"
        raise InputError(message)
    left_out = sum(one["reason"] is not None for one in outcomes)
    if as_json:
        print_json({"files": outcomes, "left_out": left_out})
    else:
        notes.print(as_typed(f"{len(outcomes) - left_out} de-identified, {left_out} left out"), markup=False)
    if left_out:
        raise typer.Exit(exit_codes.STUDY_FAILED)


def _tell(one: dict[str, str | int | None]) -> None:
    if one["reason"]:
        notes.print(as_typed(f"{one['source']}: {one['reason']}"), style="red", markup=False)
    else:
        blanked = f"  {one['lines']} lines of letters blanked" if one["lines"] else ""
        out.print(f"{one['file']}{blanked}", markup=False)
