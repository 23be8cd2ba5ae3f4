"""The page's modules that touch no document, run as in a browser, in the Node that playwright brings."""

import json
import subprocess
from pathlib import Path
from typing import Any, Final

import playwright

from tests.support.services import ROOT

MODULES: Final = ROOT / "api" / "web" / "js"

_NODE: Final = Path(playwright.__file__).parent / "driver" / "node"


def run_script(script: str, *arguments: str) -> Any:
    """Run a module that finds `arguments` from `process.argv[1]` on; return the JSON that it prints."""
    command = [str(_NODE), "--input-type=module", "--eval", script, *arguments]
    run = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(run.stdout)


def run_module(name: str, body: str, given: object) -> Any:
    """Return what `body` returns; to it the module's functions are `module`, and what is given `given`."""
    script = (
        "const module = await import(process.argv[1]); const given = JSON.parse(process.argv[2]);"
        f"console.log(JSON.stringify((() => {{ {body} }})()));"
    )
    return run_script(script, (MODULES / name).as_uri(), json.dumps(given))
