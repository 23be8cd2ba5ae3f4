"""Generated passwords: new where there is none, and the same ones after every upgrade.

An upgrade itself needs a cluster. What decides here is Helm's own `lookup`, and that asks a server of ours.
"""

import base64

import pytest
import yaml

from tests.support.fake_cluster import FakeCluster
from tests.support.helm import CHART, NAMESPACE, RELEASE, Object, of_kind, render_text, run_helm

KEYS = {
    "cxr-cxr-reporter-postgres": {"password": 32},
    "cxr-cxr-reporter-valkey": {"password": 32},
    "cxr-cxr-reporter-s3": {"access-key": 20, "secret-key": 40},
    "cxr-cxr-reporter-admin-key": {"admin-key": 40},
}


def rendered_on(cluster: FakeCluster) -> list[Object]:
    text = run_helm(
        *("template", RELEASE, CHART, "--namespace", NAMESPACE, "--dry-run=server"),
        *("--is-upgrade", "--disable-openapi-validation", "--kube-apiserver", cluster.url),
    )
    return list(yaml.safe_load_all(text))


def secrets(objects: list[Object]) -> dict[str, dict[str, str]]:
    return {
        each["metadata"]["name"]: {
            key: base64.b64decode(value).decode() for key, value in each["data"].items()
        }
        for each in of_kind(objects, "Secret")
    }


def test_an_empty_cluster_gets_long_passwords():
    made = secrets(list(yaml.safe_load_all(render_text())))
    assert {name: {key: len(value) for key, value in held.items()} for name, held in made.items()} == KEYS
    assert all(value.isalnum() for held in made.values() for value in held.values())


def test_an_upgrade_keeps_what_the_cluster_has():
    existing = {name: {key: f"kept-{name}-{key}" for key in keys} for name, keys in KEYS.items()}
    with FakeCluster(existing) as cluster:
        assert secrets(rendered_on(cluster)) == existing
        assert f"/api/v1/namespaces/{NAMESPACE}/secrets/cxr-cxr-reporter-postgres" in cluster.asked


def test_a_key_that_an_older_release_did_not_have_is_added():
    existing = {"cxr-cxr-reporter-s3": {"access-key": "kept"}}
    with FakeCluster(existing) as cluster:
        made = secrets(rendered_on(cluster))["cxr-cxr-reporter-s3"]
    assert made["access-key"] == "kept"
    assert len(made["secret-key"]) == 40


def test_two_renders_without_a_cluster_differ():
    # Why the README tells Argo CD's users to bring their own Secrets.
    first, second = (
        secrets(list(yaml.safe_load_all(run_helm("template", RELEASE, CHART)))) for _ in range(2)
    )
    assert first["cxr-cxr-reporter-postgres"] != second["cxr-cxr-reporter-postgres"]


def test_the_password_of_postgres_outlives_an_uninstall_as_its_disk_does():
    objects = list(yaml.safe_load_all(render_text()))
    secret = next(
        each for each in of_kind(objects, "Secret") if each["metadata"]["name"].endswith("-postgres")
    )
    assert secret["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"


@pytest.mark.parametrize("value", ["s3cr3t", "A" * 30])
def test_no_secret_stands_in_a_command_or_a_variable_of_ours(value: str):
    existing = {
        "cxr-cxr-reporter-valkey": {"password": value},
        "cxr-cxr-reporter-postgres": {"password": value},
    }
    with FakeCluster(existing) as cluster:
        objects = rendered_on(cluster)
    others = [each for each in objects if each and each["kind"] != "Secret"]
    assert value not in yaml.safe_dump(others)
