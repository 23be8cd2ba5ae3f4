"""A report made of a writer's sentences: by organ, weighed, with what rules write around them."""

from dataclasses import replace

import pytest

from shared.domain.findings import Box, Finding, FindingStatus, Place, Side, ViewPosition, Zone
from shared.domain.reports import Grade, Language, Region, Section
from shared.rendering.passages import passages
from shared.reporting.comparison import none_available
from shared.reporting.composition import Composed, by_rule, composed, nothing_detected
from shared.reporting.request import Passage, Prose, ReportRequest, View
from shared.reporting.verifier import grade
from shared.reporting.weighing import impression_of
from tests.support.llm_reports import request_for

PRESENT, ABSENT, UNCERTAIN = FindingStatus.PRESENT, FindingStatus.ABSENT, FindingStatus.UNCERTAIN
STATUSES = {
    "Effusion": PRESENT,
    "Pneumothorax": UNCERTAIN,
    "Emphysema": PRESENT,
    "Mass": ABSENT,
    "Fibrosis": ABSENT,
    "Pleural_Thickening": ABSENT,
    "Cardiomegaly": ABSENT,
}
FOUND = replace(request_for(STATUSES, Language.ENGLISH), critical=("Pneumothorax",))
PROSE = Prose(
    "There is a pleural effusion. Emphysema is seen. Possible pneumothorax.",
    "Emphysema. Pleural effusion. No cardiomegaly. Possible pneumothorax.",
)


def made(prose: Prose, request: ReportRequest) -> Composed:
    return composed(prose, grade(prose, request), request)


def likely(**probabilities: float) -> ReportRequest:
    """Make a request of labels that are present, as probable as this."""
    findings = [Finding(label, p, 0.05, 0.05, PRESENT) for label, p in probabilities.items()]
    return ReportRequest("s", tuple(findings), views=(View(ViewPosition.PA),))


def test_findings_are_told_by_organ_and_end_with_what_was_not_detected_there():
    assert made(PROSE, FOUND).sections.findings.splitlines() == [
        "Lungs: Emphysema is seen. No lung mass or pulmonary fibrosis detected.",
        "Pleura: There is a pleural effusion. Possible pneumothorax. No pleural thickening detected.",
        "Heart and mediastinum: No cardiomegaly detected.",
    ]


def test_what_is_critical_leads_the_impression_on_a_line_of_its_own():
    report = made(PROSE, FOUND)
    assert report.sections.impression.splitlines() == [
        "Critical finding: Possible pneumothorax.",
        "Pleural effusion. Emphysema. No cardiomegaly.",
    ]


def test_every_sentence_stands_in_its_section_in_order_and_what_rules_write_is_supported():
    report = made(PROSE, replace(FOUND, comparison=none_available(Language.ENGLISH)))
    assert {sentence.grade for sentence in report.sentences} == {Grade.SUPPORTED}
    assert list(Section) == sorted(
        {sentence.section for sentence in report.sentences}, key=list(Section).index
    )
    for section in Section:
        text, at = getattr(report.sections, section), 0
        for sentence in (one for one in report.sentences if one.section is section):
            at = text.index(sentence.text, at) + len(sentence.text)
    denial = next(one for one in report.sentences if one.text.startswith("No lung mass"))
    assert denial.labels == ("Mass", "Fibrosis")


def test_a_text_that_departs_keeps_its_order_and_what_rules_write_follows_it():
    prose = Prose(
        "The trachea is midline. There is a pleural effusion.", "Trachea midline. Pleural effusion."
    )
    report = made(prose, FOUND)
    first, *denials = report.sections.findings.splitlines()
    assert first == prose.findings
    assert denials[0] == "Lungs: No lung mass or pulmonary fibrosis detected."
    assert report.sections.impression.splitlines() == [
        "Critical finding: Possible pneumothorax.",
        "Trachea midline. Pleural effusion.",
    ]
    own = [sentence for sentence in report.sentences if sentence.section is Section.FINDINGS]
    marked = [part.text for part in passages(report.sections.findings, own) if part.grade]
    assert marked == ["The trachea is midline."]


def test_where_nothing_was_detected_each_organ_says_what_was_looked_for():
    request = request_for(dict.fromkeys(("Effusion", "Mass", "Hernia"), ABSENT), Language.SPANISH)
    report = nothing_detected(request)
    assert report.sections.findings.splitlines() == [
        "Pulmones: No se detecta masa pulmonar.",
        "Pleura: No se detecta derrame pleural.",
        "Corazón y mediastino: No se detecta hernia diafragmática (de hiato).",
    ]
    assert report.sections.impression == "No se ha detectado ninguno de los 3 hallazgos buscados."
    assert list(by_rule(request)) == [
        one.text for one in report.sentences if one.section is not Section.TECHNIQUE
    ]


def test_one_label_that_was_looked_for_is_not_called_none_of_several():
    sections = nothing_detected(request_for({"Effusion": ABSENT}, Language.ENGLISH)).sections
    assert sections.findings == "Pleura: No pleural effusion detected."
    assert sections.impression == "No pleural effusion detected."


def test_where_all_that_was_looked_for_was_detected_nothing_is_denied():
    # A mass may be the same shadow as the nodule.
    request = request_for({"Effusion": PRESENT, "Nodule": UNCERTAIN, "Mass": ABSENT}, Language.ENGLISH)
    good = "There is a pleural effusion. Possible lung nodule."
    assert made(Prose(good, good), request).sections.findings.splitlines() == [
        "Lungs: Possible lung nodule.",
        "Pleura: There is a pleural effusion.",
    ]


def test_a_side_that_no_file_confirms_is_called_as_displayed():
    shown = Place(Side.LEFT, Zone.APICAL, as_displayed=True)
    request = request_for(STATUSES, Language.ENGLISH, places={"Pneumothorax": shown})
    assert made(PROSE, request).sections.technique.endswith("no file says which side is which.")
    known = request_for(
        STATUSES, Language.ENGLISH, places={"Pneumothorax": replace(shown, as_displayed=False)}
    )
    assert made(PROSE, known).sections.technique == "Chest radiograph, view not stated."


@pytest.mark.parametrize(
    ("found", "critical", "expected"),
    [
        # The gravest first, and what is only possible last.
        (
            {"Cardiomegaly": 0.95, "Mass": 0.6, "Pneumothorax": 0.3},
            (),
            ("Mass", "Cardiomegaly", "Pneumothorax"),
        ),
        (
            {"Cardiomegaly": 0.95, "Mass": 0.6, "Pneumothorax": 0.3},
            ("Pneumothorax",),
            ("Pneumothorax", "Mass", "Cardiomegaly"),
        ),
        # One shadow has one name: that of the gravest of those that are as sure.
        ({"Pneumonia": 0.6, "Infiltration": 0.6, "Consolidation": 0.3}, (), ("Pneumonia",)),
        ({"Pneumonia": 0.3, "Infiltration": 0.6}, (), ("Infiltration", "Pneumonia")),
        ({"Pneumonia": 0.95, "Infiltration": 0.95}, (), ("Pneumonia", "Infiltration")),
        ({"Pneumonia": 0.6, "Consolidation": 0.3}, ("Consolidation",), ("Consolidation", "Pneumonia")),
    ],
)
def test_an_impression_weighs(found, critical, expected):
    assert impression_of(replace(likely(**found), critical=critical)) == expected


def test_shadows_in_two_places_are_two():
    request = likely(Pneumonia=0.6, Infiltration=0.6)
    places = {"Pneumonia": Place(Side.LEFT), "Infiltration": Place(Side.RIGHT)}
    apart = tuple(replace(finding, place=places[finding.label]) for finding in request.findings)
    assert impression_of(replace(request, findings=apart)) == ("Pneumonia", "Infiltration")


CT = "CT of the chest is recommended to confirm and characterize the lung mass."
LATERAL = "A lateral view is recommended to confirm the pneumonia or pleural effusion."


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (likely(Mass=0.6), [CT]),
        (likely(Mass=0.3), []),
        (likely(Pneumonia=0.6, Effusion=0.6), [LATERAL]),
        (likely(Pneumonia=0.3, Effusion=0.3), []),
        (likely(Pneumonia=0.95, Effusion=0.95), []),
        (replace(likely(Pneumonia=0.6), lateral_given=True), []),
        (replace(likely(Pneumonia=0.6), views=(View(ViewPosition.UNKNOWN),)), []),
        (likely(Tuberculosis=0.1), []),
        (likely(Tuberculosis=0.6), ["A microbiological test for tuberculosis is recommended."]),
        (replace(likely(Mass=0.6), recommendations=False), []),
        (likely(Cardiomegaly=0.95), []),
    ],
)
def test_what_may_follow_is_of_a_fixed_list(request_, expected):
    sentences = by_rule(request_)
    assert [text for text in sentences if "recommended" in text] == expected


def test_a_writer_without_an_impression_gets_one_by_rule():
    request = replace(likely(Pneumothorax=0.95, Effusion=0.6), critical=("Pneumothorax",))
    prose = Prose("There is a pneumothorax. The aorta is wide.", "", concludes=False)
    report = made(prose, request)
    assert report.sections.findings.startswith(prose.findings)
    assert report.sections.impression.splitlines()[:2] == [
        "Critical finding: Pneumothorax.",
        "Probable pleural effusion.",
    ]
    assert {one.grade for one in report.sentences if one.section is Section.IMPRESSION} == {Grade.SUPPORTED}


def test_where_nothing_was_detected_the_impression_by_rule_says_so():
    request = request_for(
        {"Pneumothorax": FindingStatus.ABSENT, "Mass": FindingStatus.ABSENT}, Language.ENGLISH
    )
    report = made(Prose("The aorta is wide.", "", concludes=False), request)
    assert report.sections.impression == nothing_detected(request).sections.impression


def test_a_sentence_keeps_the_regions_of_the_passages_that_it_stands_in():
    left, right = (Region(0, Box(x, 0.1, x + 0.2, 0.4)) for x in (0.1, 0.6))
    passages = (
        Passage("The aorta is wide. There is a pneumothorax.", (left,)),
        Passage("The aorta is wide.", (left, right)),
    )
    prose = Prose("The aorta is wide. There is a pneumothorax. No mass.", "", passages, concludes=False)
    report = made(prose, likely(Pneumothorax=0.95, Mass=0.05))
    regions = {one.text: one.regions for one in report.sentences if one.section is Section.FINDINGS}
    assert regions["The aorta is wide."] == (left, right)
    assert regions["There is a pneumothorax."] == (left,)
    assert regions["No mass."] == ()
