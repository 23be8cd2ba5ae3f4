"""The `cxr` command: puts the commands of commands/ together and turns errors into exit codes."""

import os
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import Annotated

import typer

from cxr import exit_codes
from cxr.commands import (
    batches,
    deidentification,
    deliveries,
    demo,
    destinations,
    hl7_senders,
    keys,
    models,
    patients,
    peers,
    pictures,
    pull,
    reviews,
    stack,
    studies,
    study_list,
    tenants,
)
from cxr.errors import CxrError, ProblemError
from cxr.output import as_typed, notes, print_json


def _print_version(asked: bool) -> None:  # noqa: FBT001 - typer calls it with the option's value
    if asked:
        try:
            print(version("cxr-reporter"))
        except PackageNotFoundError:
            print("unknown (running from a source tree)")
        raise typer.Exit


app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Chest X-ray studies in, findings and a verified report out.",
    epilog="Not a medical device. Start with: cxr up, then: cxr submit FILE --wait",
)
stack.add_to(app)
studies.add_to(app)
study_list.add_to(app)
pictures.add_to(app)
deidentification.add_to(app)
demo.add_to(app)
app.add_typer(batches.app, name="batch")
app.add_typer(reviews.app, name="reviews")
app.add_typer(models.app, name="models")
app.add_typer(deliveries.app, name="deliveries")
app.add_typer(destinations.app, name="destinations")
app.add_typer(keys.app, name="keys")
app.add_typer(tenants.app, name="tenants")
app.add_typer(patients.app, name="patients")
app.add_typer(peers.app, name="peers")
app.add_typer(hl7_senders.app, name="hl7-senders")
app.add_typer(pull.app, name="pull")


@app.callback()
def root(
    *,
    _version: Annotated[
        bool,
        typer.Option("--version", is_eager=True, callback=_print_version),
    ] = False,
) -> None:
    """Chest X-ray studies in, findings and a verified report out."""


def main() -> None:
    """Run the command; the exit code says how it went (see exit_codes.py)."""
    code = run(sys.argv[1:])
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for the flush at Python's end
        code = exit_codes.READER_GONE
    if code in {exit_codes.INTERRUPTED, exit_codes.TERMINATED}:
        sys.stderr.flush()
        os._exit(code)  # threads may wait for the server still: whoever stops the command does not
    sys.exit(code)


def run(arguments: list[str]) -> int:
    """Run the command with these arguments and return its exit code."""
    try:
        app(arguments, prog_name="cxr")
    except SystemExit as end:  # typer's way of ending, also after wrong usage (2)
        if isinstance(end.__context__, BrokenPipeError):
            return exit_codes.READER_GONE  # typer and rich say 1 of it, which is a failed study's
        return end.code if isinstance(end.code, int) else exit_codes.DONE
    except KeyboardInterrupt:
        return exit_codes.INTERRUPTED
    except CxrError as error:
        if isinstance(error, ProblemError) and "--json" in arguments:
            print_json(error.problem)
        notes.print(f"cxr: {as_typed(_explain(error))}", style="red", markup=False)
        return exit_codes.of(error)
    except OSError as error:
        what = f"{error.filename}: {error.strerror}" if error.filename else str(error)
        advice = "Check the path and its rights; CXR_HOME names the folder of the local stack."
        notes.print(f"cxr: {what}. {advice}", style="red", markup=False)
        return exit_codes.WRONG_USAGE
    return exit_codes.DONE


def _explain(error: CxrError) -> str:
    if not isinstance(error, ProblemError):
        return str(error)
    lines = [str(error)]
    problem = error.problem
    lines += [f"  {name}: {_in_words(problem[name])}" for name in ("file", "formats") if problem.get(name)]
    lines += [f"  {one.get('field')}: {one.get('message')}" for one in error.problem.get("errors", [])]
    if error.problem.get("advice"):
        lines.append(f"  {error.problem['advice']}")
    return "\n".join(lines)


def _in_words(value: object) -> object:
    return ", ".join(map(str, value)) if isinstance(value, list) else value


if __name__ == "__main__":
    main()
