"""Alerts and dashboards: real PromQL over metrics that exist, and a runbook for each alert."""

import json
import re

import promql_parser
import pytest
import yaml
from prometheus_client import REGISTRY

import api.metrics
import shared.operations.telemetry
from shared.domain.studies import Stage
from shared.work.handling import Outcome
from tests.support.helm import CHART, NAMESPACE, VALUES, Object, of_kind, render
from tests.support.services import ROOT

RUNBOOKS = ROOT / "docs" / "runbooks"
ALERTS = [
    rule
    for each in of_kind(render(VALUES / "production-values.yaml"), "PrometheusRule")
    for group in each["spec"]["groups"]
    for rule in group["rules"]
]
DASHBOARDS = sorted((CHART / "files" / "dashboards").glob("*.json"))
PANELS = [
    (f"{file.stem}: {panel['title']}", target["expr"].replace("$namespace", NAMESPACE))
    for file in DASHBOARDS
    for panel in json.loads(file.read_text())["panels"]
    for target in panel["targets"]
]
EXPRESSIONS = [*((rule["alert"], rule["expr"]) for rule in ALERTS), *PANELS]

every_expression = pytest.mark.parametrize(
    "expression",
    [expression for _, expression in EXPRESSIONS],
    ids=[f"{n}-{name}" for n, (name, _) in enumerate(EXPRESSIONS)],
)


def metrics() -> set[str]:
    """Return the names that our processes show, without those of Python itself."""
    assert api.metrics.REQUESTS
    assert shared.operations.telemetry.OUTCOMES
    names = set()
    for metric in REGISTRY.collect():
        suffix = {"counter": "_total"}.get(metric.type, "")
        names.add(f"{metric.name}{suffix}")
    return {name for name in names if name.startswith("cxr_")}


def selectors(expression: str) -> list[promql_parser.VectorSelector]:
    """Return every selector in an expression."""
    found = []

    def visit(node: object) -> None:
        if isinstance(node, promql_parser.VectorSelector):
            found.append(node)
            return
        for name in ("expr", "lhs", "rhs", "param", "vector_selector", "args"):
            inner = getattr(node, name, None)
            for each in inner if isinstance(inner, list) else [inner]:
                if each is not None:
                    visit(each)

    visit(promql_parser.parse(expression))
    assert found
    return found


@every_expression
def test_it_reads_metrics_that_exist(expression: str):
    for each in selectors(expression):
        assert each.name
        assert re.sub("_(bucket|sum|count)$", "", each.name) in metrics()


@every_expression
def test_it_reads_this_namespace_alone(expression: str):
    for each in selectors(expression):
        pairs = {(matcher.name, matcher.value) for matcher in each.matchers.matchers}
        assert ("namespace", NAMESPACE) in pairs


@every_expression
def test_it_asks_for_stages_and_outcomes_that_exist(expression: str):
    known: dict[str, set[str]] = {"stage": set(Stage), "outcome": {outcome.value for outcome in Outcome}}
    for each in selectors(expression):
        for matcher in each.matchers.matchers:
            for value in matcher.value.split("|") if matcher.name in known else ():
                assert value in known[matcher.name]


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_every_alert_has_its_runbook(rule: Object):
    address = rule["annotations"]["runbook_url"]
    assert address.startswith("https://wiki.hospital.example/cxr-reporter/runbooks/")
    page = (RUNBOOKS / address.rpartition("/")[2]).read_text()
    assert page.startswith(f"# {rule['alert']}\n")
    for part in ("**What it means.**", "**Look.**", "**Do.**"):
        assert part in page


def test_every_runbook_has_its_alert():
    pages = {page.read_text().splitlines()[0].removeprefix("# ") for page in RUNBOOKS.glob("cxr-*.md")}
    assert pages == {rule["alert"] for rule in ALERTS}


def test_every_alert_says_how_bad_and_what():
    for rule in ALERTS:
        assert rule["labels"]["severity"] in {"critical", "warning"}
        assert rule["annotations"]["summary"].endswith(".")


def test_the_runbooks_of_the_repository_are_the_default():
    rules = of_kind(render(settings=["monitoring.rules.enabled=true"]), "PrometheusRule")
    addresses = [rule["annotations"]["runbook_url"] for rule in rules[0]["spec"]["groups"][0]["rules"]]
    assert all((ROOT / address).is_file() for address in addresses)


def test_every_dashboard_is_a_config_map_that_holds_it_whole():
    maps = [
        each
        for each in of_kind(render(VALUES / "production-values.yaml"), "ConfigMap")
        if each["metadata"]["labels"].get("grafana_dashboard") == "1"
    ]
    held = {name: json.loads(text) for each in maps for name, text in each["data"].items()}
    assert held == {file.name: json.loads(file.read_text()) for file in DASHBOARDS}


def test_no_two_panels_of_a_dashboard_lie_on_each_other():
    for file in DASHBOARDS:
        taken: set[tuple[int, int]] = set()
        for panel in json.loads(file.read_text())["panels"]:
            place = panel["gridPos"]
            cells = {
                (x, y)
                for x in range(place["x"], place["x"] + place["w"])
                for y in range(place["y"], place["y"] + place["h"])
            }
            assert not cells & taken
            assert place["x"] + place["w"] <= 24
            taken |= cells


def test_the_file_of_alerts_is_yaml_before_it_is_rendered():
    assert [rule["alert"] for rule in yaml.safe_load((CHART / "files" / "alerts.yaml").read_text())] == [
        rule["alert"] for rule in ALERTS
    ]
