"""Run the worker: `python -m worker_cnn`."""

import sys

from worker_cnn.main import main

if __name__ == "__main__":
    sys.exit(main())
