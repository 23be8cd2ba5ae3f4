"""Custom resources against definitions that no Python package carries: the Gateway API's, External Secrets'.

Both packages are made from the projects' own Go types. Fields that do not exist are found by the TypeScript
compiler, values that cannot be by the packages' validators. Rules in CEL (`x-kubernetes-validations`) are in
neither. `make setup-dev` puts both, with a Node of their own, into .venv/definitions.
"""

import json
import os
import re
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.support.helm import Object
from tests.support.services import ROOT

HOME: Final = ROOT / ".venv" / "definitions"
PACKAGES: Final = {"HTTPRoute": "gateway-api", "ExternalSecret": "external-secrets"}
"""Kind -> npm package, below @kubernetes-models."""

_VALIDATE: Final = """
import { readFileSync } from "node:fs";
for (const { module, object } of JSON.parse(readFileSync(0, "utf8"))) {
  const Model = (await import(module))[object.kind];
  try { new Model(object).validate(); } catch (error) { console.log(error.message); }
}
"""


def faults(objects: Sequence[Object]) -> list[str]:
    """Return what the definitions object to; an empty list when they take all of these objects.

    Raises:
        KeyError: a kind that there is no package for.
    """
    return [*_unknown_fields(objects), *_impossible_values(objects)]


def _module(each: Object) -> str:
    return f"@kubernetes-models/{PACKAGES[each['kind']]}/{each['apiVersion']}/{each['kind']}"


def _unknown_fields(objects: Sequence[Object]) -> list[str]:
    lines = []
    for number, each in enumerate(objects):
        interface = f"I{each['kind']}"
        lines.append(f'import type {{ {interface} as Kind{number} }} from "{_module(each)}";')
        lines.append(f"export const object{number}: Kind{number} = {json.dumps(each)};")
    # Modules are looked for in the folders above a file.
    with tempfile.TemporaryDirectory(dir=HOME) as folder:
        (Path(folder) / "objects.ts").write_text("\n".join(lines))
        options = ("--noEmit", "--strict", "--skipLibCheck", "--module", "nodenext")
        ended = _run(HOME / "node_modules" / ".bin" / "tsc", *options, f"{folder}/objects.ts")
    found = re.findall(r"error TS\d+: (.*)", ended.stdout)
    assert bool(found) == bool(ended.returncode), ended.stdout + ended.stderr
    return found


def _impossible_values(objects: Sequence[Object]) -> list[str]:
    named = [{"module": _module(each), "object": each} for each in objects]
    ended = _run(HOME / "bin" / "node", "--input-type=module", "--eval", _VALIDATE, given=named)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.splitlines()


def _run(program: Path, *arguments: str, given: object = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [program, *arguments],
        cwd=HOME,
        env={**os.environ, "PATH": f"{HOME / 'bin'}:{os.environ['PATH']}"},
        input=json.dumps(given),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
