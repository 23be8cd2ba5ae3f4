"""Runs the benchmarks: `python -m bench [NAME...] [--quick] [--studies N] [--out FILE]`."""

import argparse
import importlib
import json
import os
import signal
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.progress import Progress

from bench.measure import Options, core_count
from bench.results import Result, progress, show

NAMES: Final = ("decode", "images", "microbatch", "polls", "memory", "writers", "line", "dicom", "llm")
WHERE_NAMED: Final = ("similar", "vision")
"""Those that take hours, or a GPU: they run where somebody names them."""
_WIDTH: Final = 120
"""Columns of what is printed into a file."""


def main() -> int:
    """Run the benchmarks that are named, or all."""
    parser = _parser()
    arguments = parser.parse_args()
    unknown = set(arguments.names) - {*NAMES, *WHERE_NAMED}
    if unknown:
        parser.error(f"there is no {min(unknown)!r}; there are {', '.join((*NAMES, *WHERE_NAMED))}")
    options = Options(quick=arguments.quick, studies=arguments.studies)
    # As Ctrl-C does: whoever stops us stops the stack too, and its data go.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    console, errors = Console(width=None if sys.stdout.isatty() else _WIDTH), Console(stderr=True)
    begun, load = datetime.now(UTC), os.getloadavg()[0]
    results: list[Result] = []
    for name in arguments.names or NAMES:
        run: Callable[[Options, Progress], Result] = importlib.import_module(f"bench.{name}").main
        with progress(errors) as bars:
            results.append(run(options, bars))
        show(results[-1], console)
    machine = {
        "begun": begun.isoformat(timespec="seconds"),
        "ended": datetime.now(UTC).isoformat(timespec="seconds"),
        "cores": core_count(),
        "load_before": round(load, 1),
        "quick": options.quick,
        "python": sys.version.split()[0],
    }
    console.print("\n" + ", ".join(f"{key} {value}" for key, value in machine.items()), highlight=False)
    if arguments.out:
        document = {"machine": machine, "results": [result.as_json() for result in results]}
        Path(arguments.out).write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench", description="Benchmarks, each against a reference."
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join((*NAMES, *WHERE_NAMED)))
    parser.add_argument("--quick", action="store_true", help="fewer studies and rounds")
    parser.add_argument(
        "--studies", type=int, help="how many studies (line and llm: a round; similar: vectors)"
    )
    parser.add_argument("--out", help="write the figures to this file as JSON")
    return parser


if __name__ == "__main__":
    sys.exit(main())
