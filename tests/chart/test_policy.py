"""Checkov, a policy linter, over everything that the chart renders: each finding left has its reason here."""

import json
import subprocess

import pytest

from tests.support.helm import VALUES, render_text
from tests.support.services import ROOT

CHECKOV = ROOT / ".venv" / "policy" / "bin" / "checkov"
"""In an environment of its own: it pins old versions of what the services use."""

EXPLAINED = {
    "CKV_K8S_11": "no CPU limits: they slow uploads and batches down while the node's cores stand idle",
    "CKV_K8S_43": "tags, not digests: images are the operator's own builds; values take digests",
    "CKV_K8S_15": "IfNotPresent: tags are versions, and a node that has one starts without the registry",
    "CKV_K8S_35": "Secrets as variables: all configuration is environment variables, libpq's included",
    "CKV_K8S_40": "a UID below 10000: that of the user in the upstream images of the bundled servers",
}
"""Accepted wherever they are found."""

EXPLAINED_THERE = {
    ("CKV_K8S_8", "Pod.radiology.cxr-cxr-reporter-test"): "the pod of helm test runs once",
    ("CKV_K8S_9", "Pod.radiology.cxr-cxr-reporter-test"): "the same",
}
"""Accepted on one object."""


@pytest.fixture(scope="module")
def findings(tmp_path_factory: pytest.TempPathFactory) -> set[tuple[str, str]]:
    """Return (check, object) of every failed check."""
    folder = tmp_path_factory.mktemp("rendered")
    # Between them these render every template.
    for values in ("minimal", "production", "gpu"):
        (folder / f"{values}.yaml").write_text(render_text(VALUES / f"{values}-values.yaml"))
    ended = subprocess.run(
        [CHECKOV, "--directory", folder, "--framework", "kubernetes", "--skip-download", "--output", "json"],
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    report = json.loads(ended.stdout)
    assert report["summary"]["parsing_errors"] == 0
    assert report["summary"]["passed"] > 1000
    return {(each["check_id"], each["resource"]) for each in report["results"]["failed_checks"]}


def test_every_finding_is_explained(findings):
    assert {each for each in findings if each[0] not in EXPLAINED and each not in EXPLAINED_THERE} == set()


def test_every_explanation_still_explains_something(findings):
    assert EXPLAINED.keys() | {check for check, _ in EXPLAINED_THERE} == {check for check, _ in findings}
