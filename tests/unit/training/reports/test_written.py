from collections.abc import Sequence

import pytest

from shared.domain.reports import Policy, WriterVersion
from shared.operations import telemetry
from shared.reporting.request import Prose, ReportRequest
from tests.support.made_up_reports import made_up_table
from training.reports.open_i import RealReport, read_reports
from training.reports.tables import writers_table
from training.reports.written import as_published, measured, written_by
from worker_llm.writers.base import Draft, NoReport
from worker_llm.writers.template import TemplateWriter


class Told:
    """Writes what it is told, whatever the findings; None is no report."""

    version = WriterVersion("told", "1")
    policy = Policy.STRICT
    sees = False

    def __init__(self, texts: Sequence[str | None]) -> None:
        self._texts = list(texts)

    def write(self, requests: Sequence[ReportRequest], *, attempt: int) -> list[Draft]:
        telemetry.TOKENS.inc(7 * len(requests))
        texts = [self._texts.pop(0) for _ in requests]
        return [NoReport("none") if text is None else Prose(text, "") for text in texts]


@pytest.fixture
def reports(tmp_path) -> list[RealReport]:
    return [report for report in read_reports(made_up_table(tmp_path)) if report.present()]


def test_the_rules_write_what_was_found_and_nothing_else(reports):
    found = measured(written_by(TemplateWriter(), reports), reports)
    assert (found.contradicting, found.inventing, found.omitting) == (0.0, 0.0, 0.0)
    assert found.passed == found.whole == 1.0
    assert found.prose_f1
    assert found.prose_f1.value == 1.0
    assert found.grammar_f1
    assert found.grammar_f1.value == 1.0
    assert found.tokens_per_second is None
    assert found.reports_per_second is not None


def test_each_fault_is_counted_by_report(reports):
    heart, both, nodule = reports
    texts = {
        heart.uid: "No cardiomegaly is seen.",
        both.uid: "Opacity and pneumonia.",
        nodule.uid: None,
    }
    written = written_by(Told([texts[report.uid] for report in reports]), reports)
    found = measured(written, reports)
    assert found.contradicting == pytest.approx(1 / 3)  # the heart
    assert found.inventing == pytest.approx(1 / 3)  # pneumonia
    assert found.omitting == pytest.approx(2 / 3)  # the effusion; all of what is no report
    assert found.whole == pytest.approx(2 / 3)
    assert found.passed == 0.0
    assert written.tokens == 7 * 3
    assert found.tokens_per_second is not None


def test_a_label_of_which_the_terms_say_nothing_is_no_invention(reports):
    (report, *_) = reports
    silent = RealReport(report.uid, report.findings, "", report.terms, {"Cardiomegaly": True})
    written = written_by(Told(["Cardiomegaly and pneumonia."]), [silent])
    assert measured(written, [silent]).inventing == 0.0


def test_the_table_has_a_row_a_writer_and_no_speed_where_nothing_was_written(reports):
    rows = [
        ("published", measured(as_published(reports), reports)),
        ("rules", measured(written_by(TemplateWriter(), reports), reports)),
    ]
    head, rule, published, rules = (line.strip("| ").split(" | ") for line in writers_table(rows))
    assert set(rule) == {"---"}
    assert (head[0], published[0], rules[0]) == ("writer", "published", "rules")
    named = dict(zip(head, rules, strict=False))
    assert named["label F1, NegEx"] == "1.000 (1.000 to 1.000)"
    assert (named["contradict"], named["invent"], named["omit"]) == ("0.0%", "0.0%", "0.0%")
    assert (named["is a report"], named["passes the verifier"]) == ("100%", "100%")
    assert published[1] == "1.000"


def test_the_radiologists_texts_are_measured_like_a_writer_s(reports):
    found = measured(as_published(reports), reports)
    assert found.overlaps.bleu4 == pytest.approx(1.0)
    assert found.prose_f1
    assert found.prose_f1.value == 1.0
    assert (found.tokens_per_second, found.reports_per_second) == (None, None)
