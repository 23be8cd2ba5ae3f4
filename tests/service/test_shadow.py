"""A shadow writer: it writes after the report is stored, costs no study anything, and is only counted."""

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import ParamSpec, TypeVar

import httpx
import pytest
from prometheus_client import REGISTRY
from sqlalchemy import select
from typing_extensions import override

from cxr import cli, exit_codes
from shared.domain.findings import FindingStatus, Place, Side, ViewPosition
from shared.domain.reports import Departures, Policy, WriterVersion
from shared.domain.studies import DEFAULT_TENANT, Stage, StudyId, StudyStatus, TenantId, new_id
from shared.records import erasure, findings, shadow_reports
from shared.records.database import Database
from shared.records.findings import ImageFindings
from shared.records.moves import Hint
from shared.records.tables import ShadowReportRow
from shared.reporting.request import Prose
from shared.settings import QueueSettings, ReportSettings
from shared.work import queue
from shared.work.alone import LoneProcess
from shared.work.handling import Workplace
from tests.support.api import MODEL, sent
from tests.support.builders import SOMEBODY, a_claim, a_finding, the_study
from tests.support.services import services, wait_for
from tests.support.stack import InfraStack
from worker_llm.pipeline import write_reports
from worker_llm.shadow import MOST_WAITING, Shadow
from worker_llm.tasks import Reporter, report_on
from worker_llm.writers.base import Draft
from worker_llm.writers.template import TemplateWriter

FOUND = (
    a_finding("Effusion", probability=0.95, place=Place(Side.RIGHT)),
    a_finding("Pneumothorax", FindingStatus.ABSENT),
)
SETTINGS = ReportSettings(writer="template", attempts=1, departures=Departures.MARK)
Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")
ANOTHER = WriterVersion("another", "7")


class Another:
    """A writer that states a pneumothorax that nobody found, and the effusion on the other side."""

    version, policy, sees = ANOTHER, Policy.GROUNDED, False

    def __init__(self) -> None:
        self.may_write = threading.Event()
        self.may_write.set()
        self.fails = False

    def write(self, requests: Sequence[object], *, attempt: int) -> list[Draft]:
        self.may_write.wait()
        if self.fails:
            message = "out of memory"
            raise RuntimeError(message)
        return [Prose("Left pleural effusion. There is a pneumothorax.", "Pneumothorax.") for _ in requests]


class Here(LoneProcess):
    """Runs what is to run alone in this process, in which a shadow could hear of it."""

    @override
    def run(
        self,
        check: Callable[[], None],
        work: Callable[Parameters, Result],
        *args: Parameters.args,
        **kwargs: Parameters.kwargs,
    ) -> Result:
        return work(*args, **kwargs)


@pytest.fixture
def another() -> Another:
    return Another()


@pytest.fixture
def shadow(another: Another, database: Database) -> Iterator[Shadow]:
    running = Shadow(another, SETTINGS, database)
    yield running
    another.may_write.set()
    running.stop()


def outcomes(outcome: str) -> float:
    return REGISTRY.get_sample_value("cxr_shadow_reports_total", {"outcome": outcome}) or 0.0


def classified(client: httpx.Client, workplace: Workplace) -> tuple[StudyId, Hint | None]:
    study_id = sent(client)
    claim = a_claim(workplace.database, study_id)
    with workplace.database.session() as session:
        hint = findings.store(session, claim, [ImageFindings(0, ViewPosition.PA, FOUND)], MODEL)
    return study_id, hint


def reported(client: httpx.Client, workplace: Workplace, shadow: Shadow, *, alone: bool = False) -> StudyId:
    """Have a study's report written by rule, as the worker does, and offered to the shadow."""
    study_id, _ = classified(client, workplace)
    reporter = Reporter(
        lambda request, _: write_reports([request], TemplateWriter(), attempts=1)[0],
        SETTINGS,
        shadow=shadow,
        lone=Here(timedelta(minutes=1)),
    )
    claim = a_claim(workplace.database, study_id, Stage.LLM)
    report_on(replace(claim, alone=alone), workplace, reporter)
    assert the_study(workplace.database, study_id).status is StudyStatus.COMPLETED
    return study_id


def stored(database: Database) -> list[ShadowReportRow]:
    with database.session() as session:
        return list(session.scalars(select(ShadowReportRow).order_by(ShadowReportRow.study_id)))


def pairs_of(database: Database, tenant_id: TenantId | None) -> list[shadow_reports.WriterPair]:
    with database.session() as session:
        return shadow_reports.pairs(session, tenant_id=tenant_id)


def table(client: httpx.Client, capsys: pytest.CaptureFixture[str]) -> list[list[str]]:
    """Return what `cxr reviews writers` prints into a pipe."""
    capsys.readouterr()
    assert cli.run(["reviews", "writers", "--url", str(client.base_url)]) == exit_codes.DONE
    lines = capsys.readouterr().out.splitlines()
    return [line.split("\t") for line in lines if "request.served" not in line]


def test_two_writers_of_a_study_are_compared_and_readers_are_shown_the_first(
    client: httpx.Client, workplace: Workplace, shadow: Shadow, capsys: pytest.CaptureFixture[str]
):
    database = workplace.database
    study_ids = [reported(client, workplace, shadow) for _ in range(2)]
    wait_for(lambda: len(stored(database)) == 2, 10, "the shadow's reports")
    first, _ = stored(database)
    assert (str(first.study_id), first.version, first.writer_id) == (str(study_ids[0]), 1, "another")
    assert "Left pleural effusion." in first.findings
    report = client.get(f"/v1/studies/{study_ids[0]}/report").json()
    assert report["writer"]["id"] == "template"
    assert "pneumothorax" not in report["sections"]["impression"].lower()
    assert len(client.get(f"/v1/studies/{study_ids[0]}/report/versions").json()["items"]) == 1

    (pair,) = pairs_of(database, DEFAULT_TENANT)
    assert (pair.primary.id, pair.shadow, pair.compared, pair.fallbacks) == ("template", ANOTHER, 2, 0)
    told = {
        one.comparison: (one.stated, one.agreed, one.unread, one.weight, [e.count for e in one.errors])
        for one in pair.accounts
    }
    # In each: a pneumothorax that is not there weighs 1, an effusion on the wrong side a quarter.
    assert told == {
        "shadow_to_primary": (4, 0, 0, 2.5, [2, 2]),
        "primary_to_findings": (2, 2, 0, 0, []),
        "shadow_to_findings": (4, 0, 0, 2.5, [2, 2]),
    }
    line, *others = table(client, capsys)
    assert line[1:] == ["another 7", "shadow to primary", "2", "0/4", *["2", "0", "2", "0", "2", "0", "2.5"]]
    assert [other[4] for other in others] == ["2/2", "0/4"]
    assert pairs_of(database, None) == [pair]
    assert pairs_of(database, TenantId(new_id())) == []

    for study_id in study_ids:
        with database.session() as session:
            erasure.erase(session, study_id, actor=SOMEBODY)
    assert stored(database) == []


def test_a_study_is_completed_whatever_becomes_of_its_shadow(
    client: httpx.Client, workplace: Workplace, shadow: Shadow, another: Another
):
    failed, left_out, erased = outcomes("failed"), outcomes("left out"), outcomes("erased")
    another.fails = True
    reported(client, workplace, shadow)
    wait_for(lambda: outcomes("failed") == failed + 1, 10, "the failure")
    another.fails = False
    reported(client, workplace, shadow, alone=True)

    another.may_write.clear()
    gone = reported(client, workplace, shadow)
    with workplace.database.session() as session:
        erasure.erase(session, gone, actor=SOMEBODY)
    another.may_write.set()
    wait_for(lambda: outcomes("erased") == erased + 1, 10, "the erased one")
    assert (stored(workplace.database), outcomes("left out")) == ([], left_out)


def test_what_finds_the_line_full_is_left_out_and_so_is_what_waits_at_the_end(
    client: httpx.Client, workplace: Workplace, database: Database
):
    slow = Another()
    slow.may_write.clear()
    shadow = Shadow(slow, SETTINGS, database)
    before = outcomes("left out")
    for _ in range(MOST_WAITING + 3):
        reported(client, workplace, shadow)
    assert outcomes("left out") - before >= 2
    threading.Timer(0.1, slow.may_write.set).start()
    shadow.stop()
    # One was under way; all others are counted.
    assert (len(stored(database)), outcomes("left out") - before) == (1, MOST_WAITING + 2)


def test_the_worker_writes_with_both(
    infra: InfraStack,
    client: httpx.Client,
    workplace: Workplace,
    queue_settings: QueueSettings,
    tmp_path: Path,
):
    _, hint = classified(client, workplace)
    assert hint is not None
    assert queue.send_hint(queue.create_app("test", queue_settings), hint)
    both = {"CXR_REPORT_WRITER": "template", "CXR_REPORT_SHADOW": "template"}
    with services(infra.environment() | both, tmp_path, "worker_llm"):
        wait_for(lambda: len(stored(workplace.database)) == 1, 30, "the shadow's report")
    (pair,) = pairs_of(workplace.database, None)
    assert pair.primary == pair.shadow
    assert [one.weight for one in pair.accounts] == [0, 0, 0]


def test_a_shadow_that_is_no_writer_is_refused_by_its_setting():
    assert ReportSettings(shadow="maira-2").shadow == "maira-2"
    with pytest.raises(ValueError, match="CXR_REPORT_SHADOW=ghost is no writer; it is one of template"):
        ReportSettings(shadow="ghost")
