"""The page's words, by running its modules as a browser does."""

from functools import cache
from typing import Final

from tests.support.page_modules import MODULES, run_script

WORDS: Final = MODULES / "words"

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
    found: dict[str, str] = run_script(_READ, (WORDS / f"{language}.js").as_uri())
    return found
