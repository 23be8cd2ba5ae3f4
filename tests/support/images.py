"""What the tests of the images and of docker-compose.yml share.

services("gpu")["worker-cnn"]["environment"]
"""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from shared.settings_reference import ALL
from tests.support.services import ROOT

BIN: Final = Path(sys.executable).parent
"""Where this environment has hadolint, compose-lint and the real Compose."""


def settings_variables() -> set[str]:
    """Return every variable of shared/settings.py."""
    return {
        str(settings.model_config.get("env_prefix")) + name.upper()
        for settings in ALL
        for name in settings.model_fields
    }


def compose(*arguments: str, environment: Mapping[str, str] | None = None) -> str:
    """Run Compose without the developer's own .env, and return what it prints."""
    done = subprocess.run(
        [BIN / "docker-compose", "--env-file", "/dev/null", *arguments],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", **(environment or {})},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def services(*profiles: str, **environment: str) -> dict[str, Any]:
    """Return the services of docker-compose.yml as Compose resolves them."""
    chosen = [word for profile in profiles for word in ("--profile", profile)]
    text = compose(*chosen, "config", "--format", "json", environment=environment)
    found: dict[str, Any] = json.loads(text)["services"]
    return found
