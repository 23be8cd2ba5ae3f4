"""FHIR documents against the definitions of FHIR R4 itself, and these against planted faults."""

import json
from typing import Any

import pytest

from shared.rendering.fhir.bundle import render
from tests.support.documents import ALL, AMENDED
from tests.support.fhir import faults


def planted(resource: int, path: str, value: object) -> dict[str, Any]:
    """Return a document that is right but for one element; `value` None takes it out."""
    bundle: dict[str, Any] = json.loads(render(AMENDED))
    *steps, last = path.split(".")
    element: Any = bundle["entry"][resource]["resource"]
    for step in steps:
        element = element[int(step) if step.isdigit() else step]
    element[last] = value
    if value is None:
        del element[last]
    return bundle


COMPOSITION, REPORT, PATIENT, STUDY, ORDER, OBSERVATION = range(6)
PLANTED = {
    "an element is missing": (planted(COMPOSITION, "title", None), "Missing required property"),
    "an element is unknown": (planted(PATIENT, "nickname", "Taro"), "Invalid additional property"),
    "a date is none": (planted(REPORT, "issued", "yesterday"), "Invalid instant format"),
    "an invariant does not hold": (
        planted(COMPOSITION, "section.0.emptyReason", {"text": "none"}),
        "Constraint cmp-2 not met",
    ),
    "a status is none": (planted(OBSERVATION, "status", "signed"), "signed is not of"),
    "a mode is none": (planted(COMPOSITION, "attester.0.mode", "witness"), "witness is not of"),
    "a code is none of its system": (
        planted(OBSERVATION, "category.0.coding.0.code", "picture"),
        "observation-category has no picture",
    ),
    "a code is called something else": (
        planted(COMPOSITION, "meta.security.1.display", "seen by a clinician"),
        "CLINAST is clinician asserted, not seen by a clinician",
    ),
    "a reference is to the wrong type": (
        planted(OBSERVATION, "subject.reference", json.loads(render(AMENDED))["entry"][0]["fullUrl"]),
        "Invalid reference",
    ),
    "a reference leads nowhere": (
        planted(STUDY, "subject.reference", "urn:uuid:0199d3c4-7a10-7c44-9d6e-000000000000"),
        "Invalid reference",
    ),
}


@pytest.fixture(scope="module")
def found() -> dict[str, list[str]]:
    """What there is to object to in each document; one process of Node is asked for all."""
    bundles = {name: json.loads(render(document)) for name, document in ALL.items()}
    bundles |= {name: bundle for name, (bundle, _) in PLANTED.items()}
    return dict(zip(bundles, faults(list(bundles.values())), strict=True))


@pytest.mark.parametrize("name", ALL)
def test_a_document_is_what_fhir_defines(found: dict[str, list[str]], name: str):
    assert found[name] == []


@pytest.mark.parametrize("name", PLANTED)
def test_what_is_wrong_is_found(found: dict[str, list[str]], name: str):
    _, expected = PLANTED[name]
    assert any(expected in fault for fault in found[name]), found[name]
