"""`python -m shared.dicom.deidentify OUT KEY_FILE PROJECT PATH…`, which `cxr deidentify` starts.

Prints a line of JSON for each file: source, and file and lines, or reason. Exits with 1 where a file has a
reason, and with 2 where nothing could begin.
"""

import argparse
import json
import sys
from pathlib import Path

from shared.dicom.deidentify.folders import deidentify_all, key_of
from shared.dicom.deidentify.pseudonyms import Pseudonyms


def main() -> int:
    """De-identify what is named."""
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path)
    parser.add_argument("key_file", type=Path)
    parser.add_argument("project")
    parser.add_argument("paths", type=Path, nargs="+")
    asked = parser.parse_args()
    try:
        pseudonyms = Pseudonyms(key_of(asked.key_file), project=asked.project)
    except (OSError, ValueError) as error:
        sys.stderr.write(f"{asked.key_file}: {error}\n")
        return 2
    left_out = 0
    for outcome in deidentify_all(asked.paths, asked.out, pseudonyms=pseudonyms):
        left_out += outcome.reason is not None
        line = {
            "source": str(outcome.source),
            "file": str(outcome.written) if outcome.written else None,
            "lines": outcome.lines,
            "reason": outcome.reason,
        }
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()
    return 1 if left_out else 0


if __name__ == "__main__":
    sys.exit(main())
