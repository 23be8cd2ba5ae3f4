"""The assessment of an AI's findings as JSON."""

import json
from dataclasses import replace

import pytest

from shared.errors import NotPossibleError
from shared.rendering.airai import render
from shared.rendering.document import ReportDocument
from shared.rendering.formats import FORMATS
from tests.support.documents import AMENDED, DRAFTED, EDITED, SIGNED, WITHDRAWN


def test_each_finding_is_accepted_rejected_supplemented_or_undetermined():
    content = json.loads(render(SIGNED))
    assert {one["label"]: one["assessment"] for one in content["assessments"]} == {
        "Pneumothorax": "accepted",
        "Nodule": "rejected",
        "Effusion": "supplemented",
        "Rib_Notching": "undetermined",
        "Fracture": "supplemented",
    }


def test_an_assessment_holds_what_was_found_and_what_is_said():
    by_label = {one["label"]: one for one in json.loads(render(SIGNED))["assessments"]}
    assert by_label["Effusion"] == {
        "label": "Effusion",
        "snomed_ct": "60046008",
        "assessment": "supplemented",
        "found": {
            "status": "present",
            "probability": 0.8125,
            "image": 0,
            "place": {"side": "left", "zone": None},
        },
        "said": {"status": "present", "place": {"side": "right", "zone": None}},
    }
    assert (by_label["Rib_Notching"]["snomed_ct"], by_label["Rib_Notching"]["said"]) == (None, None)
    assert (by_label["Fracture"]["found"], by_label["Fracture"]["said"]["status"]) == (None, "present")


def test_it_says_of_which_report_and_by_whom():
    content = json.loads(render(AMENDED))
    assert content["report"]["version"] == 5
    assert content["accession_number"] == "A-2026/17"
    assert [act["act"] for act in content["assessed_by"]] == ["signed", "amended", "addendum"]
    assert content["ai"]["classifier"]["digest"] == "d" * 64
    assert content["ai_mark"].endswith("/compositeWithTrainedAlgorithmicMedia")


def test_a_version_that_is_not_the_report_any_more_has_none():
    with pytest.raises(NotPossibleError, match="version 4 is the report now"):
        render(replace(SIGNED, superseded_by=4))


@pytest.mark.parametrize("document", [DRAFTED, EDITED, WITHDRAWN], ids=["drafted", "edited", "withdrawn"])
def test_what_nobody_signed_has_no_assessment(document: ReportDocument):
    with pytest.raises(NotPossibleError, match=f"the report is {document.status}"):
        FORMATS["airai"].render(document)
