"""The worker's own process with a model that sees: MAIRA-2's network, tiny, with one answer for any study."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import httpx
import pytest

from shared.domain.findings import Box, FindingStatus, ViewPosition
from shared.domain.reports import Grade, Policy, Region, Section, WriterVersion
from shared.domain.studies import Priority, Stage, StudyId, StudyStatus
from shared.records import claims, findings, reports
from shared.records.database import Database
from shared.records.findings import ImageFindings
from shared.records.moves import Hint
from shared.records.reports import ReportRecord
from shared.settings import QueueSettings
from shared.storage import Storage, preview_key
from shared.work import queue
from tests.support.api import MODEL, ApiServer, a_png, sent
from tests.support.builders import a_claim, a_finding, empty_tables, the_study
from tests.support.published import save_maira2
from tests.support.services import ROOT, services, wait_for
from tests.support.stack import InfraStack
from worker_llm.writers.template import TEMPLATE_VERSION

EFFUSION, MASS = "Probable pleural effusion.", "Probable lung mass."
ANSWER = ("<obj>", EFFUSION, "<box>", "<x10>", "<y20>", "<x30>", "<y40>", "</box>", "</obj>", MASS)
FOUND = [
    a_finding("Effusion", probability=0.81),
    a_finding("Mass", probability=0.05, status=FindingStatus.ABSENT),
]


@dataclass(frozen=True)
class Written:
    """Reports of a study like any other, one whose preview is lost, and one whose first try ended badly."""

    seen: ReportRecord
    lost: ReportRecord
    tried: ReportRecord


def classified(client: httpx.Client, database: Database, seed: int) -> StudyId:
    """Send a study, and have an effusion and no mass found in it."""
    study_id = StudyId(UUID(str(sent(client, a_png(seed, side=90)))))
    claim = a_claim(database, study_id)
    with database.session() as session:
        findings.store(session, claim, [ImageFindings(0, ViewPosition.PA, FOUND)], MODEL)
    return study_id


@pytest.fixture(scope="module")
def written(
    api: ApiServer,
    infra: InfraStack,
    migrated: Database,
    storage: Storage,
    queue_settings: QueueSettings,
    tmp_path_factory: pytest.TempPathFactory,
) -> Written:
    """Have a worker write three studies' reports."""
    empty_tables(migrated)
    folder = tmp_path_factory.mktemp("worker")
    seen, _, tried = ids = [classified(api.client(), migrated, seed) for seed in range(3)]
    for study_id in (seen, tried):
        storage.put_artefact(preview_key(study_id, 0), a_png(side=90))
    claim = a_claim(migrated, tried, Stage.LLM)
    with migrated.session() as session:
        claims.fail(session, claim, error="RuntimeError", max_failures=3)
    save_maira2(folder / "weights", says=ANSWER)
    environment = infra.environment() | {
        "CXR_REPORT_WRITER": "maira-2",
        "CXR_REPORT_MODEL": str(folder / "weights"),
        "CXR_REPORT_DEPARTURES": "mark",
        "CXR_REPORT_THREADS": "1",
    }
    app = queue.create_app("test", queue_settings)
    with services(environment, folder, "worker_llm"):
        queue.send_hints(app, [Hint(Stage.LLM, Priority.ROUTINE)] * 3)
        wait_for(
            lambda: {the_study(migrated, one).status for one in ids} == {StudyStatus.COMPLETED},
            60,
            "three reports",
        )
    with migrated.session() as session:
        found = [reports.in_force(session, study_id) for study_id in ids]
    return Written(*(report for report in found if report))


def test_its_sentences_are_marked_and_have_their_regions(written: Written):
    report = written.seen
    assert (report.writer, report.policy, report.fallback, report.attempts) == (
        WriterVersion("maira-2", "unknown"),
        Policy.GROUNDED,
        False,
        1,
    )
    said = {one.text: one for one in report.sentences if one.section is Section.FINDINGS}
    assert said[EFFUSION].grade is Grade.SUPPORTED
    assert said[EFFUSION].regions == (Region(0, Box(0.105, 0.205, 0.305, 0.405)),)
    assert (said[MASS].grade, said[MASS].regions) == (Grade.UNSUPPORTED, ())


@pytest.mark.parametrize(
    ("which", "why"),
    [
        ("lost", "the study's pictures cannot be read"),
        ("tried", "an earlier try ended badly, and the model was not asked again"),
    ],
)
def test_what_it_could_not_be_asked_has_a_report_by_rule_that_says_why(
    written: Written, which: str, why: str
):
    report: ReportRecord = getattr(written, which)
    assert (report.writer, report.fallback, set(report.failures)) == (TEMPLATE_VERSION, True, {why})
    assert "effusion" in report.findings.lower()
    assert MASS not in report.findings


def test_a_worker_whose_weights_are_absent_ends_with_the_commands_that_fetch_them(tmp_path: Path):
    said = {"CXR_REPORT_WRITER": "llava-med", "HF_HUB_CACHE": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-m", "worker_llm"],
        cwd=ROOT,
        env={**os.environ, **said},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith(
        "CXR_REPORT_WRITER=llava-med: the weights of LLaVA-Med 1.5 are not in Hugging Face's"
    )
    assert "run hf download microsoft/llava-med-v1.5-mistral-7b && hf download openai/clip" in line
    assert line.endswith("&& python -m worker_llm.vision.convert llava-med FROM TO --vision CLIP")
