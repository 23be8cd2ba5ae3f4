"""The guides: every snippet of values is rendered, every manifest held against its schema, every name exists.

A block of YAML is one of the two: a manifest has an apiVersion, values have none and install by themselves.
"""

import re
import shlex
from pathlib import Path

import pytest
import yaml

from helm import reference
from tests.support.helm import CHART, HelmError, one, render, run_helm
from tests.support.schemas import faults
from tests.support.services import ROOT

PAGES = sorted(
    [*(ROOT / "docs").rglob("*.md"), *ROOT.glob("*.md"), *ROOT.glob("[!.]*/README.md"), CHART / "README.md"]
)
KEYS = {".".join(key.path) for key in reference.keys((CHART / "values.yaml").read_text())}
TOPS = {key.partition(".")[0] for key in KEYS}
OPEN = ("annotations", "labels", "parameters", "settings", "resources", "nodeSelector", "storage")
"""Keys below which the names are not the chart's own."""


def blocks(*languages: str) -> list[tuple[str, str]]:
    """Return (where, text) of every block of these languages in the guides."""
    found: list[tuple[str, str]] = []
    block: list[str] = []
    fence = None
    for page in PAGES:
        for line in page.read_text().splitlines():
            opening = re.match(r"( *)```(\w*)$", line)
            if opening and fence is None:
                fence, block = opening, []
            elif opening and fence is not None:
                if fence[2] in languages:
                    found.append((page.name, "\n".join(text.removeprefix(fence[1]) for text in block)))
                fence = None
            else:
                block.append(line)
        assert fence is None, f"{page}: a block that does not end"
    return found


def is_manifest(text: str) -> bool:
    return "apiVersion" in next(yaml.safe_load_all(text))


VALUES = [
    pytest.param(text, id=f"{where}-{n}")
    for n, (where, text) in enumerate(blocks("yaml"))
    if not is_manifest(text)
]
MANIFESTS = [
    pytest.param(text, id=f"{where}-{n}")
    for n, (where, text) in enumerate(blocks("yaml"))
    if is_manifest(text)
]
MANIFESTS.append(pytest.param((CHART / "examples" / "side-car.yaml").read_text(), id="side-car.yaml"))


@pytest.mark.parametrize("text", VALUES)
def test_values_of_a_guide_install(text: str, tmp_path: Path):
    values = tmp_path / "values.yaml"
    values.write_text(text)
    assert "0 chart(s) failed" in run_helm("lint", "--strict", CHART, "--values", values)
    for each in render(values):
        assert faults(each) == [], each["metadata"]["name"]


@pytest.mark.parametrize("text", MANIFESTS)
def test_a_manifest_of_a_guide_is_one(text: str):
    for each in yaml.safe_load_all(text):
        assert faults(each) == [], each["metadata"]["name"]


def test_there_are_snippets_to_look_at():
    assert len(VALUES) > 8
    assert MANIFESTS


def test_the_example_of_a_side_car_lets_the_report_worker_in_and_nothing_out():
    example = yaml.safe_load_all((CHART / "examples" / "side-car.yaml").read_text())
    deployment, service, policy = (each["spec"] for each in example)
    labels = deployment["template"]["metadata"]["labels"]
    assert labels == deployment["selector"]["matchLabels"] == service["selector"]
    assert (labels, policy["egress"]) == (policy["podSelector"]["matchLabels"], [])
    (rule,) = policy["ingress"]
    (peer,) = rule["from"]
    worker = one(render(), "Deployment", "worker-llm")["spec"]["template"]["metadata"]["labels"]
    assert peer["podSelector"]["matchLabels"].items() <= worker.items()


def test_what_a_command_sets_is_a_value():
    settings = []
    for _, text in blocks("", "sh"):
        for line in text.replace("\\\n", " ").splitlines():
            if "helm " in line and "--set" in line:
                words = shlex.split(line, comments=True)
                settings += [words[n + 1] for n, word in enumerate(words[:-1]) if word == "--set"]
    assert settings
    for setting in settings:
        run_helm("template", "cxr", CHART, "--set", setting)


def is_of_ours(name: str) -> bool:
    """Whether a dotted name is a module of ours or a table: some values of the chart begin like them."""
    place = ROOT.joinpath(*name.split("."))
    return place.is_dir() or place.with_suffix(".py").is_file() or name.endswith((".csv", ".parquet"))


def test_a_value_that_is_named_exists():
    for page in PAGES:
        for name in re.findall(r"`([A-Za-z0-9]+(?:\.[A-Za-z0-9]+)+)(?:: [^`]*)?`", page.read_text()):
            if is_of_ours(name):
                continue
            if name.partition(".")[0] in TOPS and not any(part in OPEN for part in name.split(".")):
                assert any(key == name or key.startswith(f"{name}.") for key in KEYS), f"{page.name}: {name}"


def test_the_sizes_are_what_was_measured_and_what_the_chart_asks_for():
    page = (ROOT / "docs" / "how-to" / "size-a-cluster.md").read_text()
    measured = (ROOT / "bench" / "README.md").read_text()
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    parts = {
        "worker-cnn": values["workerCnn"],
        "api": values["api"],
        "storage": values["s3"]["bundled"],
        "postgres": values["postgres"]["bundled"],
        "worker-llm": values["workerLlm"],
        "sweeper": values["sweeper"],
        "broker": values["valkey"]["bundled"],
    }
    rows = re.findall(r"^\| ([\w-]+)[, ].*?\| ([\d.]+) \| ([\d,]+) \| (\w+) \|$", page, re.MULTILINE)
    assert {name for name, *_ in rows} == parts.keys()
    for name, cpu, an_hour, requested in rows:
        assert f"{name} {cpu}" in measured
        assert int(an_hour.replace(",", "")) == round(3_600_000 / float(cpu), -2)
        assert requested == parts[name]["resources"]["requests"]["cpu"]


def test_every_page_that_is_linked_to_exists():
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_values_that_do_not_install_are_found(tmp_path: Path):
    wrong = tmp_path / "values.yaml"
    wrong.write_text("api: {replica: 2}")
    with pytest.raises(HelmError, match="replica"):
        render(wrong)
