"""The page's words, by running its modules as a browser does, in the Node that playwright brings."""

import json
import subprocess
from functools import cache
from pathlib import Path
from typing import Final

import playwright

from tests.support.services import ROOT

MODULES: Final = ROOT / "api" / "web" / "js"
WORDS: Final = MODULES / "words"

_NODE: Final = Path(playwright.__file__).parent / "driver" / "node"
_READ: Final = """
const flat = {};
function read(value, path) {
  if (typeof value === "function") {
    const marks = Array.from({length: value.length}, (_, at) => `{${at}}`);
    flat[path] = [value(...marks)].flat().join("");
  } else if (typeof value === "object") {
    for (const [key, inner] of Object.entries(value)) read(inner, path === "" ? key : `${path}.${key}`);
  } else flat[path] = value;
}
read((await import(process.argv[1])).default, "");
console.log(JSON.stringify(flat));
"""


@cache
def words_in(language: str) -> dict[str, str]:
    """Return each text of a language by its key, "upload.send"; {0}, {1} stand for what is put into it."""
    module = (WORDS / f"{language}.js").as_uri()
    run = subprocess.run(
        [_NODE, "--input-type=module", "--eval", _READ, module], check=True, capture_output=True, text=True
    )
    found: dict[str, str] = json.loads(run.stdout)
    return found
