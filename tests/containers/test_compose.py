"""`docker compose up`: the whole installation in containers, from the page's key to the report.

One installation lives through all of it: it is upgraded from the release before, used, hurt, taken down and
brought up again. Until there is a release it is upgraded from itself under another version: nothing leads on
from a schema that was never released.
"""

import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from cxr.client import Client
from cxr.local.state import free_port
from cxr.models import Report
from docker.credentials import NEEDS
from tests.containers.conftest import BUILD_SECONDS, Site, configure
from tests.support.browser import Tab, chromium
from tests.support.containers import EngineError, check_out
from tests.support.doors import S3
from tests.support.services import ROOT, wait_for

SAMPLES = ROOT / "samples"
PNG, DICOM = SAMPLES / "chest-1.png", SAMPLES / "chest-5-monochrome1-jpegls.dcm"
PARTS = ("api", "worker-cnn", "worker-llm", "sweeper", "gateway", "postgres", "broker", "storage")
UP = ("up", "--detach", "--no-build")


@dataclass(frozen=True, slots=True)
class Installation:
    """What runs, and how it is reached."""

    site: Site
    url: str
    key: str
    before_the_upgrade: str
    """A study that was reported by the version before."""
    dicom_port: int

    @property
    def client(self) -> Client:
        return Client(self.url, key=self.key)

    def is_ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/readyz", timeout=5).status_code == 200
        except httpx.HTTPError:
            return False


def release_before() -> str | None:
    """Return the newest release's tag; None where there is none."""
    described = subprocess.run(
        ["git", "describe", "--tags", "--abbrev=0"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return described.stdout.strip() or None


def printed_key(site: Site, project: Path) -> str:
    """Return the page's key from where the guide says that a person finds it."""
    log = site.compose("logs", "--no-log-prefix", "credentials", project=project)
    (key,) = set(re.findall(r"key.*: (cxr_\S+)$", log, re.MULTILINE))
    return key


def report_of(client: Client, study: str) -> Report:
    ended = client.wait(study, timeout=150)
    assert ended.status == "completed", ended
    return client.report(study)


@pytest.fixture(scope="module")
def installation(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """Return an installation of this checkout, upgraded from one of the release before."""
    ports: set[int] = set()
    while len(ports) < 4:
        ports.add(free_port(ports))
    port, dicom_port, tls_port, hl7_port = ports
    url = f"http://127.0.0.1:{port}"
    here = (
        f"API_PUBLISH=127.0.0.1:{port}",
        f"DICOM_PUBLISH=127.0.0.1:{dicom_port}",
        f"DICOM_TLS_PUBLISH=127.0.0.1:{tls_port}",
        f"HL7_PUBLISH=127.0.0.1:{hl7_port}",
        "CXR_GATEWAY_CLOSE_AFTER=2",
    )
    before = tmp_path_factory.mktemp("before") / "project"
    check_out(before, release_before(), authority=site.engine.authority())
    configure(before, site.python, *here, "VERSION=0.0.1")
    configure(site.project, site.python, *here)
    site.compose("build", project=before, seconds=BUILD_SECONDS)
    site.compose(*UP, project=before)
    key = printed_key(site, before)
    old = Installation(site, url, key, "", dicom_port)
    wait_for(old.is_ready, 90, "the version before to be ready")
    with old.client as client:
        study = client.submit([PNG]).id
        report_of(client, study)
    site.compose(*UP)
    upgraded = Installation(site, url, key, study, dicom_port)
    wait_for(upgraded.is_ready, 90, "the upgraded version to be ready")
    try:
        yield upgraded
    finally:
        print(site.compose("logs", "--tail", "200"))
        site.compose("--profile", "monitoring", "down", "--volumes", "--timeout", "5")


def test_what_was_reported_before_an_upgrade_is_there_after_it(installation: Installation):
    running = installation.site.engine.json("ps")
    ours = {each["Image"] for each in running if "cxr-reporter" in each["Image"]}
    assert {image.rpartition(":")[2] for image in ours} == {"0.1.0"}
    assert printed_key(installation.site, installation.site.project) == installation.key
    with installation.client as client:
        assert client.report(installation.before_the_upgrade).sections.impression


def test_without_the_key_nothing_is_taken(installation: Installation):
    answer = httpx.post(f"{installation.url}/v1/studies", files={"files": PNG.read_bytes()})
    assert answer.status_code == 401


@pytest.mark.parametrize("radiograph", [PNG, DICOM], ids=lambda path: path.suffix)
def test_a_study_that_is_sent_is_reported_by_the_bundled_language_model(
    installation: Installation, radiograph: Path
):
    with installation.client as client:
        report = report_of(client, client.submit([radiograph]).id)
    assert report.sections.impression
    assert report.author.name.startswith("smollm2"), "not the template's: the model's"


def store(installation: Installation, calling: str, file: Path) -> "subprocess.CompletedProcess[str]":
    """Send a file as a scanner does."""
    address = ("127.0.0.1", str(installation.dicom_port))
    command = ["storescu", "-aet", calling, "-aec", "CXR", *address, str(file)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_what_a_scanner_sends_is_reported_and_a_stranger_is_turned_away(
    installation: Installation, tmp_path: Path
):
    plain = tmp_path / "plain.dcm"
    subprocess.run(["dcmdjpls", DICOM, plain], check=True)
    # A study of its own: the sample itself may be here already.
    subprocess.run(["dcmodify", "--no-backup", "-gst", "-gse", "-gin", plain], check=True)
    with installation.client as client:
        client.dicom_peers.add("SCANNER")
        wait_for(lambda: store(installation, "SCANNER", plain).returncode == 0, 60, "the gateway to take it")
        study = next(client.studies())
        assert report_of(client, study.id).sections.impression
        begun = client.study(study.id).timeline[0]
        assert begun.actor is not None
        assert begun.actor.id == "gateway"
        assert store(installation, "STRANGER", plain).returncode != 0
        assert next(client.studies()).id == study.id


def test_the_page_takes_a_radiograph_and_shows_its_report(installation: Installation):
    with chromium() as browser:
        tab = Tab(browser.new_context(), installation.url)
        tab.page.goto(installation.url)
        tab.page.locator("#api-key").fill(installation.key)
        tab.page.get_by_role("button", name="Use this key").click()
        tab.choose(PNG)
        tab.send()
        tab.wait_until_final()
        tab.wait_for_radiograph()
        assert tab.section("impression")
        assert tab.problems == []


KNOWN = {
    "api": {
        *("8000", r"8000 HTTP GET /(?!v1/)\S*: \d+", r"8000 HTTP \S+ \S+: 4\d\d"),
        *("9100", r"9100 HTTP \S+ \S+: \d+"),
    },
    "worker-cnn": {"9100", r"9100 HTTP \S+ \S+: \d+"},
    "worker-llm": {"9100", r"9100 HTTP \S+ \S+: \d+"},
    "sweeper": {"9100", r"9100 HTTP \S+ \S+: \d+"},
    # What speaks neither DICOM nor MLLP is answered nothing, and waited for a while by the latter.
    "gateway": {
        *("11112", "2575", r"2575 gRPC \S+: StatusCode\.DEADLINE_EXCEEDED"),
        *("9100", r"9100 HTTP \S+ \S+: \d+"),
    },
    "postgres": {"5432"},
    "broker": {"6379"},
    "storage": {r"\d+", *(f"8333 {line}" for line in S3)},
}
"""Part -> what a stranger in its network may hear: the page, health and metrics, nothing behind a key."""


@pytest.mark.parametrize("part", PARTS)
def test_at_no_port_of_a_container_is_anything_for_a_stranger(installation: Installation, part: str):
    heard = installation.site.engine.heard_by_a_stranger(f"cxr-reporter-{part}-1")
    assert [line for line in heard if not any(re.fullmatch(known, line) for known in KNOWN[part])] == []
    expected = {"storage": {"8333", "8888", "9333"}}.get(
        part, {each for each in KNOWN[part] if each.isdigit()}
    )
    assert expected <= set(heard), "a port that it has was not found"


@pytest.mark.parametrize("part", PARTS)
def test_a_container_holds_its_own_secrets_alone(installation: Installation, part: str):
    container = f"cxr-reporter-{part}-1"
    listed = installation.site.engine.run("exec", container, "ls", "-A", "/run/secrets").split()
    assert sorted(listed) == sorted(NEEDS[part])


@pytest.mark.parametrize("part", PARTS)
def test_a_part_that_is_killed_comes_back_and_the_next_study_is_reported(
    installation: Installation, part: str
):
    engine = installation.site.engine
    container = f"cxr-reporter-{part}-1"
    process = engine.run("inspect", "--format", "{{.State.Pid}}", container).strip()
    with installation.client as client:
        under_way = client.submit([DICOM]).id
        # Its process, as a fault does it: what a person kills by `docker kill` stays down.
        engine.on_node("kill", "-9", process)
        wait_for(installation.is_ready, 60, "the installation to be ready again")
        assert report_of(client, under_way).sections.impression
        assert report_of(client, client.submit([PNG]).id).sections.impression
    wait_for(
        lambda: engine.run("inspect", "--format", "{{.State.Pid}}", container).strip() not in {process, "0"},
        60,
        f"{part} to be started again",
    )


def test_down_and_up_keep_the_key_and_the_data(installation: Installation):
    installation.site.compose("down", "--timeout", "20")
    installation.site.compose(*UP)
    wait_for(installation.is_ready, 90, "the installation to be ready")
    assert printed_key(installation.site, installation.site.project) == installation.key
    with installation.client as client:
        assert client.report(installation.before_the_upgrade).sections.impression
        assert report_of(client, client.submit([PNG]).id).sections.impression


def test_prometheus_finds_every_process_that_has_metrics(installation: Installation):
    installation.site.compose("--profile", "monitoring", *UP, "prometheus")
    ask = (
        "exec",
        "cxr-reporter-prometheus-1",
        "wget",
        "-q",
        "-O",
        "-",
        "http://127.0.0.1:9090/api/v1/targets",
    )

    def healths() -> dict[str, str]:
        try:
            targets = json.loads(installation.site.engine.run(*ask))["data"]["activeTargets"]
        except EngineError:
            return {}
        return {target["labels"]["job"]: target["health"] for target in targets}

    jobs = ("api", "worker-cnn", "worker-llm", "sweeper", "gateway")
    wait_for(lambda: healths() == dict.fromkeys(jobs, "up"), 60, "all targets to be up")


def test_every_part_becomes_healthy(installation: Installation):
    engine = installation.site.engine

    def unhealthy() -> list[str]:
        return [each["Names"][0] for each in engine.json("ps") if "(healthy)" not in each["Status"]]

    wait_for(lambda: not unhealthy(), 60, "every container to be healthy")
