"""What is known to make a study's findings less sure, in every form that somebody reads."""

import csv
import io
from collections.abc import Sequence
from uuid import UUID

import httpx
import pytest

from shared.domain.findings import ViewPosition
from shared.domain.reports import Language
from shared.domain.studies import Stage, StudyId
from shared.errors import UnusableImageError
from shared.records import findings
from shared.records.findings import ImageFindings
from shared.reporting.warnings import ImageWarning, in_words
from shared.settings import ReportSettings
from shared.work.handling import Workplace
from tests.support.api import MODEL, a_png, send, sent
from tests.support.builders import a_claim, a_finding
from worker_llm.pipeline import write_reports
from worker_llm.tasks import Reporter, report_on
from worker_llm.writers.template import TemplateWriter

INVERTED = ImageWarning.SEEMS_INVERTED


def finish(workplace: Workplace, study_id: StudyId, images: Sequence[ImageFindings]) -> None:
    """Have found what the images say, and let the report worker write."""
    claim = a_claim(workplace.database, study_id)
    with workplace.database.session() as session:
        findings.store(session, claim, images, MODEL)
    reporter = Reporter(
        lambda request, _: write_reports([request], TemplateWriter(), attempts=1)[0], ReportSettings()
    )
    report_on(a_claim(workplace.database, study_id, Stage.LLM), workplace, reporter)


def seen(index: int, *warnings: ImageWarning) -> ImageFindings:
    return ImageFindings(index, ViewPosition.PA, [a_finding(image=index)], warnings=warnings)


@pytest.mark.parametrize(
    ("language", "word", "device"),
    [
        (Language.ENGLISH, "Warning", "Not a medical device"),
        (Language.SPANISH, "Advertencia", "No es un producto sanitario"),
    ],
)
def test_the_warning_comes_first_in_every_form_of_the_report(
    client: httpx.Client, workplace: Workplace, language: Language, word: str, device: str
):
    study_id = sent(client, language=language.value)
    finish(workplace, study_id, [seen(0, INVERTED)])
    (sentence,) = in_words([INVERTED], language)
    study = client.get(f"/v1/studies/{study_id}").json()
    assert (study["warnings"], study["images"][0]["warnings"]) == ([sentence], [sentence])
    assert client.get("/v1/studies").json()["items"][0]["warnings"] == [sentence]

    report = client.get(f"/v1/studies/{study_id}/report").json()
    assert report["warnings"] == [sentence]
    assert device in report["not_a_medical_device"]
    assert report["sections"]["impression"].startswith(f"{word}: {sentence}\n")
    for form in ("text/plain", "text/html"):
        written = client.get(f"/v1/studies/{study_id}/report", headers={"Accept": form}).text
        words = " ".join(written.split())
        assert words.count(sentence) == 2
        assert words.index(sentence) < words.index(report["sections"]["technique"])


def test_the_warnings_of_several_images_name_them_also_in_a_batch(client: httpx.Client, workplace: Workplace):
    batch = client.post("/v1/batches", json={}).json()
    study_id = send(client, a_png(1), a_png(2), key="one", batch_id=batch["id"]).json()["id"]
    rejected = ImageFindings(1, ViewPosition.LATERAL, rejection=UnusableImageError("a lateral view"))
    finish(workplace, StudyId(UUID(study_id)), [seen(0, INVERTED), rejected])
    expected = [
        "1 of 2 images could not be used: image1.png (a lateral view).",
        f"image0.png: {in_words([INVERTED], Language.ENGLISH)[0]}",
    ]
    results = f"/v1/batches/{batch['id']}/results"
    line = client.get(results, headers={"Accept": "application/x-ndjson"}).json()
    assert line["warnings"] == expected
    assert line["impression"].startswith(f"Warning: {expected[0]}\nWarning: {expected[1]}\n")
    table = client.get(results, headers={"Accept": "text/csv"}).content.decode("utf-8-sig")
    (row,) = csv.DictReader(io.StringIO(table, newline=""))
    assert row["warnings"] == "\n".join(expected)
    assert row["report"].startswith(f"Warning: {expected[0]}\n")
