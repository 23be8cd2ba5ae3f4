"""The chart runs: every pod that it renders, with its users, read-only roots and probes, until a study has its report."""

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.containers.conftest import Site
from tests.support.cluster import Cluster
from tests.support.helm import VALUES, Object, of_kind, render
from tests.support.kubelet import Pod


def secret(name: str, **texts: str) -> Object:
    """Return what `kubectl create secret generic` makes."""
    return {
        "kind": "Secret",
        "metadata": {"name": name},
        "data": {
            key.replace("_", "-"): base64.b64encode(text.encode()).decode() for key, text in texts.items()
        },
    }


GIVEN = {
    "minimal-values": [],
    "bundled-services-values": [
        secret("cxr-postgres-password", password="in a test, with a space"),
        secret("cxr-valkey-password", password="in-a-test"),
        secret("cxr-s3-credentials", access_key="in-a-test", secret_key="also/in+a/test"),
        secret("cxr-admin-key", admin_key="cxr_" + "a1" * 20),
    ],
}
"""The Secrets that a values file says exist already. With the minimal one the chart makes its own."""


@pytest.fixture(scope="module", params=sorted(GIVEN))
def objects(request: pytest.FixtureRequest) -> list[Object]:
    """Return the release: rendered once, since every render makes other passwords."""
    return [*render(VALUES / f"{request.param}.yaml"), *GIVEN[request.param]]


@pytest.fixture(scope="module")
def cluster(site: Site, objects: list[Object]) -> Iterator[Cluster]:
    """Return a cluster with the release, a moment after `helm install`."""
    with Cluster(site.engine, objects) as cluster:
        yield cluster


def test_every_pod_runs_and_a_study_gets_its_report(cluster: Cluster, objects: list[Object]):
    cluster.wait_until_available(seconds=150)
    (test,) = of_kind(objects, "Pod")
    ended = cluster.run(
        Pod(test["metadata"]["name"], test["metadata"]["labels"], test["spec"], "Pod"), seconds=120
    )
    assert ended.code == 0, ended.log
    assert "it is completed" in ended.log
    assert cluster.overfull() == []


def test_every_pod_ends_when_it_is_told_to(cluster: Cluster):
    ended = cluster.delete_pods("Deployment")
    ended |= cluster.delete_pods("StatefulSet")
    assert {name for name, code in ended.items() if code != 0} == set()
