"""Prints docs/reference/settings.md from the settings classes: `make docs`."""

from typing import Final

from pydantic_settings import BaseSettings

from shared.gateway_settings import DeliverySettings, GatewaySettings
from shared.settings import (
    ApiSettings,
    CriticalSettings,
    DatabaseSettings,
    ModelSettings,
    QueueSettings,
    ReportSettings,
    StorageSettings,
    TelemetrySettings,
)

ALL: Final[tuple[type[BaseSettings], ...]] = (
    ApiSettings,
    DatabaseSettings,
    StorageSettings,
    QueueSettings,
    ModelSettings,
    CriticalSettings,
    ReportSettings,
    GatewaySettings,
    DeliverySettings,
    TelemetrySettings,
)


def reference() -> str:
    """Return the page: one table a class, one row a variable."""
    lines = [
        "# Settings",
        "",
        "Environment variables; written by `make docs` from `shared/settings.py`. A file of the variable's",
        "name in `/run/secrets` does as well, in a container; the variable wins. Times are seconds (`20`,",
        "`0.5`) or ISO 8601 (`PT5M`).",
        "",
    ]
    for settings in ALL:
        title = (settings.__doc__ or "").partition(" Environment:")[0]
        lines += [f"## {title}", "", "| variable | default | meaning |", "| --- | --- | --- |"]
        prefix = settings.model_config.get("env_prefix", "")
        for name, field in settings.model_fields.items():
            default = field.get_default()
            shown = "" if default is None else f"`{_plain(default)}`"
            lines.append(f"| `{prefix}{name.upper()}` | {shown} | {field.description} |")
        lines.append("")
    return "\n".join(lines)


def _plain(default: object) -> object:
    for reader in ("get_secret_value", "total_seconds"):
        if hasattr(default, reader):
            return getattr(default, reader)()
    return ",".join(default) if isinstance(default, tuple) else default


if __name__ == "__main__":
    print(reference())  # noqa: T201  that is its job
