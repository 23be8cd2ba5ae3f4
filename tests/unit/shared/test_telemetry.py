"""What a process writes to its log, as another process sees it."""

import json
import subprocess
import sys
from pathlib import Path

SCRIPT = """
import logging, structlog
from shared.operations import telemetry
from shared.settings import TelemetrySettings

telemetry.configure("test", TelemetrySettings())
log = structlog.get_logger()
try:
    try:
        int("DOE^JANE")
    except ValueError as error:
        raise KeyError("DOE^JANE") from error
except KeyError:
    log.exception("study.failed", study_id="0199-77", patient_name="DOE^JANE")
    logging.getLogger("a.library").exception("a library speaks")
log.info("study.done", study_id="0199-77", seconds=1.5)
"""


ROOT = Path(__file__).parents[3]


def test_a_log_line_holds_kinds_and_places_and_listed_keys_but_no_text_of_an_error():
    written = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert "DOE" not in written.stderr
    failed, library, done = map(json.loads, written.stderr.splitlines())
    assert (failed["event"], failed["study_id"], failed["trace_id"]) == ("study.failed", "0199-77", "019977")
    assert failed["dropped"] == 1
    places = failed["exception"].splitlines()
    assert [line for line in places if not line.startswith(" ")] == ["KeyError", "ValueError"]
    assert places[1] == "  <string>:12 <module>"
    assert (library["event"], library["exception"]) == ("a library speaks", failed["exception"])
    assert (done["event"], done["level"], done["seconds"]) == ("study.done", "info", 1.5)
