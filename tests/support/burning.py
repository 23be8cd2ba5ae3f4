"""Runs the CNN worker with a decoder that burns processor time at a chosen file, or takes the worker along.

python -m tests.support.burning FILE SECONDS        as an image that is small to send and long to decode
python -m tests.support.burning FILE killed         as an image that has the kernel kill the whole container

As in `crashing`, the decoder's processes import this module under another name.
"""

import os
import runpy
import signal
import sys
import time

from shared.work import faults


def harm_at(file: str, how: str) -> None:
    """Make this process's decoder harmful for one file."""

    def harm(name: str) -> None:
        if name != file:
            return
        if how == "killed":
            os.kill(os.getppid(), signal.SIGKILL)
        end = time.process_time() + float(how)
        while time.process_time() < end:
            pass

    faults.at(faults.Point.CNN_DECODING, harm)


if __name__ == "__main__":
    runpy.run_module("worker_cnn", run_name="__main__")
elif __name__ == "__mp_main__":
    harm_at(*sys.argv[1:3])
