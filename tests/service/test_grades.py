"""A report by a writer that saw the image: written, graded, stored, and marked in every form."""

from dataclasses import replace

import httpx
import pytest

from shared.domain.findings import Box, FindingStatus, ViewPosition
from shared.domain.reports import Departures, Language, Region
from shared.domain.studies import Stage, StudyId
from shared.records import findings
from shared.records.findings import ImageFindings
from shared.reporting.request import Passage
from shared.settings import ReportSettings
from shared.work.handling import Workplace
from tests.support.api import MODEL, sent
from tests.support.builders import a_claim, a_finding
from tests.support.writers import GroundedWriter
from worker_llm.pipeline import write_reports
from worker_llm.tasks import Reporter, report_on
from worker_llm.writers.base import Writer
from worker_llm.writers.template import TemplateWriter

GRADED = {
    Language.ENGLISH: {
        "Probable pleural effusion.": ("supported", ["Effusion"]),
        "There is a pneumothorax.": ("unsupported", ["Pneumothorax"]),
        "The trachea is midline.": ("unread", []),
        "No pleural effusion.": ("contradicts", ["Effusion"]),
    },
    Language.SPANISH: {
        "Probable derrame pleural.": ("supported", ["Effusion"]),
        "Hay un neumotórax.": ("unsupported", ["Pneumothorax"]),
        "La tráquea está centrada.": ("unread", []),
        "No hay derrame pleural.": ("contradicts", ["Effusion"]),
    },
}
WARNINGS = {
    Language.ENGLISH: [
        "This report denies what the classifier detected: pleural effusion.",
        "This report states what the classifier did not detect: pneumothorax.",
        "1 sentence of this report contradicts the findings.",
        "1 sentence of this report is not supported by the findings.",
        "1 sentence of this report was not checked against the findings.",
    ],
    Language.SPANISH: [
        "Este informe niega lo que el clasificador detectó: derrame pleural.",
        "Este informe afirma lo que el clasificador no detectó: neumotórax.",
        "1 frase de este informe contradice los hallazgos.",
        "1 frase de este informe no está respaldada por los hallazgos.",
        "1 frase de este informe no se ha comprobado con los hallazgos.",
    ],
}
MARKS = {
    Language.ENGLISH: ("not supported by the findings", "not checked", "contradicts the findings"),
    Language.SPANISH: ("no respaldada por los hallazgos", "no comprobada", "contradice los hallazgos"),
}


def finish(workplace: Workplace, study_id: StudyId, writer: Writer, departures: Departures) -> None:
    """Have found a probable effusion and no pneumothorax, and let the report worker write."""
    claim = a_claim(workplace.database, study_id)
    found = [
        replace(a_finding("Effusion", probability=0.81), box=Box(0.1, 0.5, 0.4, 0.9)),
        a_finding("Pneumothorax", probability=0.05, status=FindingStatus.ABSENT),
    ]
    with workplace.database.session() as session:
        findings.store(session, claim, [ImageFindings(0, ViewPosition.PA, found)], MODEL)
    reporter = Reporter(
        lambda request, _: write_reports([request], writer, attempts=1, departures=departures)[0],
        ReportSettings(),
    )
    report_on(a_claim(workplace.database, study_id, Stage.LLM), workplace, reporter)


def form_of(client: httpx.Client, study_id: StudyId, form: str) -> str:
    answer = client.get(f"/v1/studies/{study_id}/report", headers={"Accept": form})
    return " ".join(answer.raise_for_status().text.split())


def a_writer(language: Language) -> GroundedWriter:
    *said, denied = GRADED[language]
    seen = Passage(said[0], (Region(0, Box(0.1, 0.2, 0.3, 0.4)),))
    return GroundedWriter(" ".join(said), denied, passages=(seen,))


@pytest.mark.parametrize("language", list(Language))
def test_what_departs_is_marked_in_every_form_of_the_report(
    client: httpx.Client, workplace: Workplace, language: Language
):
    study_id = sent(client, language=language.value)
    finish(workplace, study_id, a_writer(language), Departures.MARK)

    report = client.get(f"/v1/studies/{study_id}/report").json()
    assert report["verification"] == {
        "policy": "grounded",
        "verdict": "passed",
        "attempts": 1,
        "fallback": False,
    }
    assert report["writer"]["id"] == "sighted"
    assert report["warnings"] == WARNINGS[language]
    sentences = {entry["text"]: (entry["grade"], entry["labels"]) for entry in report["sentences"]}
    assert sentences.items() >= GRADED[language].items()
    for section in ("technique", "findings"):
        rest = report["sections"][section]
        for entry in (entry for entry in report["sentences"] if entry["section"] == section):
            before, sentence, rest = rest.partition(entry["text"])
            assert sentence
            assert before.strip() in {"", "Pleura:"}
        assert rest == ""
    effusion = {"label": "Effusion", "image": 0, "box": [0.1, 0.5, 0.4, 0.9], "place": None}
    evidence = {entry["text"]: entry["evidence"] for entry in report["sentences"]}
    supported, invented, *_ = GRADED[language]
    assert (evidence[supported], evidence[invented]) == ([effusion], [])
    regions = {entry["text"]: entry["regions"] for entry in report["sentences"] if entry["regions"]}
    assert regions == {supported: [{"image": 0, "box": [0.1, 0.2, 0.3, 0.4]}]}
    assessed = {one["label"]: (one["found"], one["said"], one["outcome"]) for one in report["assessments"]}
    assert assessed["Effusion"] == ("present", "uncertain", "accepted")
    assert assessed["Pneumothorax"] == ("absent", "present", "supplemented")
    by_rule = [entry for entry in report["sentences"] if entry["text"] not in GRADED[language]]
    assert {entry["grade"] for entry in by_rule} == {"supported"}

    _, invented, unread, denied = GRADED[language]
    page, paper = form_of(client, study_id, "text/html"), form_of(client, study_id, "text/plain")
    for mark, sentence in zip(MARKS[language], (invented, unread, denied), strict=True):
        assert f"[{mark.upper()}: {sentence}]" in paper
        assert f"<strong>{mark}:</strong> {sentence}</mark>" in page
    for written in (page, paper):
        places = [written.index(sentence) for sentence in WARNINGS[language]]
        assert places == sorted(places)
        assert places[-1] < written.index(report["sections"]["technique"])


def test_what_departs_is_refused_and_the_template_stands_in(client: httpx.Client, workplace: Workplace):
    study_id = sent(client)
    finish(workplace, study_id, a_writer(Language.ENGLISH), Departures.REFUSE)
    report = client.get(f"/v1/studies/{study_id}/report").json()
    assert report["verification"] == {
        "policy": "strict",
        "verdict": "passed",
        "attempts": 2,
        "fallback": True,
    }
    assert report["writer"]["id"] == "template"


def test_what_is_only_unread_is_delivered_and_marked(client: httpx.Client, workplace: Workplace):
    study_id = sent(client)
    writer = GroundedWriter(
        "Large left pleural effusion. The trachea is midline.", "Pleural effusion, likely."
    )
    finish(workplace, study_id, writer, Departures.REFUSE)
    report = client.get(f"/v1/studies/{study_id}/report").json()
    assert report["warnings"] == ["3 sentences of this report were not checked against the findings."]
    assert report["verification"]["policy"] == "grounded"


def test_a_report_that_is_all_supported_has_no_marks(client: httpx.Client, workplace: Workplace):
    study_id = sent(client)
    finish(workplace, study_id, TemplateWriter(), Departures.MARK)
    report = client.get(f"/v1/studies/{study_id}/report").json()
    assert report["warnings"] == []
    assert report["verification"]["policy"] == "strict"
    assert {entry["grade"] for entry in report["sentences"]} == {"supported"}
    assert "<mark" not in form_of(client, study_id, "text/html")
    assert "[NOT" not in form_of(client, study_id, "text/plain")
