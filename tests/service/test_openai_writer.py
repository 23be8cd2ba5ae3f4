"""The writer behind an OpenAI-compatible server, against a real one: transformers' own, bundled model."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from shared.domain.findings import FindingStatus
from shared.domain.reports import Language
from shared.errors import TryAgainError
from shared.remote import RefusedError
from shared.reporting.lexicon import RANK
from shared.reporting.request import ReportRequest
from shared.settings import ReportSettings, WriterKind
from tests.support.llm_reports import departures, request_for
from tests.support.remote_servers import Reply, remote_server
from worker_llm.pipeline import write_reports
from worker_llm.writers import load_writer
from worker_llm.writers.base import NoReport
from worker_llm.writers.openai import OpenAiWriter
from worker_llm.writers.unpacked import unpacked_base


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def requests_for(*languages: Language) -> list[ReportRequest]:
    statuses = dict.fromkeys(RANK, FindingStatus.ABSENT) | {"Effusion": FindingStatus.PRESENT}
    return [request_for(statuses, language, study=f"study-{n}") for n, language in enumerate(languages)]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReportSettings]:
    """Start `transformers serve` on the unpacked base model, and stop it."""
    model, port = unpacked_base(None), free_port()
    log = tmp_path_factory.mktemp("serve") / "log"
    command = [
        str(Path(sys.executable).parent / "transformers"),
        "serve",
        str(model),
        "--device",
        "cpu",
        "--port",
        str(port),
        # A CPU multiplies these faster than the weights' own 16 bits.
        "--dtype",
        "float32",
    ]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=output, env={"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
        )
    try:
        _wait_until_healthy(port, process, log)
        yield settings_for(port, str(model))
    finally:
        # It does not heed SIGTERM while it generates.
        process.kill()
        process.wait()


def settings_for(port: int, model: str, seconds: float = 600) -> ReportSettings:
    return ReportSettings(
        writer=WriterKind.OPENAI,
        model=model,
        server_url=f"http://127.0.0.1:{port}/v1",
        server_timeout=timedelta(seconds=seconds),
        batch_size=2,
    )


def _wait_until_healthy(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + 200
    while time.monotonic() < until:
        assert process.poll() is None, log.read_text()
        try:
            if httpx.get(f"http://127.0.0.1:{port}/health").is_success:
                return
        except httpx.TransportError:
            time.sleep(0.5)
    pytest.fail(log.read_text())


def test_a_real_server_is_asked_and_only_verified_reports_come_out(server: ReportSettings):
    requests = requests_for(Language.ENGLISH, Language.SPANISH)
    loaded = load_writer(server)
    assert isinstance(loaded, OpenAiWriter)
    with closing(loaded) as writer:
        reports = write_reports(requests, writer, attempts=1)
    for request, report in zip(requests, reports, strict=True):
        assert report.verification.attempts == 1 + report.verification.fallback
        assert departures(report.sections, request) == ()
        assert report.writer.id == ("template" if report.verification.fallback else f"openai:{server.model}")


def test_a_slow_answer_is_passing(server: ReportSettings):
    hasty = server.model_copy(update={"server_timeout": timedelta(milliseconds=1)})
    with closing(OpenAiWriter(hasty)) as writer, pytest.raises(TryAgainError):
        writer.write(requests_for(Language.ENGLISH), attempt=1)


def test_a_model_that_the_server_does_not_have_is_a_fault_of_the_settings(server: ReportSettings):
    other = server.model_copy(update={"model": "nobody/nothing"})
    with closing(OpenAiWriter(other)) as writer, pytest.raises(RefusedError, match="model"):
        writer.write(requests_for(Language.ENGLISH), attempt=1)


def test_a_server_that_is_down_is_passing():
    with (
        closing(OpenAiWriter(settings_for(free_port(), "any"))) as writer,
        pytest.raises(TryAgainError, match="cannot be reached"),
    ):
        writer.write(requests_for(Language.ENGLISH), attempt=1)


@pytest.mark.parametrize(
    ("status", "message", "reason"),
    [
        (
            400,
            "This model's maximum context length is 2048 tokens. However, you requested 2100 tokens.",
            "the server takes no prompt of this length",
        ),
        (
            400,
            "The response was filtered by Azure OpenAI's content management policy.",
            "no text came back",
        ),
        (413, "Payload too large", "the server takes no prompt of this length"),
    ],
)
def test_a_prompt_that_a_server_does_not_take_becomes_the_templates_report(
    status: int, message: str, reason: str
):
    """The answers of vLLM, Azure and a proxy, which `transformers serve` never gives."""
    error = {"error": {"message": message, "type": "BadRequestError", "code": status}}
    with (
        remote_server([Reply(error, status)]) as refusing,
        closing(OpenAiWriter(settings_for(refusing.port, "any"))) as writer,
    ):
        (report,) = write_reports(requests_for(Language.ENGLISH), writer, attempts=2)
    assert report.verification.fallback
    assert report.verification.failures == (reason, reason)


@pytest.mark.parametrize("answer", [{}, [], {"choices": None}, {"error": "no"}], ids=str)
def test_an_answer_that_is_no_completion_is_passing(answer: object):
    with (
        remote_server([Reply(answer)]) as server,
        closing(OpenAiWriter(settings_for(server.port, "any"))) as writer,
        pytest.raises(TryAgainError, match="no chat completion"),
    ):
        writer.write(requests_for(Language.ENGLISH), attempt=1)


@pytest.mark.parametrize("choices", [[], [{}], ["text"], [{"message": {"content": None}}]], ids=str)
def test_a_completion_without_a_text_is_no_report(choices: object):
    with (
        remote_server([Reply({"choices": choices, "usage": {"completion_tokens": "many"}})]) as server,
        closing(OpenAiWriter(settings_for(server.port, "any"))) as writer,
    ):
        assert writer.write(requests_for(Language.ENGLISH), attempt=1) == [NoReport("no text came back")]
