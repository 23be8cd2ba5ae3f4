"""The writer protocol: the schemas of its page hold for what both sides say, and a server guesses nothing."""

import copy
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from docker.side_cars.radialog import NAMES
from shared.domain.findings import FindingStatus, ViewPosition
from shared.labels import CHEXPERT14
from shared.reporting.certainty import Certainty
from worker_llm.vision import protocol
from worker_llm.vision.protocol import (
    Asked,
    Finding,
    Health,
    Image,
    MalformedError,
    ModelVersion,
    Passage,
    Region,
    Said,
    asked_of,
    health_of,
)

ROOT = Path(__file__).parents[4]
PAGE = (ROOT / "docs/reference/writer-protocol.md").read_text(encoding="utf-8")
SCHEMAS = {
    name: Draft202012Validator(json.loads(text))
    for name, text in zip(
        ("health", "request", "answer"), re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL), strict=True
    )
}
PNG = b"\x89PNG\r\n\x1a\nrest"
ASKED = Asked(
    (Image(0, "PA", PNG), Image(1, "LATERAL", PNG), Image(2, "AP", PNG, earlier=True)),
    indication="cough",
    technique="PA and lateral views.",
    prior_report="Clear lungs.",
    findings=(Finding("Effusion", "present", "probable"), Finding("Edema", "absent", "not detected")),
    objections=("it denies an effusion",),
    attempt=2,
)
MODEL = ModelVersion("chexagent", "0123456789ab")


def wire(body: object) -> Any:
    return json.loads(json.dumps(body))


def test_what_each_side_says_is_what_the_page_says():
    SCHEMAS["request"].validate(wire(ASKED.as_json()))
    SCHEMAS["request"].validate(wire(Asked((Image(0, "UNKNOWN", PNG),)).as_json()))
    SCHEMAS["health"].validate(wire(Health(MODEL, ready=False).as_json()))
    boxed = Said(
        (Passage("A nodule.", (Region(0, (0.1, 0.2, 0.3, 0.4)),)), Passage("Clear.")), ("A nodule.",)
    )
    for said in (boxed, Said((Passage("Clear."),)), Said(())):
        SCHEMAS["answer"].validate(wire(said.as_json(MODEL)))


def test_a_request_is_read_back_as_it_was():
    assert asked_of(wire(ASKED.as_json())) == ASKED
    assert health_of(wire(Health(MODEL, ready=True).as_json())) == Health(MODEL, ready=True)
    assert [image.index for image in ASKED.of_this_study()] == [0, 1]
    assert ASKED.positive() == ("Effusion",)


def test_the_words_on_the_wire_are_the_products():
    assert list(protocol.VIEWS) == [view.value for view in ViewPosition]
    assert set(protocol.STATUSES) == {status.value for status in FindingStatus}
    assert list(protocol.CERTAINTIES) == [certainty.value for certainty in Certainty]


BREAKING: dict[str, Callable[[dict[str, Any]], object]] = {
    "protocol": lambda body: body.update(protocol=2),
    "images": lambda body: body.update(images=[]),
    "images: no list": lambda body: body.update(images={}),
    "images: no list of at most": lambda body: body.update(images=body["images"] * 6),
    "images: two": lambda body: body["images"][1].update(index=0),
    "images: none is of this study": lambda body: body.update(images=body["images"][2:]),
    "images: no object": lambda body: body.update(images=["x"]),
    "images.index": lambda body: body["images"][0].update(index=True),
    "images.view": lambda body: body["images"][0].update(view="OBLIQUE"),
    "images.png: no base64": lambda body: body["images"][0].update(png="%%"),
    "images.png: no PNG": lambda body: body["images"][0].update(png="aGVsbG8="),
    "images.png: no text": lambda body: body["images"][0].update(png=None),
    "indication": lambda body: body.update(indication=7),
    "findings.status": lambda body: body["findings"][0].update(status="perhaps"),
    "findings.label": lambda body: body["findings"][0].pop("label"),
    "objections": lambda body: body.update(objections=[None]),
    "attempt": lambda body: body.update(attempt=0),
}


@pytest.mark.parametrize(("name", "break_it"), BREAKING.items(), ids=list(BREAKING))
def test_a_broken_request_is_refused_by_the_name_of_its_field(name: str, break_it: Callable[..., object]):
    body = copy.deepcopy(wire(ASKED.as_json()))
    break_it(body)
    with pytest.raises(MalformedError, match=re.escape(name)):
        asked_of(body)


@pytest.mark.parametrize("body", [None, [], "x", {"protocol": 1, "model": {"id": "", "version": "1"}}])
def test_what_is_no_health_is_refused(body: object):
    with pytest.raises(MalformedError):
        health_of(body)


def test_a_side_car_needs_no_package_beside_its_models():
    files = ("worker_llm.vision.protocol", "worker_llm.vision.slots", "docker.side_cars.__main__")
    code = "; ".join(f"import {name}" for name in files)
    # -S: nothing that was installed can be found.
    done = subprocess.run([sys.executable, "-S", "-c", code], cwd=ROOT, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_models_own_code_runs_in_side_cars_alone():
    found = {
        path.relative_to(ROOT).parts[:2]
        for folder in ("api", "bench", "cxr", "docker", "shared", "training", "worker_cnn", "worker_llm")
        for path in (ROOT / folder).rglob("*.py")
        if re.search(r"trust_remote_code\s*=\s*True", path.read_text(encoding="utf-8"))
    }
    assert found == {("docker", "side_cars")}


def test_radialog_is_told_the_labels_of_its_training():
    assert set(NAMES) == set(CHEXPERT14[1:])
