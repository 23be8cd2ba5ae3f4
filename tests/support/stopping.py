"""Runs a worker that hangs at a chosen point: `python -m tests.support.stopping POINT FILE MODULE`.

FILE appears when the point is reached; the worker goes on when FILE with the suffix .go appears.
"""

import runpy
import sys
import time
from pathlib import Path

from shared.work import faults


def main() -> None:
    """Register the point, then run the worker as itself."""
    point, reached, module = sys.argv[1:4]

    def hang(_detail: str) -> None:
        Path(reached).touch()
        while not Path(reached).with_suffix(".go").exists():
            time.sleep(0.05)

    faults.at(faults.Point(point), hang)
    sys.argv = [module]
    runpy.run_module(module, run_name="__main__")


if __name__ == "__main__":
    main()
