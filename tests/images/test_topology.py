"""docker-compose.yml and the chart are the same system: the same parts, images, commands and variables.

The chart renders with its bundled servers, since compose brings its own too.
"""

from datetime import timedelta
from typing import Any

from pydantic import TypeAdapter

from shared.settings import QueueSettings
from tests.support import helm
from tests.support.images import services

BUNDLED = ("postgres", "valkey", "s3")
VLLM = "vllm"
PARTS = {
    "api": "api",
    "worker-cnn": "worker-cnn",
    "worker-llm": "worker-llm",
    "sweeper": "sweeper",
    "gateway": "gateway",
    "migrations": "migrations",
    "postgres": "postgres",
    "valkey": "broker",
    "seaweedfs": "storage",
    "vllm": "vllm",
}
"""The chart's component -> compose's service."""
NOT_ON_KUBERNETES = {
    "credentials": "the chart's Secrets",
    "worker-cnn-gpu": "workerCnn.gpu",
    "worker-llm-gpu": "workerLlm.gpu",
    "prometheus": "the cluster's own, by PodMonitor",
    "grafana": "the cluster's own, by a ConfigMap of dashboards",
}
OURS = ("api", "worker-cnn", "worker-llm", "sweeper", "gateway", "migrations")
FILES = {
    *("CXR_DATABASE_URL", "CXR_QUEUE_URL", "CXR_STORAGE_ACCESS_KEY", "CXR_STORAGE_SECRET_KEY"),
}
"""Variables that compose gives as files in /run/secrets."""


def chart() -> dict[str, dict[str, Any]]:
    """Return the main container of each component that runs on."""
    settings = [f"{server}.bundled.enabled=true" for server in BUNDLED]
    settings += ["vllm.enabled=true", "vllm.downloads=true", 'vllm.model="Qwen/Qwen2.5-7B-Instruct"']
    settings += ['workerLlm.writer="openai"']
    objects = helm.render(settings=settings)
    label = "app.kubernetes.io/component"
    return {
        labels[label]: spec["containers"][0]
        for _, labels, spec in helm.pods(
            [each for each in objects if each["kind"] in ("Deployment", "StatefulSet", "Job")]
        )
    }


def compose() -> dict[str, dict[str, Any]]:
    return services("gpu", "vllm", "monitoring")


def test_they_have_the_same_parts():
    assert set(chart()) == set(PARTS)
    assert set(compose()) == set(PARTS.values()) | set(NOT_ON_KUBERNETES)


def test_they_run_the_same_images():
    rendered, composed = chart(), compose()
    for component, service in PARTS.items():
        assert rendered[component]["image"] == composed[service]["image"], component


def test_they_start_the_same_commands():
    rendered, composed = chart(), compose()
    for component in OURS:
        assert rendered[component]["command"] == composed[component]["command"], component


def test_what_the_chart_sets_compose_can_set_too():
    rendered, composed = chart(), compose()
    for component in OURS:
        of_chart = {name for name in helm.environment(rendered[component]) if name.startswith("CXR_")}
        of_compose = {name for name in composed[component]["environment"] if name.startswith("CXR_")}
        assert of_chart - of_compose <= FILES, component


def test_metrics_are_on_the_same_ports():
    rendered, composed = chart(), compose()
    for component in ("api", "worker-cnn", "worker-llm", "sweeper", "gateway"):
        port = helm.environment(rendered[component])["CXR_TELEMETRY_METRICS_PORT"]
        assert port == composed[component]["environment"]["CXR_TELEMETRY_METRICS_PORT"], component


def test_workers_are_stopped_as_patiently():
    objects = helm.render()
    for component in ("worker-cnn", "worker-llm", "gateway"):
        pod = helm.one(objects, "Deployment", component)["spec"]["template"]["spec"]
        stop = TypeAdapter(timedelta).validate_python(
            f"P0DT{compose()[component]['stop_grace_period'].upper()}"
        )
        assert stop == timedelta(seconds=pod["terminationGracePeriodSeconds"]), component
        assert stop > QueueSettings().drain, component
