"""Writes what of the chart follows from other files: `python -m helm.reference`, or `make docs`.

values.yaml's "# --" comments      ->  the tables of helm/cxr-reporter/README.md
the classes of shared/settings.py  ->  the names that values.schema.json lets `settings` hold
the models of shared/catalogue     ->  the writers that it knows, and where each runs: files/writers.json
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import yaml

from shared.catalogue import CATALOGUE, writers
from shared.settings import WriterKind
from shared.settings_reference import ALL

CHART: Final = Path(__file__).parent / "cxr-reporter"
BEGIN: Final = "<!-- Made from values.yaml by `make docs`. -->"

MADE_BY_THE_CHART: Final = frozenset(
    {
        *("CXR_DATABASE_URL", "CXR_QUEUE_URL", "CXR_QUEUE_LEASE", "CXR_QUEUE_HEARTBEAT"),
        "CXR_QUEUE_DRAIN",
        *("CXR_STORAGE_ENDPOINT", "CXR_STORAGE_REGION", "CXR_STORAGE_BUCKET"),
        *("CXR_STORAGE_ACCESS_KEY", "CXR_STORAGE_SECRET_KEY"),
        *("CXR_API_HOST", "CXR_API_PORT", "CXR_API_ADMIN_KEY"),
        *("CXR_GATEWAY_HOST", "CXR_GATEWAY_DICOM_PORT", "CXR_GATEWAY_HL7_PORT", "CXR_GATEWAY_AE_TITLE"),
        *("CXR_GATEWAY_TLS_PORT", "CXR_GATEWAY_TLS_CERTIFICATE", "CXR_GATEWAY_TLS_KEY", "CXR_GATEWAY_TLS_CA"),
        *("CXR_MODEL_DEVICE", "CXR_MODEL_BUNDLE", "CXR_MODEL_ENCODER"),
        *("CXR_MODEL_SERVER_URL", "CXR_MODEL_SERVER_KEY"),
        *("CXR_REPORT_WRITER", "CXR_REPORT_MODEL", "CXR_REPORT_DEVICE", "CXR_REPORT_IMAGES"),
        *("CXR_REPORT_SERVER_URL", "CXR_REPORT_SERVER_KEY"),
        *("CXR_TELEMETRY_LOG_LEVEL", "CXR_TELEMETRY_METRICS_PORT"),
        # Not to be changed on a cluster: keys off is refused there, and its logs are read by machines.
        "CXR_API_AUTH",
    }
)
"""Settings that templates/ write from values of their own; `settings` may not hold them a second time."""

_MAPS: Final = {
    "sharedSettings": ("CXR_DATABASE_", "CXR_QUEUE_", "CXR_STORAGE_", "CXR_TELEMETRY_"),
    "apiSettings": ("CXR_API_",),
    "gatewaySettings": ("CXR_GATEWAY_",),
    "modelSettings": ("CXR_MODEL_", "CXR_CRITICAL_"),
    "reportSettings": ("CXR_REPORT_",),
}


@dataclass(frozen=True, slots=True)
class Key:
    """One key of values.yaml.

    Attributes:
        path: from the top, such as ("api", "image", "tag").
        default: None for a key that only holds others.
        meaning: its "# --" comment; empty when there is none.
    """

    path: tuple[str, ...]
    default: str | None
    meaning: str


def keys(text: str) -> Iterator[Key]:
    """Yield every key of values.yaml in order. What stands in braces or a list is one value."""
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    if not isinstance(root, yaml.MappingNode):
        message = "values.yaml is not a mapping"
        raise TypeError(message)
    yield from _keys(root, text.splitlines(), ())


def _keys(mapping: yaml.MappingNode, lines: list[str], above: tuple[str, ...]) -> Iterator[Key]:
    for name, value in mapping.value:
        path = (*above, name.value)
        comment = lines[name.start_mark.line - 1].strip()
        meaning = comment.removeprefix("# -- ") if comment.startswith("# -- ") else ""
        # requests and limits are Kubernetes' own keys, not the chart's.
        holds_keys = (
            isinstance(value, yaml.MappingNode) and not value.flow_style and name.value != "resources"
        )
        if holds_keys:
            yield Key(path, None, meaning)
            yield from _keys(value, lines, path)
        else:
            default = json.dumps(yaml.safe_load(yaml.serialize(value)), ensure_ascii=False)
            yield Key(path, default, meaning)


def tables(text: str) -> str:
    """Return one table for each of values.yaml's top keys that hold others, and one for the rest."""
    every = list(keys(text))
    single = [key for key in every if len(key.path) == 1 and key.default is not None]
    lines = ["### General", "", *_table(single)]
    for top in (key for key in every if len(key.path) == 1 and key.default is None):
        inside = [key for key in every if key.path[0] == top.path[0] and key.default is not None]
        lines += ["", f"### {top.path[0]}", "", top.meaning, "", *_table(inside)]
    return "\n".join(lines)


def _table(rows: list[Key]) -> list[str]:
    head = ["| key | default | meaning |", "| --- | --- | --- |"]
    return head + [f"| `{'.'.join(row.path)}` | `{row.default}` | {row.meaning} |" for row in rows]


def readme() -> str:
    """Return the chart's README.md with its tables made anew."""
    text = (CHART / "README.md").read_text()
    written_by_hand = text.partition(BEGIN)[0]
    return f"{written_by_hand}{BEGIN}\n\n{tables((CHART / 'values.yaml').read_text())}\n"


def schema() -> str:
    """Return values.schema.json with the names of settings and of writers made anew."""
    document = json.loads((CHART / "values.schema.json").read_text())
    for name, prefixes in _MAPS.items():
        allowed = [variable for variable in variables() - MADE_BY_THE_CHART if variable.startswith(prefixes)]
        document["$defs"][name]["propertyNames"]["enum"] = sorted(allowed)
    writer = document["properties"]["workerLlm"]["properties"]["writer"]
    writer["enum"] = [*WriterKind, *writers()]
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def places() -> str:
    """Return files/writers.json: of each model that sees and writes, where it runs."""
    return json.dumps({name: CATALOGUE[name].runs for name in writers()}, indent=2) + "\n"


def variables() -> set[str]:
    """Return every environment variable that the services read."""
    return {
        f"{settings.model_config.get('env_prefix', '')}{field.upper()}"
        for settings in ALL
        for field in settings.model_fields
    }


if __name__ == "__main__":
    (CHART / "README.md").write_text(readme())
    (CHART / "values.schema.json").write_text(schema())
    (CHART / "files" / "writers.json").write_text(places())
