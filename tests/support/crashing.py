"""Runs a worker whose decoder dies in C at a chosen file: `python -m tests.support.crashing MODULE NAME`.

The decoder's processes are spawned: each imports this module too, under another name, and reads a NULL
pointer when it gets that file.
"""

import ctypes
import runpy
import sys

from shared.work import faults


def crash_at(doomed: str) -> None:
    """Make this process's decoder deadly for one file."""

    def crash(name: str) -> None:
        if name == doomed:
            ctypes.string_at(0)

    faults.at(faults.Point.CNN_DECODING, crash)


if __name__ == "__main__":
    runpy.run_module(sys.argv[1], run_name="__main__")
elif __name__ == "__mp_main__":
    crash_at(sys.argv[2])
