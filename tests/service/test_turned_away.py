"""A study that a server fails at each time, while it answers others: it does not wait for ever."""

import json
from contextlib import closing
from datetime import timedelta

import pytest

from shared.domain.findings import ViewPosition
from shared.domain.studies import Priority, Stage, StudyId, StudyStatus
from shared.records import claims, findings, reports, studies
from shared.records.claims import MOST_TURNED_AWAY
from shared.records.database import Database
from shared.records.findings import ImageFindings
from shared.settings import ReportSettings, WriterKind
from shared.work.handling import Workplace, handle
from tests.support.api import MODEL
from tests.support.builders import SOMEBODY, a_claim, a_finding, a_study, let_time_pass, the_study
from tests.support.remote_servers import Asked, Reply, remote_server
from worker_llm.sharing import share
from worker_llm.tasks import Reporter, report_on
from worker_llm.writers.openai import OpenAiWriter
from worker_llm.writers.template import TEMPLATE_VERSION

WHY = "CXR_MODEL_SERVER_URL: the server answers 500"
NOW, LONG_AGO = timedelta(0), timedelta(hours=1)
POISON = "pneumothorax"


def turn_away(
    database: Database, study_id: StudyId, answered_ago: timedelta | None, stage: Stage = Stage.CNN
) -> StudyStatus:
    claim = a_claim(database, study_id, stage)
    with database.session() as session:
        return claims.turn_away(session, claim, after=NOW, why=WHY, answered_ago=answered_ago)


def a_classified(database: Database, label: str = "Effusion") -> StudyId:
    study_id = a_study(database)
    claim = a_claim(database, study_id)
    with database.session() as session:
        seen = ImageFindings(0, ViewPosition.PA, [a_finding(label)])
        findings.store(session, claim, [seen], MODEL)
    return study_id


def test_without_findings_it_fails_in_the_end_with_the_reason_and_can_be_retried(database: Database):
    study_id = a_study(database)
    statuses = [turn_away(database, study_id, NOW) for _ in range(1 + MOST_TURNED_AWAY)]
    assert statuses == [StudyStatus.QUEUED] * MOST_TURNED_AWAY + [StudyStatus.FAILED]
    row = the_study(database, study_id)
    assert (row.error_type, row.failures) == ("failed", 0)
    assert row.error_detail is not None
    assert row.error_detail.startswith(f"{WHY}; so it did 5 times, and answered others meanwhile: retry")
    with database.session() as session:
        assert studies.retry(session, study_id, actor=SOMEBODY) is not None
    assert the_study(database, study_id).turned_away == 0


@pytest.mark.parametrize("answered_ago", [None, LONG_AGO], ids=["never answered", "not since"])
def test_a_server_that_fails_at_all_is_waited_for(database: Database, answered_ago: timedelta | None):
    study_id = a_study(database)
    for _ in range(3 * MOST_TURNED_AWAY):
        assert turn_away(database, study_id, answered_ago) is StudyStatus.QUEUED
    assert the_study(database, study_id).turned_away == 0


def test_each_stage_counts_for_itself_and_with_findings_the_study_waits_on(database: Database):
    study_id = a_study(database)
    for _ in range(MOST_TURNED_AWAY):
        turn_away(database, study_id, NOW)
    claim = a_claim(database, study_id)
    with database.session() as session:
        findings.store(session, claim, [ImageFindings(0, ViewPosition.PA, [a_finding()])], MODEL)
    assert the_study(database, study_id).turned_away == 0
    for _ in range(2 * MOST_TURNED_AWAY):
        assert turn_away(database, study_id, NOW, Stage.LLM) is StudyStatus.CLASSIFIED
    assert the_study(database, study_id).turned_away >= MOST_TURNED_AWAY


def answer(asked: Asked) -> Reply:
    """Be too slow for one study, and quick with the others."""
    text = {
        "message": {"role": "assistant", "content": "FINDINGS: Pleural effusion."},
        "finish_reason": "stop",
    }
    return Reply({"choices": [text]}, after=1.5 if POISON in json.dumps(asked.body).lower() else 0)


def test_the_report_of_a_study_that_a_server_fails_at_comes_by_rule(workplace: Workplace, database: Database):
    poisoned = a_classified(database, "Pneumothorax")
    with remote_server([answer]) as server:
        settings = ReportSettings(
            writer=WriterKind.OPENAI,
            model="m",
            server_url=f"{server.url}/v1",
            server_timeout=timedelta(seconds=0.5),
            attempts=1,
        )
        with closing(OpenAiWriter(settings)) as writer:
            reporter = Reporter(share(writer, settings).write, settings)

            def write_one() -> None:
                handle(
                    Stage.LLM,
                    Priority.ROUTINE,
                    workplace,
                    lambda claim: report_on(claim, workplace, reporter),
                )

            for _ in range(40):  # on a busy machine the others are now and then too slow as well
                a_classified(database)
                let_time_pass(database)
                write_one()
                write_one()
                if the_study(database, poisoned).status is StudyStatus.COMPLETED:
                    break
        asked = sum(POISON in json.dumps(one.body).lower() for one in server.asked)
    with database.session() as session:
        report = reports.in_force(session, poisoned)
    assert report is not None
    assert "pneumothorax" in report.findings.lower()
    assert (report.writer, report.fallback, report.failures) == (
        TEMPLATE_VERSION,
        True,
        ("the writer's server fails at this study again and again, and not at others",),
    )
    assert MOST_TURNED_AWAY < asked < 40
