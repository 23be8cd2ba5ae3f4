"""Files that the server takes for those of several patients or studies: which of them belong together."""

import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from cxr.errors import ProblemError

SEVERAL_STUDIES: Final = "/problems/several-patients"
OTHER_PATIENT: Final = "/problems/other-patient"


def groups_of(problem: ProblemError) -> Sequence[Sequence[int]]:
    """Return the positions of each study's files, as they were sent.

    None where the files cannot be told apart by them: every study may have a part of a zip.
    """
    if problem.type != SEVERAL_STUDIES:
        return ()
    groups: list[list[int]] = problem.problem.get("positions", [])
    named = [position for group in groups for position in group]
    return groups if len(set(named)) == len(named) else ()


@contextmanager
def advice_for(files: Sequence[Path]) -> Iterator[None]:
    """Advise in terms of the command, where the server advises in its own."""
    try:
        yield
    except ProblemError as problem:
        if problem.type == SEVERAL_STUDIES:
            advice = _advice(files, groups_of(problem))
        elif problem.type == OTHER_PATIENT:
            advice = "Correct --patient-id, or leave it out, or say with --mixed that it is meant."
        else:
            raise
        raise ProblemError(problem.status, {**problem.problem, "advice": advice}) from problem


def _advice(files: Sequence[Path], groups: Sequence[Sequence[int]]) -> str:
    each = [_command(*(str(files[position]) for position in group)) for group in groups]
    unpack = "Unpack the zip and send each study by itself, or a folder of them with cxr batch submit."
    apart = ["Send each study by itself:", *each] if each else [unpack]
    return "\n  ".join([*apart, "Or say that one study is meant:", _command("--mixed", *map(str, files))])


def _command(*arguments: str) -> str:
    return "  " + shlex.join(["cxr", "submit", *arguments])
