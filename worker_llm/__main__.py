"""Run the worker: `python -m worker_llm`."""

import sys

from worker_llm.main import main

if __name__ == "__main__":
    sys.exit(main())
