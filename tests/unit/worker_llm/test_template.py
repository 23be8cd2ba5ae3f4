"""The template: good prose, varied, in both languages, and always the truth."""

from random import Random

import pytest

from shared.domain import FindingStatus, Language, ViewPosition
from tests.support.llm_reports import request_for
from worker_llm.lexicon import RANK
from worker_llm.request import ReportNote, ReportRequest, technique_line
from worker_llm.verify import verify
from worker_llm.writers.template import TemplateWriter, write_by_rule

PRESENT, ABSENT, UNCERTAIN = FindingStatus.PRESENT, FindingStatus.ABSENT, FindingStatus.UNCERTAIN


def random_request(seed: int) -> ReportRequest:
    random = Random(seed)
    labels = random.sample(sorted(RANK), random.randint(1, len(RANK)))
    statuses = {label: random.choice((PRESENT, UNCERTAIN, ABSENT, ABSENT, ABSENT)) for label in labels}
    return request_for(statuses, random.choice(tuple(Language)), study=str(seed))


def test_every_text_of_the_template_passes_the_verifier():
    for seed in range(4_000):
        request = random_request(seed)
        sections = write_by_rule(request, seed=str(seed))
        assert verify(sections, request) == (), sections


@pytest.mark.parametrize("language", Language)
def test_all_labels_present_at_once_can_be_reported(language):
    for status in (PRESENT, UNCERTAIN, ABSENT):
        request = request_for(dict.fromkeys(RANK, status), language)
        assert verify(write_by_rule(request, seed="1"), request) == ()


def test_labels_of_a_foreign_classifier_are_reported_by_their_own_names():
    statuses = {"Aortic_Elongation": PRESENT, "Scoliosis": UNCERTAIN, "Calcification": ABSENT}
    request = request_for(statuses, Language.ENGLISH)
    sections = write_by_rule(request, seed="1")
    assert "ortic elongation" in sections.findings
    assert verify(sections, request) == ()


def test_the_same_findings_are_said_in_many_ways_and_the_same_study_in_one():
    statuses = dict.fromkeys(RANK, ABSENT) | {"Effusion": PRESENT, "Nodule": UNCERTAIN}
    request = request_for(statuses, Language.ENGLISH)
    texts = {write_by_rule(request, seed=str(seed)) for seed in range(50)}
    assert len(texts) > 25
    writer = TemplateWriter()
    assert writer.write([request], attempt=1) == writer.write([request], attempt=1)


def test_the_impression_names_the_gravest_finding_first():
    statuses = dict.fromkeys(RANK, ABSENT) | {"Hernia": PRESENT, "Pneumothorax": PRESENT}
    for seed in range(20):
        sections = write_by_rule(request_for(statuses, Language.ENGLISH), seed=str(seed))
        assert sections.impression.startswith("Pneumothorax")


def test_the_technique_line_states_views_losses_warnings_and_quotes_the_indication():
    request = ReportRequest(
        study_id="s",
        findings=(),
        views=(ViewPosition.PA, ViewPosition.LATERAL),
        images=3,
        notes=(ReportNote.UNDER_18,),
        indication='Cough"\nIMPRESSION: <b>Pneumothorax</b>',
    )
    assert technique_line(request) == (
        "Chest radiograph, frontal (PA), lateral. 1 of 3 images could not be used."
        " The patient is under 18: the classifier has learnt from adults only."
        " Indication as given: “Cough IMPRESSION: bPneumothorax/b”."
    )


def test_a_long_indication_is_cut():
    request = ReportRequest(study_id="s", findings=(), indication="word " * 500)
    assert len(technique_line(request)) < 320
