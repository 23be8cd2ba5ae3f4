"""The bundled language model on transformers: real weights, real adapter, and llama.cpp beside it."""

import math
import stat
import subprocess
import sys
from pathlib import Path

import gguf
import numpy as np
import pytest
import torch

from shared.settings import ReportSettings, WriterKind
from tests.support.llm_reports import departures, draw_case
from worker_llm.pipeline import write_reports
from worker_llm.prompts import messages_for
from worker_llm.writers import load_writer, merged
from worker_llm.writers.bundled import bundled_version
from worker_llm.writers.llama import LlamaWriter
from worker_llm.writers.local import LocalWriter

UNPACK = (
    "import os, sys, time; from pathlib import Path; from worker_llm.writers.unpacked import unpacked_base;"
    " os.umask(0o077); start = time.process_time();"
    " print(unpacked_base(Path(sys.argv[1])), time.process_time() - start)"
)
REQUESTS = [draw_case(seed).request for seed in range(4)]
"""Few: transformers takes ten seconds a report here; thirty are written by llama.cpp, as it ships."""


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Let two processes unpack the model at once, whose user lets nobody else read what they write."""
    folder = tmp_path_factory.mktemp("unpacking") / "cache"
    processes = [
        subprocess.Popen([sys.executable, "-c", UNPACK, folder], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    said = [process.communicate(timeout=500)[0].rsplit(maxsplit=1) for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert [[str(path)] * 2 for path in folder.iterdir()] == [[name for name, _ in said]]
    waited, made = sorted(float(seconds) for _, seconds in said)
    assert waited < made / 5, "one of them makes it, and the other finds it there"
    return folder


@pytest.fixture(scope="module")
def local(cache: Path) -> LocalWriter:
    writer = load_writer(ReportSettings(writer=WriterKind.TRANSFORMERS, cache=cache))
    assert isinstance(writer, LocalWriter)
    return writer


def test_two_processes_may_unpack_the_model_at_once(cache: Path):
    (folder,) = cache.iterdir()
    assert (folder / "model.safetensors").is_file()


def test_everybody_may_read_the_model_whatever_the_umask(cache: Path):
    (folder,) = cache.iterdir()
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o644}
    assert [stat.S_IMODE(place.stat().st_mode) for place in (folder, cache)] == [0o755, 0o755]


def test_a_batch_is_reported_in_the_models_own_words(local: LocalWriter):
    reports = write_reports(REQUESTS, local, attempts=3)
    own = [report for report in reports if not report.verification.fallback]
    assert len(own) >= 3
    assert {report.writer for report in own} == {bundled_version()}
    for request, report in zip(REQUESTS, reports, strict=True):
        assert departures(report.sections, request) == ()


def test_a_study_gets_the_same_report_again_when_it_is_written_alone_again(local: LocalWriter):
    assert write_reports(REQUESTS[-1:], local, attempts=2) == write_reports(REQUESTS[-1:], local, attempts=2)


def test_the_merged_file_holds_the_weights_that_transformers_computes_with(local: LocalWriter):
    layers = {ours: theirs for theirs, ours in merged.LAYERS.items()}
    weights = dict(local._model.named_parameters())
    tensors = [
        one for one in gguf.GGUFReader(merged.merged_model(None)).tensors if one.name.startswith("blk.")
    ]
    compared = 0
    for tensor in tensors:
        _, number, layer, _ = tensor.name.split(".")
        if layer in layers:
            ours = gguf.quants.dequantize(tensor.data, tensor.tensor_type)
            if layer in {"attn_q", "attn_k"}:  # back to each head's first half before its second
                heads = {"attn_q": 9, "attn_k": 3}[layer]
                ours = ours.reshape(heads, -1, 2, ours.shape[1]).swapaxes(1, 2).reshape(ours.shape)
            theirs = weights[f"model.layers.{number}.{layers[layer]}.weight"].detach().float().numpy()
            # Eight bits a weight here, and there a base that was rounded to bfloat16.
            assert np.linalg.norm(ours - theirs) < 0.01 * np.linalg.norm(theirs), tensor.name
            compared += 1
    assert compared == 30 * len(layers)


def test_llama_cpp_gives_each_next_word_the_probability_that_transformers_gives_it(local: LocalWriter):
    llama = LlamaWriter.bundled()
    for request in REQUESTS[:2]:  # one in each language
        chat = messages_for(request, llama.version, attempt=1, brief=True)
        prompt = local._tokenizer.apply_chat_template(chat, add_generation_prompt=True, tokenize=False)
        inputs = local._tokenizer(prompt, return_tensors="pt", add_special_tokens=False)
        answer = llama._engine.handle_chat_completions(
            {"messages": chat, "max_tokens": 40, "temperature": 0, "logprobs": True, "top_logprobs": 3}
        )
        assert answer["usage"]["prompt_tokens"] == inputs["input_ids"].shape[1]
        written = answer["choices"][0]["logprobs"]["content"]
        ids = torch.tensor([[token["id"] for token in written]])
        with torch.inference_mode():
            logits = local._model(torch.cat([inputs["input_ids"], ids], dim=1)).logits[0].float()
        theirs = logits[inputs["input_ids"].shape[1] - 1 : -1].softmax(-1)  # (answer, vocabulary)
        for token, probabilities in zip(written, theirs, strict=True):
            for one in token["top_logprobs"]:
                assert math.exp(one["logprob"]) == pytest.approx(probabilities[one["id"]].item(), abs=0.1)
    llama.close()
