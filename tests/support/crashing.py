"""Runs a worker whose decoder dies in C at a chosen file: `python -m tests.support.crashing MODULE NAME`.

The decoder's processes are spawned: each imports this module too, under another name, and there the
decoder is replaced by one that reads a NULL pointer when it gets that file.
"""

import ctypes
import functools
import runpy
import sys
from typing import Any

from worker_cnn import decoding


def crash_at(doomed: str) -> None:
    """Make this process's decoder deadly for one file."""
    prepare = decoding.prepare

    @functools.wraps(prepare)
    def crash_or_prepare(data: bytes, *, name: str, **options: Any) -> decoding.PreparedImage:
        if name == doomed:
            ctypes.string_at(0)
        return prepare(data, name=name, **options)

    decoding.prepare = crash_or_prepare


if __name__ == "__main__":
    runpy.run_module(sys.argv[1], run_name="__main__")
elif __name__ == "__mp_main__":
    crash_at(sys.argv[2])
