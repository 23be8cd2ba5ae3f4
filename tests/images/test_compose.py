"""docker-compose.yml, as the real Compose reads it: safe, complete, in an order that works."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from docker.credentials import NEEDS
from tests.support.dockerfiles import read_image
from tests.support.images import BIN, compose, services, settings_variables
from tests.support.services import ROOT

PROFILES = ("gpu", "vllm", "side-car", "monitoring")
PARTS = {
    *("credentials", "postgres", "broker", "storage", "migrations"),
    *("api", "worker-cnn", "worker-llm", "sweeper", "gateway"),
}
OURS = {
    "credentials": "api",
    "migrations": "api",
    "api": "api",
    "sweeper": "api",
    "worker-cnn": "worker-cnn",
    "worker-llm": "worker-llm",
    "gateway": "gateway",
    "worker-cnn-gpu": "worker-cnn",
    "worker-llm-gpu": "worker-llm",
    "side-car": "side-car",
}
MADE_BY_CREDENTIALS = {
    *("CXR_DATABASE_URL", "CXR_QUEUE_URL", "CXR_STORAGE_ACCESS_KEY", "CXR_STORAGE_SECRET_KEY"),
}
SET_IN_THE_IMAGE = {"CXR_REPORT_CACHE"}


def everything() -> dict[str, Any]:
    return services(*PROFILES)


def variables_of(service: dict[str, Any]) -> set[str]:
    return {name for name in service.get("environment", {}) if name.startswith("CXR_")}


@pytest.mark.parametrize("profile", [(), ("gpu",), ("vllm",), ("side-car",), ("monitoring",), PROFILES])
def test_compose_accepts_the_file_with_every_profile_and_without_warnings(profile: tuple[str, ...]):
    chosen = [word for name in profile for word in ("--profile", name)]
    assert compose(*chosen, "config", "-q") == ""


def test_the_linter_has_no_finding_without_a_reason():
    command = ["compose-lint", "--config", "docker/compose-lint.yml", "--strict-config", "--fail-on", "low"]
    done = subprocess.run(
        [BIN / command[0], *command[1:], "--no-env", "docker-compose.yml"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_without_a_profile_the_parts_are_those_of_the_local_stack():
    assert set(services()) == PARTS


def test_no_image_is_without_a_tag_or_the_latest():
    for name, service in everything().items():
        assert re.search(r":[\w.-]+$", service["image"]), name
        assert not service["image"].endswith(":latest"), name


def test_every_image_of_ours_is_built_once_and_never_pulled():
    found = everything()
    built = [service["image"] for service in found.values() if "build" in service]
    assert len(built) == len(set(built))
    assert set(built) == {found[name]["image"] for name in OURS}
    assert {found[name]["pull_policy"] for name in OURS} == {"never"}


def test_no_service_is_privileged_and_ours_write_to_tmp_alone():
    for name, service in everything().items():
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        if name in OURS:
            assert service["read_only"], name
            assert service["init"], name
            assert [path.partition(":")[0] for path in service["tmpfs"]] == ["/tmp"], name
            writable = [mount["target"] for mount in service.get("volumes", []) if not mount.get("read_only")]
            assert not writable or name == "credentials", name


def test_each_service_sees_its_own_secrets_alone():
    vault, handed_out = "secrets", {f"secrets-{service}": f"/consumers/{service}" for service in NEEDS}
    for name, service in everything().items():
        mounts = {mount["source"]: mount["target"] for mount in service.get("volumes", [])}
        seen = {source: target for source, target in mounts.items() if source.startswith("secrets")}
        own = name.removesuffix("-gpu")
        if name == "credentials":
            assert seen == {vault: "/run/secrets", **handed_out}
        else:
            assert seen == ({f"secrets-{own}": "/run/secrets"} if own in NEEDS else {}), name


def test_the_image_has_every_folder_that_credentials_hands_secrets_out_in():
    """Else the engine makes it, as root's."""
    dockerfile = (ROOT / "docker" / "api.Dockerfile").read_text()
    assert set(re.findall(r"/consumers/([\w-]+)", dockerfile)) == set(NEEDS)


def test_nothing_is_published_beyond_this_machine():
    ports = {name: service["ports"] for name, service in everything().items() if "ports" in service}
    assert set(ports) == {"api", "gateway", "grafana"}
    assert {port["host_ip"] for published in ports.values() for port in published} == {"127.0.0.1"}


def test_what_handles_patient_data_has_no_way_out():
    networks = json.loads(compose("config", "--format", "json"))["networks"]
    assert networks["inside"]["internal"]
    outside = {name for name, service in everything().items() if "outside" in service["networks"]}
    assert outside == {"api", "gateway", "grafana", "vllm"}, (
        "the first three because a port is published, the gateway to send results too, vllm for its model"
    )


def test_every_setting_of_a_service_exists():
    known = settings_variables()
    for name, service in everything().items():
        assert variables_of(service) <= known, name


def test_every_setting_can_be_set():
    given = set().union(*(variables_of(service) for service in everything().values()))
    assert settings_variables() - given == MADE_BY_CREDENTIALS | SET_IN_THE_IMAGE


def test_a_setting_that_is_not_given_does_not_undo_the_images_own():
    for name, service in everything().items():
        if name in OURS:
            unset = {variable for variable, value in service.get("environment", {}).items() if value is None}
            assert not unset & read_image(OURS[name]).environment.keys(), name


def test_a_knob_in_the_environment_reaches_the_service():
    worker = services(CXR_REPORT_WRITER="template")["worker-llm"]
    assert worker["environment"]["CXR_REPORT_WRITER"] == "template"


def test_the_example_names_every_knob_with_its_default_and_no_other():
    example = dict(re.findall(r"^#([A-Z_]+)=(.*)$", (ROOT / ".env.example").read_text(), re.MULTILINE))
    text = (ROOT / "docker-compose.yml").read_text()
    substituted = dict(re.findall(r"\$\{([A-Z_]+):-([^}]*)\}", text))
    passed_on = set(re.findall(r"^ +([A-Z_]+):$", text, re.MULTILINE))
    assert set(example) == set(substituted) | passed_on
    assert {name: example[name] for name in substituted} == substituted


def test_the_example_sets_nothing():
    lines = (ROOT / ".env.example").read_text().splitlines()
    assert all(line.startswith("#") or not line for line in lines)


def test_everything_waits_for_what_it_needs():
    order = {
        name: {needed: how["condition"] for needed, how in service.get("depends_on", {}).items()}
        for name, service in services().items()
    }
    healthy, done = "service_healthy", "service_completed_successfully"
    schema = {"migrations": done, "broker": healthy, "storage": healthy}
    assert order == {
        "credentials": {},
        "postgres": {"credentials": done},
        "broker": {"credentials": done},
        "storage": {"credentials": done},
        "migrations": {"postgres": healthy},
        "api": schema,
        "worker-cnn": schema,
        "sweeper": schema,
        "gateway": schema,
        "worker-llm": {"migrations": done, "broker": healthy},
    }


def test_what_others_wait_for_has_a_probe_and_what_ends_is_not_started_again():
    once = {"credentials", "migrations"}
    for name, service in services().items():
        assert service["restart"] == ("no" if name in once else "unless-stopped"), name
    for name in ("postgres", "broker", "storage", "api", "sweeper", "gateway"):
        assert services()[name]["healthcheck"]["test"], name


def test_a_gpu_profile_asks_for_a_gpu():
    for name in ("worker-cnn-gpu", "worker-llm-gpu", "vllm", "side-car"):
        (device,) = everything()[name]["deploy"]["resources"]["reservations"]["devices"]
        assert device["capabilities"] == ["gpu"], name
    assert everything()["worker-cnn-gpu"]["build"]["args"]["VARIANT"] == "cuda"
    assert everything()["worker-llm-gpu"]["build"]["args"]["VARIANT"] == "cuda"


def scrapes() -> list[dict[str, Any]]:
    return yaml.safe_load((ROOT / "docker/prometheus/prometheus.yml").read_text())["scrape_configs"]


def test_prometheus_reads_every_process_that_has_metrics():
    found = [name for job in scrapes() for place in job["dns_sd_configs"] for name in place["names"]]
    assert sorted(found) == sorted(OURS.keys() - {"credentials", "migrations", "side-car"})


def test_grafana_shows_the_charts_dashboards_whose_labels_prometheus_gives():
    grafana = everything()["grafana"]
    (folder,) = [m["source"] for m in grafana["volumes"] if m["target"] == "/var/lib/dashboards"]
    assert Path(folder) == ROOT / "helm" / "cxr-reporter" / "files" / "dashboards"
    home = grafana["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert (Path(folder) / Path(home).name).exists()
    # What the Prometheus operator adds on a cluster; the dashboards' other labels are the metrics' own.
    for job in scrapes():
        assert {rule["target_label"] for rule in job["relabel_configs"]} == {"namespace", "pod"}


def test_mounted_files_exist():
    for name, service in everything().items():
        for mount in service.get("volumes", []):
            if mount["type"] == "bind":
                assert Path(mount["source"]).exists(), name
