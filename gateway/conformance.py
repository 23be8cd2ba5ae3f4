"""Writes what of docs/reference/dicom-conformance.md follows from the code: `make docs`.

Between `<!-- gateway: offered -->` and `<!-- end -->` stand the presentation contexts that are agreed to.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from pydicom.uid import UID
from pynetdicom.presentation import PresentationContext

from gateway.dimse.contexts import is_image, is_storage, offered

PAGE: Final = Path(__file__).parents[1] / "docs" / "reference" / "dicom-conformance.md"
_OFFERED: Final = re.compile(r"(?<=<!-- gateway: offered -->\n).*?(?=<!-- end -->)", re.DOTALL)


def page(text: str) -> str:
    """Return the page with its tables made anew."""
    return _OFFERED.sub(lambda _: _tables(offered()), text)


def _tables(contexts: Sequence[PresentationContext]) -> str:
    """Return a table of SOP classes and one of the lists of transfer syntaxes, which many have in common."""
    lists = list(dict.fromkeys(_syntaxes(context) for context in contexts))
    names = {syntaxes: chr(ord("A") + number) for number, syntaxes in enumerate(lists)}
    lines = [
        "| SOP class | UID | role | transfer syntaxes | what becomes of it |",
        "| --- | --- | --- | --- | --- |",
    ]
    for context in contexts:
        uid = UID(context.abstract_syntax or "")
        lines.append(f"| {uid.name} | {uid} | SCP | {names[_syntaxes(context)]} | {_fate(uid)} |")
    lines += ["", "| list | transfer syntax | UID |", "| --- | --- | --- |"]
    for syntaxes, name in names.items():
        lines += [f"| {name} | {uid.name} | {uid} |" for uid in syntaxes]
    return "\n".join([*lines, ""])


def _syntaxes(context: PresentationContext) -> tuple[UID, ...]:
    return tuple(sorted(context.transfer_syntax))


def _fate(uid: UID) -> str:
    if is_image(uid):
        return "stored, and read where it is a radiograph"
    return "set aside: answered with success, not kept" if is_storage(uid) else ""


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
