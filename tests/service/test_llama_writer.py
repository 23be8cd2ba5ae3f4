"""The bundled language model on llama.cpp, as it ships: real weights, real adapter, real batches."""

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from shared.domain.findings import FindingStatus
from shared.domain.reports import Language
from shared.reporting.lexicon import RANK
from shared.reporting.request import Prose, ReportRequest
from shared.settings import ReportSettings
from shared.work.microbatch import MicroBatcher
from tests.support.llm_reports import departures, draw_case, request_for, verify
from tests.support.services import ROOT
from worker_llm.pipeline import write_reports
from worker_llm.writers import load_writer
from worker_llm.writers.base import Draft, Writer, WriterRefusedError
from worker_llm.writers.bundled import bundled_version
from worker_llm.writers.llama import LlamaWriter
from worker_llm.writers.merged import merged_model
from worker_llm.writers.template import TEMPLATE_VERSION

MERGE = (
    "import os, sys, time; from pathlib import Path; from worker_llm.writers.merged import merged_model;"
    " os.umask(0o077); start = time.process_time();"
    " print(merged_model(Path(sys.argv[1])), time.process_time() - start)"
)


SOCKETS = """
import psutil
from pathlib import Path
from shared.settings import ReportSettings
from tests.support.llm_reports import departures, draw_case
from worker_llm.writers import load_writer

writer = load_writer(ReportSettings())
assert writer.write([draw_case(1).request], attempt=1)
process = psutil.Process()
names = [one.laddr for one in process.net_connections("unix") if one.laddr]
reachable = [name for name in names if Path(name).exists() or name.startswith("@")]
print(process.net_connections("inet"), reachable)
"""


@pytest.fixture(scope="module")
def writer() -> Writer:
    return load_writer(ReportSettings())


@pytest.mark.timeout(1200)
def test_thirty_varied_studies_are_reported_in_the_models_own_words(writer: Writer):
    requests = [draw_case(seed).request for seed in range(29)]
    requests.append(request_for(dict.fromkeys(RANK, FindingStatus.ABSENT), Language.ENGLISH))
    reports = [
        report
        for start in range(0, len(requests), 10)
        for report in write_reports(requests[start : start + 10], writer, attempts=3)
    ]
    own = [report for report in reports if not report.verification.fallback]
    assert len(own) >= 29
    assert len({report.sections for report in reports}) >= 20
    assert {report.writer for report in own} == {bundled_version(), TEMPLATE_VERSION}
    assert reports[-1].writer == TEMPLATE_VERSION  # nothing was detected, so nothing was left to write
    for request, report in zip(requests, reports, strict=True):
        assert departures(report.sections, request) == ()


def test_a_study_gets_the_same_text_again_when_it_is_written_again(writer: Writer):
    first, *others = [draw_case(seed).request for seed in range(7, 13)]
    drafts = writer.write([first], attempt=1)
    writer.write(others, attempt=1)
    assert writer.write([first], attempt=1) == drafts
    assert writer.write([first], attempt=2) != drafts


def test_the_writer_has_no_port_and_no_socket_that_anybody_could_reach(writer: Writer):
    # In a process of its own: this one has the connections of other tests.
    ended = subprocess.run(
        [sys.executable, "-c", SOCKETS], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert ended.stdout == "[] []\n"


def test_threads_of_the_batcher_may_write(writer: Writer):
    batcher = MicroBatcher[ReportRequest, Draft](
        lambda requests: writer.write(requests, attempt=1),
        max_size=8,
        max_wait=ReportSettings().batch_wait,
        name="writer",
    )
    request = draw_case(3).request
    try:
        draft = batcher(request)
        assert isinstance(draft, Prose)
        assert verify(draft, request) == ()
    finally:
        batcher.stop()


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Let two processes make the model at once, whose user lets nobody else read what they write."""
    folder = tmp_path_factory.mktemp("merging") / "new" / "cache"
    processes = [
        subprocess.Popen([sys.executable, "-c", MERGE, folder], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    said = [process.communicate(timeout=250)[0].rsplit(maxsplit=1) for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert [[str(path)] * 2 for path in folder.iterdir()] == [[name for name, _ in said]]
    waited, made = sorted(float(seconds) for _, seconds in said)
    assert waited < made / 5, "one of them makes it, and the other finds it there"
    return folder


def test_two_processes_may_make_the_model_at_once(cache: Path):
    (file,) = cache.iterdir()
    assert merged_model(cache) == file


def test_everybody_may_read_the_model_whatever_the_umask(cache: Path):
    (file,) = cache.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o644
    assert [stat.S_IMODE(folder.stat().st_mode) for folder in (cache, cache.parent)] == [0o755, 0o755]


def test_any_gguf_file_writes_under_its_own_name(cache: Path, tmp_path: Path):
    (file,) = cache.iterdir()
    mine = tmp_path / "mine-1b.gguf"
    os.link(file, mine)
    writer = load_writer(ReportSettings(model=str(mine), batch_size=2))
    assert writer.version.id == "mine-1b"
    assert len(writer.version.version) == 12
    requests = [draw_case(seed).request for seed in (1, 2)]
    assert all(
        departures(report.sections, request) == ()
        for request, report in zip(requests, write_reports(requests, writer, attempts=1), strict=True)
    )
    assert isinstance(writer, LlamaWriter)
    writer.close()


def test_a_file_that_was_cut_off_is_named(cache: Path, tmp_path: Path):
    (file,) = cache.iterdir()
    cut = tmp_path / "cut.gguf"
    shutil.copy(file, cut)
    os.truncate(cut, 1_000_000)
    with pytest.raises(WriterRefusedError, match=f"cannot load {cut}"):
        load_writer(ReportSettings(model=str(cut)))


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"CXR_REPORT_DEVICE": "cuda"}, "CXR_REPORT_WRITER=transformers"),
        ({"CXR_REPORT_MODEL": "/nowhere/a.gguf"}, "/nowhere/a.gguf"),
    ],
)
def test_the_worker_refuses_in_one_line(settings: dict[str, str], says: str):
    command = [sys.executable, "-m", "worker_llm"]
    done = subprocess.run(
        command, env={**os.environ, **settings}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert says in line
