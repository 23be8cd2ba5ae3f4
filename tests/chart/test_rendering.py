"""What the chart renders is what Kubernetes and the operators' definitions take."""

from pathlib import Path

import pytest
import yaml

from tests.support import definitions
from tests.support.helm import CHART, Object, of_kind, one, pods, render, run_helm, values_files
from tests.support.schemas import KUBERNETES, OPERATORS, faults

every_values_file = pytest.mark.parametrize("values", values_files(), ids=lambda file: file.stem)


def test_there_are_values_for_every_way_to_install():
    assert {file.name.removesuffix("-values.yaml") for file in values_files()} == {
        *("minimal", "production", "gpu", "vision", "air-gapped"),
        *("external-services", "bundled-services", "openshift"),
    }


@every_values_file
def test_helm_finds_no_fault(values: Path):
    assert "0 chart(s) failed" in run_helm("lint", "--strict", CHART, "--values", values)


@every_values_file
@pytest.mark.parametrize("version", KUBERNETES)
def test_kubernetes_and_the_operators_would_take_every_object(values: Path, version: str):
    for each in render(values):
        assert faults(each, version) == [], each["metadata"]["name"]


def test_every_custom_kind_is_among_the_rendered():
    kinds = {each["kind"] for values in values_files() for each in render(values)}
    assert {*OPERATORS, "HTTPRoute"} <= kinds


@pytest.mark.parametrize(
    ("kind", "component", "wrong", "fault"),
    [
        ("ScaledObject", "worker-cnn", {"minReplicas": 1}, "ScaledObject.spec.minReplicas: there is no such"),
        ("ScaledObject", "worker-cnn", {"triggers": "none"}, "triggers"),
        ("Deployment", "api", {"replica": 1}, "replica"),
        ("HTTPRoute", "api", {"hostname": "a"}, "hostname"),
    ],
)
def test_what_a_definition_does_not_take_is_found(kind: str, component: str, wrong: Object, fault: str):
    values = [CHART / "ci" / f"{name}-values.yaml" for name in ("production", "external-services")]
    each = one([*render(values[kind == "HTTPRoute"])], kind, component)
    (found,) = faults({**each, "spec": {**each["spec"], **wrong}})
    assert fault in found


def test_a_kind_that_nobody_knows_is_found():
    assert faults({"apiVersion": "v1", "kind": "Pot", "metadata": {"name": "a"}}) != []


def test_a_gateway_would_take_the_route():
    routes = [each for values in values_files() for each in of_kind(render(values), "HTTPRoute")]
    routes += of_kind(render(settings=FULL_ROUTE), "HTTPRoute")
    assert len(routes) > 1
    assert definitions.faults(routes) == []


FULL_ROUTE = (
    'api.httpRoute={"enabled": true, "hostnames": ["cxr.hospital.example", "*.rad.example"]}',
    'api.httpRoute.parentRefs=[{"name": "a", "namespace": "b", "sectionName": "https", "port": 443}]',
)


def test_external_secrets_would_take_the_example():
    example = yaml.safe_load_all((CHART / "examples" / "external-secrets.yaml").read_text())
    assert definitions.faults(list(example)) == []


@pytest.mark.parametrize(
    ("kind", "spec", "fault"),
    [
        ("HTTPRoute", {"parentRef": [{"name": "a"}]}, "'\"parentRef\"' does not exist"),
        ("HTTPRoute", {"parentRefs": [{"nam": "a"}]}, "parentRefs/0 must have required property name"),
        ("HTTPRoute", {"rules": [{"backendRefs": [{"name": "a", "port": 0}]}]}, "port must be >= 1"),
        ("ExternalSecret", {"refreshIntervall": "1h"}, "'\"refreshIntervall\"' does not exist"),
        (
            "ExternalSecret",
            {"data": [{"secretKey": "a", "remoteRef": {}}]},
            "must have required property key",
        ),
    ],
)
def test_what_those_definitions_do_not_take_is_found(kind: str, spec: Object, fault: str):
    group = {"HTTPRoute": "gateway.networking.k8s.io/v1", "ExternalSecret": "external-secrets.io/v1"}
    wrong = {"apiVersion": group[kind], "kind": kind, "metadata": {"name": "a"}, "spec": spec}
    assert any(fault in each for each in definitions.faults([wrong]))


@every_values_file
def test_every_selector_takes_the_pods_that_it_means_and_no_others(values: Path):
    objects = render(values)
    labels = {name: labels for name, labels, _ in pods(objects)}
    for each in of_kind(objects, "Deployment", "StatefulSet"):
        wanted = each["spec"]["selector"]["matchLabels"]
        assert selected(wanted, labels) == [each["metadata"]["name"]]
    for each in of_kind(objects, "Service", "PodDisruptionBudget", "PodMonitor"):
        selector = each["spec"]["selector"]
        assert selected(selector.get("matchLabels", selector), labels) == [each["metadata"]["name"]]


def selected(wanted: Object, labels: Object) -> list[str]:
    return [name for name, own in labels.items() if wanted.items() <= own.items()]


@every_values_file
def test_every_port_that_is_named_exists(values: Path):
    objects = render(values)
    ports = {
        labels["app.kubernetes.io/component"]: {
            port["name"] for container in spec["containers"] for port in container.get("ports", ())
        }
        for _, labels, spec in pods(objects)
    }
    for service in of_kind(objects, "Service"):
        component = service["spec"]["selector"]["app.kubernetes.io/component"]
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= ports[component]
    for monitor in of_kind(objects, "PodMonitor"):
        component = monitor["spec"]["selector"]["matchLabels"]["app.kubernetes.io/component"]
        assert {end["port"] for end in monitor["spec"]["podMetricsEndpoints"]} <= ports[component]


@every_values_file
def test_every_object_has_the_usual_labels_and_its_own_name(values: Path):
    objects = render(values)
    for each in objects:
        labels = each["metadata"]["labels"]
        assert labels["app.kubernetes.io/name"] == "cxr-reporter"
        assert labels["app.kubernetes.io/instance"] == "cxr"
        assert labels["app.kubernetes.io/managed-by"] == "Helm"
    names = [(each["kind"], each["metadata"]["name"]) for each in objects]
    assert len(names) == len(set(names))


def test_names_stay_short_enough_with_the_longest_release_name():
    values = [CHART / "ci" / name for name in ("production-values.yaml", "minimal-values.yaml")]
    for file in values:
        for each in render(file, release="a" * 53):
            assert len(each["metadata"]["name"]) <= 63


def test_the_migrations_have_a_job_of_their_own_for_every_revision():
    job = one(render(), "Job", "migrations-1")
    assert "helm.sh/hook" not in job["metadata"].get("annotations", {})
