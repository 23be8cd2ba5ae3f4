"""Runs a worker that hangs at a chosen point: `python -m tests.support.stopping POINT FILE MODULE`.

FILE appears when the point is reached; the worker goes on when FILE with the suffix .go appears.
"""

import functools
import importlib
import runpy
import sys
import time
from pathlib import Path

from tests.support.services import STOPS


def main() -> None:
    """Wrap the function that marks the point, then run the worker as itself."""
    point, reached, module = sys.argv[1:4]
    owner_name, name, side = STOPS[point]
    owner = importlib.import_module(owner_name)
    original = getattr(owner, name)

    @functools.wraps(original)
    def hang(*args, **kwargs):
        result = original(*args, **kwargs) if side == "after" else None
        Path(reached).touch()
        while not Path(reached).with_suffix(".go").exists():
            time.sleep(0.05)
        return original(*args, **kwargs) if side == "before" else result

    setattr(owner, name, hang)
    sys.argv = [module]
    runpy.run_module(module, run_name="__main__")


if __name__ == "__main__":
    main()
