"""FHIR documents against the R4 definitions of npm's @medplum: shape, invariants, codes, references.

Medplum itself finds what is of the wrong shape and which invariants do not hold, and collects the codes that
are bound to a value set. That these are of their set, and that every code is one of its system under its own
name, is looked up here. `make setup-dev` puts it all into .venv/definitions.
"""

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from tests.support.definitions import HOME

NEWER: Final = {"http://terminology.hl7.org/CodeSystem/v3-ObservationValue": ["AIAST"]}
"""Codes that came to their systems after R4 was published."""

_CHECK: Final = Path(__file__).with_suffix(".mjs").read_text(encoding="utf-8")


def faults(bundles: Sequence[dict[str, Any]]) -> list[list[str]]:
    """Return what the definitions object to in each document; all are asked at once, in half a second."""
    ended = subprocess.run(
        [HOME / "bin" / "node", "--input-type=module", "--eval", _CHECK],
        cwd=HOME,
        input=json.dumps({"bundles": bundles, "newer": NEWER}),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    found: list[list[str]] = json.loads(ended.stdout)
    return found
