"""The chart runs: every pod, with its user, read-only root and probes, until a study has its report."""

import re
from collections.abc import Iterator

import pytest

from tests.containers.conftest import Site
from tests.support.cluster import Cluster
from tests.support.doors import S3
from tests.support.helm import VALUES, Object, environment, of_kind, one, render
from tests.support.kubelet import Pod, pods_of

MINIMAL = VALUES / "minimal-values.yaml"
BUNDLED_SERVICES = VALUES / "bundled-services-values.yaml"


@pytest.fixture(scope="module")
def objects() -> list[Object]:
    """Return the release: rendered once, since every render makes other passwords."""
    return render(MINIMAL)


@pytest.fixture(scope="module")
def cluster(site: Site, objects: list[Object]) -> Iterator[Cluster]:
    """Return a cluster with the release, a moment after `helm install`."""
    with Cluster(site.engine, objects) as cluster:
        yield cluster


def test_every_pod_runs_and_the_study_of_helm_test_gets_its_report(cluster: Cluster, objects: list[Object]):
    cluster.wait_until_available(seconds=180)
    (test,) = of_kind(objects, "Pod")
    pod = Pod(test["metadata"]["name"], test["metadata"]["labels"], test["spec"], "Pod")
    ended = cluster.run(pod, seconds=100)
    assert ended.code == 0, ended.log
    assert "it is completed" in ended.log
    assert cluster.overfull() == []


@pytest.mark.parametrize("server", ["postgres", "valkey", "seaweedfs"])
def test_at_no_port_of_a_server_is_anything_for_a_stranger(site: Site, cluster: Cluster, server: str):
    cluster.wait_until_available(seconds=180)
    heard = site.engine.heard_by_a_stranger(f"cxr-cxr-reporter-{server}-0-{server}")
    known = (r"\d+", *(f"8333 {line}" for line in S3))
    assert heard
    assert [line for line in heard if not any(re.fullmatch(each, line) for each in known)] == []


def test_every_pod_ends_when_it_is_told_to(cluster: Cluster):
    ended = cluster.delete_pods("Deployment")
    ended |= cluster.delete_pods("StatefulSet")
    assert len(ended) == 8
    assert {name: code for name, code in ended.items() if code != 0} == {}


def test_with_secrets_that_exist_already_the_pods_are_the_same():
    """So these values need no run of their own: only names of Secrets, disks and the writer differ."""

    def rendered(objects: list[Object]) -> str:
        pods = [*pods_of(objects), *of_kind(objects, "Pod")]
        return re.sub(r"'secretKeyRef': {'name': '[^']*'", "'secretKeyRef': {'name': ''", repr(pods))

    # A template needs no model, and the worker of these values writes with one.
    settings = ['workerLlm.writer="template"']
    disks = ["20Gi", "100Gi"]
    sized = [
        f'{server}.bundled.storage={{"size": "{size}", "className": "local-path"}}'
        for server, size in zip(("postgres", "s3"), disks, strict=True)
    ]
    theirs = render(BUNDLED_SERVICES)
    assert rendered(render(MINIMAL, settings=[*settings, *sized])) == rendered(theirs)
    writer = one(theirs, "Deployment", "worker-llm")["spec"]["template"]["spec"]["containers"][0]
    assert environment(writer)["CXR_REPORT_WRITER"] == "template"
