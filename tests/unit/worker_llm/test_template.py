"""The template: plain prose in both languages, no surer than the numbers, and always the truth."""

import re
from dataclasses import replace
from random import Random

import pytest

from shared.domain.findings import Finding, FindingStatus, ViewPosition
from shared.domain.reports import Language, ReportSections
from shared.labels import CHESTXRAY14
from shared.reporting.composition import composed, nothing_detected, technique_lines
from shared.reporting.lexicon import RANK
from shared.reporting.relations import may_be_the_same
from shared.reporting.request import ReportRequest, View
from shared.reporting.verifier import grade
from tests.support.llm_reports import PLACES, departures, request_for, verify
from worker_llm.writers.template import TemplateWriter, write_by_rule

PRESENT, ABSENT, UNCERTAIN = FindingStatus.PRESENT, FindingStatus.ABSENT, FindingStatus.UNCERTAIN
NORMAL = re.compile(
    r"clear|normal|unremarkable|no (other|acute|further)|abnormal|libres|alteraci|otras", re.IGNORECASE
)


def random_request(seed: int) -> ReportRequest:
    """Draw any findings in any places, also where the bundled classifier says none."""
    random = Random(seed)
    labels = random.sample(sorted(RANK), random.randint(1, len(RANK)))
    statuses = {label: random.choice((PRESENT, UNCERTAIN, ABSENT, ABSENT, ABSENT)) for label in labels}
    language = random.choice(tuple(Language))
    places = {label: random.choice(list(PLACES[language])) for label in labels if random.random() < 0.5}
    return request_for(statuses, language, study=str(seed), places=places)


def detected(label: str, probability: float, status: FindingStatus = PRESENT) -> Finding:
    threshold = 0.1 if status is PRESENT else 0.95
    return Finding(label, probability, threshold=threshold, uncertain_from=0.05, status=status)


def report_of(*findings: Finding, language: Language = Language.ENGLISH) -> ReportSections:
    given = {finding.label for finding in findings}
    rest = (Finding(label, 0.01, 0.1, 0.05, ABSENT) for label in CHESTXRAY14 if label not in given)
    request = ReportRequest(seed="s", findings=(*findings, *rest), language=language)
    return sections_of(request)


def sections_of(request: ReportRequest) -> ReportSections:
    if not request.detected():
        return nothing_detected(request).sections
    prose = write_by_rule(request)
    assert verify(prose, request) == (), prose
    sections = composed(prose, grade(prose, request), request).sections
    assert departures(sections, request) == (), sections
    return sections


def test_every_text_of_the_template_passes_the_verifier():
    for seed in range(1_500):
        request = random_request(seed)
        sections_of(request)


@pytest.mark.parametrize("language", Language)
def test_all_labels_present_at_once_can_be_reported(language):
    for status in (PRESENT, UNCERTAIN, ABSENT):
        request = request_for(dict.fromkeys(RANK, status), language)
        sections_of(request)


def test_labels_of_a_foreign_classifier_are_reported_by_their_own_names():
    statuses = {"Aortic_Elongation": PRESENT, "Scoliosis": UNCERTAIN, "Calcification": ABSENT}
    request = request_for(statuses, Language.ENGLISH)
    assert "ortic elongation" in sections_of(request).findings


@pytest.mark.parametrize(
    ("probability", "status", "words"),
    [
        (0.06, UNCERTAIN, ("Possible pneumonia.", "Posible neumonía.")),
        (0.14, PRESENT, ("Possible pneumonia.", "Posible neumonía.")),
        (0.38, PRESENT, ("Possible pneumonia.", "Posible neumonía.")),
        (0.4999, PRESENT, ("Possible pneumonia.", "Posible neumonía.")),
        (0.5, PRESENT, ("Probable pneumonia.", "Probable neumonía.")),
        (0.6, UNCERTAIN, ("Probable pneumonia.", "Probable neumonía.")),
        (0.8999, PRESENT, ("Probable pneumonia.", "Probable neumonía.")),
        (0.92, UNCERTAIN, ("Probable pneumonia.", "Probable neumonía.")),
    ],
)
def test_the_word_hangs_on_the_probability_and_is_the_same_in_both_sections(probability, status, words):
    for language, word in zip(Language, words, strict=True):
        sections = report_of(detected("Pneumonia", probability, status), language=language)
        assert sections.findings.partition(": ")[2].startswith(word)
        assert sections.impression == word


def test_only_a_probability_of_nine_tenths_and_present_is_stated():
    sections = report_of(detected("Pneumonia", 0.9))
    stated = r"Lungs: (There is pneumonia|Pneumonia is (present|seen|identified))"
    assert re.match(stated, sections.findings)
    assert sections.impression == "Pneumonia."


@pytest.mark.parametrize("language", Language)
def test_nothing_is_called_clear_normal_or_the_only_thing(language):
    for seed in range(300):
        sections = sections_of(replace(random_request(seed), language=language))
        text = re.sub("pleural abnormality|alteración pleural", "", str(sections), flags=re.IGNORECASE)
        assert not NORMAL.search(text), sections


def test_a_study_without_findings_names_once_what_was_looked_for():
    english, spanish = report_of(), report_of(language=Language.SPANISH)
    assert english.impression == "None of the 14 findings that were looked for was detected."
    assert spanish.impression == "No se ha detectado ninguno de los 14 hallazgos buscados."
    for noun in ("pneumothorax", "pleural effusion", "diaphragmatic (hiatal) hernia", "cardiomegaly"):
        assert english.findings.count(noun) == 1


def test_what_one_label_was_looked_for_is_not_called_none_of_several():
    request = request_for({"Pneumonia": ABSENT}, Language.ENGLISH)
    sections = sections_of(request)
    assert sections.findings == "Lungs: No pneumonia detected."
    assert sections.impression == "No pneumonia detected."


@pytest.mark.parametrize(
    ("found", "unsaid"),
    [
        ("Pneumonia", ("pulmonary infiltrate", "consolidation")),
        ("Consolidation", ("pneumonia", "infiltrate", "edema", "atelectasis")),
        ("Nodule", ("lung mass",)),
    ],
)
def test_a_report_denies_nothing_that_may_be_the_same_as_what_was_detected(found, unsaid):
    sections = report_of(detected(found, 0.3))
    assert not [noun for noun in unsaid if noun in sections.findings]
    assert "pneumothorax" in sections.findings


def test_which_labels_may_be_the_same_goes_both_ways():
    for one in RANK:
        for other in may_be_the_same([one]):
            assert one in may_be_the_same([other])


def test_a_hernia_is_called_by_what_it_is():
    assert "Possible diaphragmatic (hiatal) hernia." in report_of(detected("Hernia", 0.14)).findings
    spanish = report_of(detected("Hernia", 0.14), language=Language.SPANISH)
    assert spanish.impression == "Posible hernia diafragmática (de hiato)."


def test_what_is_stated_is_said_in_many_ways_and_the_same_request_in_one():
    statuses = dict.fromkeys(("Effusion", "Mass", "Cardiomegaly", "Emphysema"), PRESENT)
    texts = {write_by_rule(request_for(statuses, Language.ENGLISH, study=str(seed))) for seed in range(50)}
    assert len(texts) > 25
    writer, request = TemplateWriter(), request_for(statuses, Language.ENGLISH)
    assert writer.write([request], attempt=1) == writer.write([request], attempt=1)


def test_the_impression_names_the_gravest_finding_first():
    statuses = dict.fromkeys(RANK, ABSENT) | {"Hernia": PRESENT, "Pneumothorax": PRESENT}
    for seed in range(20):
        prose = write_by_rule(request_for(statuses, Language.ENGLISH, study=str(seed)))
        assert prose.impression.startswith("Pneumothorax")


def test_the_technique_line_states_the_views():
    request = ReportRequest(
        seed="s",
        findings=(),
        views=(View(ViewPosition.PA), View(ViewPosition.LATERAL)),
    )
    assert technique_lines(request) == ("Chest radiograph, frontal (PA), lateral.",)


def test_a_view_that_was_read_from_the_pixels_is_not_stated_as_a_fact():
    request = ReportRequest(seed="s", findings=(), views=(View(ViewPosition.AP, judged=True),))
    assert technique_lines(request) == ("Chest radiograph, frontal (probably AP, judged from the image).",)
    spanish = replace(request, language=Language.SPANISH)
    assert technique_lines(spanish) == (
        "Radiografía de tórax, frontal (probablemente AP, a juzgar por la imagen).",
    )
