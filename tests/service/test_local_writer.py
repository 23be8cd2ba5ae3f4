"""The bundled language model, as it ships: real weights, real adapter, real batches."""

import subprocess
import sys
from pathlib import Path

import pytest

from shared.domain import FindingStatus, Language
from shared.settings import ReportSettings, WriterKind
from tests.support.llm_reports import draw_case, request_for
from worker_llm.lexicon import RANK
from worker_llm.pipeline import write_reports
from worker_llm.verify import verify
from worker_llm.writers import load_writer
from worker_llm.writers.base import Writer
from worker_llm.writers.bundled import bundled_version


@pytest.fixture(scope="module")
def writer() -> Writer:
    return load_writer(ReportSettings(writer=WriterKind.TRANSFORMERS))


@pytest.mark.timeout(1200)
def test_fifty_varied_studies_are_reported_in_the_models_own_words(writer: Writer):
    requests = [draw_case(seed).request for seed in range(49)]
    requests.append(request_for(dict.fromkeys(RANK, FindingStatus.ABSENT), Language.ENGLISH))
    reports = [
        report
        for start in range(0, len(requests), 10)
        for report in write_reports(requests[start : start + 10], writer, attempts=3)
    ]
    own = [report for report in reports if not report.verification.fallback]
    assert len(own) >= 45
    assert len({report.sections for report in reports}) >= 20
    assert {report.writer for report in own} == {bundled_version()}
    for request, report in zip(requests, reports, strict=True):
        assert verify(report.sections, request) == ()


def test_a_study_gets_the_same_report_again_when_it_is_written_alone_again(writer: Writer):
    request = draw_case(7).request
    assert write_reports([request], writer, attempts=2) == write_reports([request], writer, attempts=2)


def test_two_processes_may_unpack_the_model_at_once(tmp_path: Path):
    script = (
        "import sys; from pathlib import Path; from worker_llm.writers.bundled import unpacked_base;"
        " print(unpacked_base(Path(sys.argv[1])))"
    )
    processes = [
        subprocess.Popen([sys.executable, "-c", script, tmp_path], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    folders = {process.communicate(timeout=250)[0].strip() for process in processes}
    assert [process.returncode for process in processes] == [0, 0]
    assert [str(path) for path in tmp_path.iterdir()] == list(folders)
    assert (tmp_path / folders.pop() / "model.safetensors").is_file()
