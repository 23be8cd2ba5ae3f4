"""Every pod: restricted, without a token, with room to stop, and with every Secret it names."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from api.serving import STOP_SECONDS
from shared.settings import QueueSettings
from tests.support.helm import (
    NAMESPACE,
    VALUES,
    Object,
    containers,
    environment,
    of_kind,
    one,
    pods,
    render,
    values_files,
)

every_values_file = pytest.mark.parametrize("values", values_files(), ids=lambda file: file.stem)

GIVEN = {
    "production": {"cxr-postgres", "cxr-valkey", "cxr-s3", "cxr-admin-key"},
    "bundled-services": {
        *("cxr-postgres-password", "cxr-valkey-password", "cxr-s3-credentials", "cxr-admin-key"),
    },
    "external-services": {"cxr-postgres", "cxr-valkey"},
}
"""Secrets that a values file says exist already."""


@every_values_file
def test_every_pod_is_restricted(values: Path):
    """The rules of Kubernetes' Pod Security Standard "restricted", and a read-only root beyond them."""
    openshift = values.stem.startswith("openshift")
    for name, _, spec in pods(render(values)):
        assert not {"hostNetwork", "hostPID", "hostIPC"} & spec.keys(), name
        security = spec["securityContext"]
        assert security["runAsNonRoot"] is True, name
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert ("runAsUser" in security) != openshift, name
        assert security.get("runAsUser", 1) != 0, name
        for volume in spec.get("volumes", ()):
            assert volume.keys() - {"name"} <= {"emptyDir", "configMap", "secret", "persistentVolumeClaim"}, (
                name
            )
        for container in containers(spec):
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }, name
            assert not any("hostPort" in port for port in container.get("ports", ())), name


@every_values_file
def test_no_pod_gets_a_token(values: Path):
    objects = render(values)
    accounts = {each["metadata"]["name"]: each for each in of_kind(objects, "ServiceAccount")}
    used = set()
    for name, _, spec in pods(objects):
        assert spec["automountServiceAccountToken"] is False, name
        assert accounts[spec["serviceAccountName"]]["automountServiceAccountToken"] is False, name
        used.add(spec["serviceAccountName"])
    assert used == accounts.keys()
    assert not of_kind(objects, "Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding")


@every_values_file
def test_no_service_reaches_a_pod_as_variables(values: Path):
    # A Service named cxr-api would set CXR_API_PORT=tcp://…, which our settings would read.
    assert all(spec["enableServiceLinks"] is False for _, _, spec in pods(render(values)))


@every_values_file
def test_every_container_says_what_it_needs(values: Path):
    for name, _, spec in pods(render(values)):
        for container in containers(spec):
            resources = container["resources"]
            assert {"cpu", "memory"} <= resources["requests"].keys(), name
            assert "memory" in resources["limits"], name
            # A CPU limit would slow an upload or a batch down while the node's cores stand idle.
            assert "cpu" not in resources["limits"], name


@every_values_file
def test_every_secret_that_is_named_exists(values: Path):
    objects = render(values)
    made = {each["metadata"]["name"]: each["data"] for each in of_kind(objects, "Secret")}
    given = GIVEN.get(values.stem.removesuffix("-values"), set())
    references = [
        source["secretKeyRef"]
        for _, _, spec in pods(objects)
        for container in containers(spec)
        for source in environment(container).values()
        if isinstance(source, dict)
    ]
    references += [
        target
        for each in of_kind(objects, "TriggerAuthentication")
        for target in each["spec"]["secretTargetRef"]
    ]
    for each in references:
        assert each["name"] in given or each["key"] in made[each["name"]], each
    # And none is made that nobody reads.
    assert made.keys() <= {each["name"] for each in references}


@every_values_file
def test_every_volume_that_is_mounted_exists(values: Path):
    objects = render(values)
    maps = {each["metadata"]["name"] for each in of_kind(objects, "ConfigMap")} | {"rds-ca", "hospital-ca"}
    claims = {
        f"{each['metadata']['name']}": {
            claim["metadata"]["name"] for claim in each["spec"]["volumeClaimTemplates"]
        }
        for each in of_kind(objects, "StatefulSet")
    }
    for name, _, spec in pods(objects):
        volumes = {volume["name"] for volume in spec.get("volumes", ())} | claims.get(name, set())
        mounted = {mount["name"] for container in containers(spec) for mount in container["volumeMounts"]}
        assert mounted == volumes, name
        for volume in spec.get("volumes", ()):
            assert volume.get("configMap", {"name": "rds-ca"})["name"] in maps, name


def test_every_process_waits_for_the_schema_and_the_migrations_do_not():
    objects = render()
    for component in ("api", "worker-cnn", "worker-llm", "sweeper", "gateway"):
        first = one(objects, "Deployment", component)["spec"]["template"]["spec"]["initContainers"][0]
        assert first["command"] == ["python", "-m", "migrations", "wait"]
        assert first["image"] == "cxr-reporter-api:0.1.0"
    job = one(objects, "Job", "migrations-1")["spec"]["template"]["spec"]
    assert "initContainers" not in job
    assert job["containers"][0]["command"] == ["python", "-m", "migrations"]


def test_the_api_has_time_to_end_its_requests():
    spec = one(render(), "Deployment", "api")["spec"]["template"]["spec"]
    before = spec["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert spec["terminationGracePeriodSeconds"] > before + STOP_SECONDS


def test_the_gateway_s_peers_are_known_by_their_own_addresses():
    inside = one(render(), "Service", "gateway")["spec"]
    assert (inside["type"], [port["port"] for port in inside["ports"]]) == ("ClusterIP", [11112, 2575])
    assert "externalTrafficPolicy" not in inside
    service = '{"type": "LoadBalancer", "dicomPort": 104, "loadBalancerSourceRanges": ["10.30.0.0/16"]}'
    outside = one(render(settings=[f"gateway.service={service}"]), "Service", "gateway")["spec"]
    assert outside["externalTrafficPolicy"] == "Local"
    assert outside["loadBalancerSourceRanges"] == ["10.30.0.0/16"]
    assert outside["ports"][0] == {"name": "dicom", "port": 104, "targetPort": "dicom", "protocol": "TCP"}


def test_each_process_gets_only_the_credentials_that_it_uses():
    objects = render()

    def credentials(component: str) -> set[str]:
        spec = one(objects, "Deployment", component)["spec"]["template"]["spec"]
        return {
            name for name, source in environment(spec["containers"][0]).items() if isinstance(source, dict)
        }

    storage = {"CXR_STORAGE_ACCESS_KEY", "CXR_STORAGE_SECRET_KEY"}
    servers = {"PGPASSWORD", "VALKEY_PASSWORD"}
    assert credentials("api") == {"CXR_API_ADMIN_KEY", *servers, *storage}
    for component in ("worker-cnn", "sweeper", "gateway"):
        assert credentials(component) == {*servers, *storage}, component
    assert credentials("worker-llm") == servers


def test_only_a_writer_that_sees_gets_the_credentials_of_the_bucket():
    def writer(*settings: str) -> dict[str, object]:
        objects = render(settings=settings)
        spec = one(objects, "Deployment", "worker-llm")["spec"]["template"]["spec"]
        return environment(spec["containers"][0])

    server = '"model": "m", "server": {"url": "http://elsewhere/v1"}'
    assert "CXR_STORAGE_SECRET_KEY" not in writer(f'workerLlm={{"writer": "openai", {server}}}')
    shown = writer(f'workerLlm={{"writer": "openai", "images": true, {server}}}')
    assert shown["CXR_REPORT_IMAGES"] == "true"
    assert {"CXR_STORAGE_ENDPOINT", "CXR_STORAGE_ACCESS_KEY", "CXR_STORAGE_SECRET_KEY"} <= shown.keys()
    beside = writer(
        'workerLlm={"settings": {"CXR_REPORT_SHADOW": "libra"}, "server": {"url": "http://elsewhere"}}'
    )
    assert "CXR_STORAGE_SECRET_KEY" in beside
    assert beside["CXR_REPORT_SERVER_URL"] == "http://elsewhere"
    # What a side-car is sent comes from the bucket as well; the side-car itself gets no key.
    assert "CXR_STORAGE_SECRET_KEY" in writer(f'workerLlm={{"writer": "radialog", {server}}}')


@pytest.mark.parametrize(
    "line",
    [{"encoder": "medimageinsight"}, {"bundle": "medimageinsight-zero-shot"}],
    ids=["encoder", "classifier"],
)
def test_an_endpoint_and_its_key_reach_the_worker_that_asks_it(line: dict[str, str]):
    server = {"url": "https://a.example/score", "existingSecret": "encoder", "key": "k"}
    objects = render(settings=[f"workerCnn={json.dumps({**line, 'server': server})}"])
    spec = one(objects, "Deployment", "worker-cnn")["spec"]["template"]["spec"]
    variables = environment(spec["containers"][0])
    assert {variables["CXR_MODEL_ENCODER"], variables["CXR_MODEL_BUNDLE"]} >= set(line.values())
    assert variables["CXR_MODEL_SERVER_URL"] == "https://a.example/score"
    assert variables["CXR_MODEL_SERVER_KEY"] == {"secretKeyRef": {"name": "encoder", "key": "k"}}


def test_a_cloud_s_role_is_for_those_who_reach_the_bucket():
    role = 'serviceAccount.annotations={"iam": "role"}'

    def has_the_role(*settings: str) -> bool:
        account = one(render(settings=(role, *settings)), "ServiceAccount", "worker-llm")
        return "annotations" in account["metadata"]

    assert not has_the_role()
    assert has_the_role('workerLlm={"writer": "libra", "server": {"url": "http://libra"}}')


def test_gpus_are_asked_for_where_the_device_is_cuda():
    objects = render(VALUES / "gpu-values.yaml")
    worker = one(objects, "Deployment", "worker-cnn")["spec"]["template"]["spec"]
    assert worker["containers"][0]["resources"]["limits"]["nvidia.com/mig-1g.10gb"] == 1
    assert environment(worker["containers"][0])["CXR_MODEL_DEVICE"] == "cuda"
    assert worker["containers"][0]["image"] == "cxr-reporter-worker-cnn:0.1.0-cuda"
    assert worker["runtimeClassName"] == "nvidia"
    server = one(objects, "Deployment", "vllm")["spec"]["template"]["spec"]["containers"][0]
    assert server["resources"]["limits"]["nvidia.com/gpu"] == 2
    assert "--tensor-parallel-size=2" in server["args"]
    writer = one(objects, "Deployment", "worker-llm")["spec"]["template"]["spec"]["containers"][0]
    assert environment(writer)["CXR_REPORT_SERVER_URL"] == "http://cxr-cxr-reporter-vllm:8000/v1"
    assert environment(writer)["CXR_REPORT_MODEL"] == "writer"
    assert not any("nvidia" in name for name in writer["resources"]["limits"])


def test_images_come_from_the_mirror_and_by_digest():
    images = {
        container["image"]
        for _, _, spec in pods(render(VALUES / "air-gapped-values.yaml"))
        for container in containers(spec)
    }
    assert all(image.startswith("mirror.hospital.example/") for image in images)
    assert "mirror.hospital.example/docker/pgvector/pgvector:0.8.6-pg18-trixie" in images
    assert any(image.startswith("mirror.hospital.example/cxr/cxr-reporter-api@sha256:") for image in images)


def test_models_are_fetched_before_the_worker_starts_and_mounted_read_only():
    spec = one(render(VALUES / "air-gapped-values.yaml"), "Deployment", "worker-cnn")["spec"]["template"][
        "spec"
    ]
    assert [container["name"] for container in spec["initContainers"]] == ["wait-for-schema", "pull-models"]
    mounts = {mount["name"]: mount for mount in spec["containers"][0]["volumeMounts"]}
    assert mounts["models"] == {"name": "models", "mountPath": "/models", "readOnly": True}


def test_urls_say_where_the_servers_are():
    variables = environment(
        one(render(VALUES / "external-services-values.yaml"), "Deployment", "api")["spec"]["template"][
            "spec"
        ]["containers"][0]
    )
    assert variables["CXR_DATABASE_URL"] == (
        "postgresql+psycopg2://cxr@cxr.cluster-abc.eu-central-1.rds.amazonaws.com:5432/cxr"
        "?application_name=cxr%20reporter&sslmode=verify-full&sslrootcert=%2Fetc%2Fssl%2Frds%2Fca.pem"
    )
    assert variables["CXR_QUEUE_URL"] == "rediss://cxr:$(VALKEY_PASSWORD)@cxr.abc.cache.amazonaws.com:6379/0"
    assert "CXR_STORAGE_ENDPOINT" not in variables
    assert "CXR_STORAGE_ACCESS_KEY" not in variables
    bundled = environment(one(render(), "Deployment", "api")["spec"]["template"]["spec"]["containers"][0])
    assert bundled["CXR_DATABASE_URL"] == "postgresql+psycopg2://cxr@cxr-cxr-reporter-postgres:5432/cxr"
    assert bundled["CXR_QUEUE_URL"] == "redis://:$(VALKEY_PASSWORD)@cxr-cxr-reporter-valkey:6379/0"
    assert bundled["CXR_STORAGE_ENDPOINT"] == "http://cxr-cxr-reporter-seaweedfs:8333"


def test_a_variable_that_another_uses_stands_before_it():
    # Kubernetes fills in $(NAME) only from what it has read already.
    for _, _, spec in pods(render()):
        for container in containers(spec):
            names = list(environment(container))
            if "CXR_QUEUE_URL" in names:
                assert names.index("VALKEY_PASSWORD") < names.index("CXR_QUEUE_URL")


@pytest.mark.parametrize("component", ["worker-cnn", "worker-llm"])
def test_a_worker_may_take_longer_than_a_lease_to_stop(component: str):
    spec = one(render(), "Deployment", component)["spec"]["template"]["spec"]
    lease = float(environment(spec["containers"][0])["CXR_QUEUE_LEASE"])
    assert timedelta(seconds=spec["terminationGracePeriodSeconds"]) >= 2 * timedelta(seconds=lease)


@pytest.mark.parametrize(("component", "key"), [("worker-cnn", "workerCnn"), ("worker-llm", "workerLlm")])
@pytest.mark.parametrize("grace", [21, 90, 3600])
def test_a_worker_finishes_for_all_of_its_grace_period_but_what_giving_back_takes(
    component: str, key: str, grace: int, monkeypatch: pytest.MonkeyPatch
):
    objects = render(settings=[f"{key}.terminationGracePeriodSeconds={grace}"])
    spec = one(objects, "Deployment", component)["spec"]["template"]["spec"]
    monkeypatch.setenv("CXR_QUEUE_DRAIN", environment(spec["containers"][0])["CXR_QUEUE_DRAIN"])
    assert spec["terminationGracePeriodSeconds"] == grace
    assert QueueSettings().drain == timedelta(seconds=grace - 10)


def test_everything_that_has_one_is_in_the_release_s_namespace():
    for values in values_files():
        for each in render(values):
            assert ("namespace" in each["metadata"]) == (each["kind"] != "PriorityClass")
            assert each["metadata"].get("namespace", NAMESPACE) == NAMESPACE


def only(objects: list[Object]) -> Object:
    assert len(objects) == 1
    return objects[0]


def test_the_test_pod_may_be_deleted_and_asks_the_service():
    pod = only(of_kind(render(), "Pod"))
    assert pod["metadata"]["annotations"]["helm.sh/hook"] == "test"
    command = pod["spec"]["containers"][0]["command"]
    assert command[2] == "http://cxr-cxr-reporter-api:80"


@pytest.mark.parametrize("component", ["worker-cnn", "worker-llm"])
def test_a_worker_that_loads_its_model_hears_that_it_shall_stop(component: str):
    # Python as process 1 ignores a SIGTERM until it has a handler for it.
    spec = one(render(), "Deployment", component)["spec"]["template"]["spec"]
    assert spec["shareProcessNamespace"] is True


def test_a_writer_goes_to_the_internet_only_when_it_is_told_to():
    def writer(*settings: str) -> Object:
        objects = render(settings=settings)
        return one(objects, "Deployment", "worker-llm")["spec"]["template"]["spec"]["containers"][0]

    assert "HF_HUB_OFFLINE" not in environment(writer())  # the image's own is 1
    assert environment(writer("workerLlm.downloads=true"))["HF_HUB_OFFLINE"] == "0"
