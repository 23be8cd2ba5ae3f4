"""The bundled language model on transformers: real weights, real adapter, and llama.cpp beside it."""

import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from shared.settings import ReportSettings, WriterKind
from tests.support.llm_reports import draw_case
from worker_llm.pipeline import write_reports
from worker_llm.prompts import messages_for
from worker_llm.verify import verify
from worker_llm.writers import load_writer
from worker_llm.writers.bundled import bundled_version
from worker_llm.writers.llama import LlamaWriter
from worker_llm.writers.local import LocalWriter

UNPACK = (
    "import os, sys; from pathlib import Path; from worker_llm.writers.unpacked import unpacked_base;"
    " os.umask(0o077); print(unpacked_base(Path(sys.argv[1])))"
)
REQUESTS = [draw_case(seed).request for seed in range(8)]


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Let two processes unpack the model at once, whose user lets nobody else read what they write."""
    folder = tmp_path_factory.mktemp("unpacking") / "cache"
    processes = [
        subprocess.Popen([sys.executable, "-c", UNPACK, folder], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    folders = {process.communicate(timeout=250)[0].strip() for process in processes}
    assert [process.returncode for process in processes] == [0, 0]
    assert [str(path) for path in folder.iterdir()] == list(folders)
    return folder


@pytest.fixture(scope="module")
def local(cache: Path) -> Iterator[LocalWriter]:
    writer = load_writer(ReportSettings(writer=WriterKind.TRANSFORMERS, cache=cache))
    assert isinstance(writer, LocalWriter)
    return writer


@pytest.mark.timeout(600)
def test_two_processes_may_unpack_the_model_at_once(cache: Path):
    (folder,) = cache.iterdir()
    assert (folder / "model.safetensors").is_file()


def test_everybody_may_read_the_model_whatever_the_umask(cache: Path):
    (folder,) = cache.iterdir()
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o644}
    assert [stat.S_IMODE(place.stat().st_mode) for place in (folder, cache)] == [0o755, 0o755]


@pytest.mark.timeout(600)
def test_a_batch_is_reported_in_the_models_own_words(local: LocalWriter):
    reports = write_reports(REQUESTS, local, attempts=3)
    own = [report for report in reports if not report.verification.fallback]
    assert len(own) >= 7
    assert {report.writer for report in own} == {bundled_version()}
    for request, report in zip(REQUESTS, reports, strict=True):
        assert verify(report.sections, request) == ()


def test_a_study_gets_the_same_report_again_when_it_is_written_alone_again(local: LocalWriter):
    assert write_reports(REQUESTS[7:], local, attempts=2) == write_reports(REQUESTS[7:], local, attempts=2)


@pytest.mark.timeout(600)
def test_llama_cpp_gives_the_text_that_transformers_gives(local: LocalWriter):
    """The likeliest text of either, on the same prompts: the merged file holds the same model."""
    llama = LlamaWriter.bundled()
    chats = [messages_for(request, attempt=1, brief=True) for request in REQUESTS]
    tokenizer, same = local._tokenizer, 0
    for chat in chats:
        prompt = tokenizer.apply_chat_template(chat, add_generation_prompt=True, tokenize=False)
        inputs = tokenizer(prompt, return_tensors="pt", add_special_tokens=False)
        with torch.inference_mode():
            output = local._model.generate(**inputs, max_new_tokens=120, do_sample=False)[0]
        theirs = tokenizer.decode(output[inputs["input_ids"].shape[1] :], skip_special_tokens=True)
        answer = llama._engine.handle_chat_completions(
            {"messages": chat, "max_tokens": 120, "temperature": 0}
        )
        assert answer["usage"]["prompt_tokens"] == inputs["input_ids"].shape[1]
        same += answer["choices"][0]["message"]["content"] == theirs
    llama.close()
    print(f"{same} of {len(chats)} texts are the same to the letter")
    # Eight bits a weight round a tie to the other side now and then.
    assert same >= 6
