"""Run the worker: `python -m worker_llm`."""

import sys

from worker_llm.main import main
from worker_llm.writers.base import WriterRefusedError

if __name__ == "__main__":
    try:
        sys.exit(main())
    except WriterRefusedError as error:
        raise SystemExit(str(error)) from error
