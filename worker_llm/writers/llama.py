"""A language model on the CPU in this process, run by llama.cpp: the bundled one, or any GGUF file.

One chat completion a report, each with a seed of its own; the engine computes those that wait as one batch,
and gives the slot of one that has ended to the next.

Map: `LlamaWriter` (`bundled`, `from_file`) -> `write` -> `_complete` · `_start`.
"""

import hashlib
import os
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, Self
from zlib import crc32

from shared.domain.reports import Policy, WriterVersion
from shared.machine.cores import usable_cores
from shared.operations import telemetry
from shared.reporting.request import ReportRequest, seed_of
from worker_llm.prompts import longest_answer, messages_for, parse_answer
from worker_llm.writers.base import Draft, WriterRefusedError
from worker_llm.writers.bundled import ADAPTER, bundled_version
from worker_llm.writers.merged import merged_model

# The C library for threads reads this when it is loaded, so it stands before the import. Its threads would
# spin where they wait for each other, and beside another busy process that takes all the time there is.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # noqa: TID251 - written for a library, not read by us
import xllamacpp

_TEMPERATURE: Final = 0.2
_TEMPERATURE_AGAIN: Final = 0.7
"""The first text is nearly the likeliest one; a refused one is tried again with more freedom."""
_TOP_P: Final = 0.95
_TOP_K: Final = 50
_LONGEST: Final = 2048
"""Tokens of a prompt with its answer; each slot keeps memory for so many, 23 KB each in the bundled model."""
_ERRORS_ONLY: Final = 1
_MAGIC: Final = b"GGUF"


class LlamaWriter:
    """Writes with a GGUF model."""

    policy = Policy.STRICT
    sees = False

    def __init__(self, file: Path, version: WriterVersion, *, brief: bool, threads: int, slots: int) -> None:
        """Load the model.

        Args:
            file: the GGUF file, with tokenizer and chat template in it.
            version: who writes.
            brief: the short instruction, for the adapter that was tuned on it.
            threads: of the CPU; 0 means the cores that this process may use.
            slots: reports that are written at once; more wait for a slot.

        Raises:
            WriterRefusedError: the file is missing, or no model that llama.cpp can load.
        """
        self._engine = _start(file, threads=threads or usable_cores(), slots=slots)
        self._pool = ThreadPoolExecutor(max_workers=slots, thread_name_prefix="llama")
        self._brief = brief
        self.version = version

    @classmethod
    def bundled(
        cls, *, threads: int = 0, slots: int = 8, cache: Path | None = None, adapter: Path = ADAPTER
    ) -> Self:
        """Load the model that ships, with its adapter merged in."""
        file = merged_model(cache, adapter=adapter)
        return cls(file, bundled_version(), brief=True, threads=threads, slots=slots)

    @classmethod
    def from_file(cls, file: Path, *, threads: int = 0, slots: int = 8) -> Self:
        """Load another model; its version is the start of the file's SHA-256."""
        if file.suffix != ".gguf":
            message = (
                f"CXR_REPORT_MODEL: {file} is no .gguf file; other models need CXR_REPORT_WRITER=transformers"
            )
            raise WriterRefusedError(message)
        try:
            with file.open("rb") as content:
                digest = hashlib.file_digest(content, "sha256").hexdigest()
        except OSError as error:
            message = f"CXR_REPORT_MODEL: cannot read {file}: {error.strerror}"
            raise WriterRefusedError(message) from error
        version = WriterVersion(id=file.stem, version=digest[:12])
        return cls(file, version, brief=False, threads=threads, slots=slots)

    def write(self, requests: Sequence[ReportRequest], *, attempt: int) -> list[Draft]:
        """Write all requests at once; see `Writer.write`."""
        return list(self._pool.map(lambda request: self._complete(request, attempt), requests))

    def close(self) -> None:
        """Let go of the model."""
        self._pool.shutdown()
        del self._engine

    def _complete(self, request: ReportRequest, attempt: int) -> Draft:
        answer = self._engine.handle_chat_completions(
            {
                "messages": messages_for(request, self.version, attempt=attempt, brief=self._brief),
                "max_tokens": longest_answer(request),
                "seed": crc32(seed_of(request, self.version, attempt).encode()),
                # In the order of transformers, which divides by the temperature before it cuts at top_p.
                "samplers": ["top_k", "temperature", "top_p"],
                "temperature": _TEMPERATURE if attempt == 1 else _TEMPERATURE_AGAIN,
                "top_k": _TOP_K,
                "top_p": _TOP_P,
                # The engine could keep the start of a prompt that it saw before, but rounds differently then:
                # a study would get another text when it is written again. That start is ten tokens long.
                "cache_prompt": not self._brief,
            }
        )
        telemetry.TOKENS.inc(answer["usage"]["completion_tokens"])
        return parse_answer(answer["choices"][0]["message"]["content"] or "", request)


def _start(file: Path, *, threads: int, slots: int) -> Any:  # noqa: ANN401 - xllamacpp ships no types
    try:
        with file.open("rb") as content:
            whole = content.read(len(_MAGIC)) == _MAGIC
    except OSError as error:
        message = f"CXR_REPORT_MODEL: cannot read {file}: {error.strerror}"
        raise WriterRefusedError(message) from error
    if not whole:
        message = f"CXR_REPORT_MODEL: {file} is no GGUF file"
        raise WriterRefusedError(message)
    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(file)
    parameters.verbosity = _ERRORS_ONLY
    parameters.offline = True
    parameters.n_parallel = slots
    parameters.n_ctx = slots * _LONGEST
    parameters.fit_params = False  # it would load a shorter context where memory is short, instead of failing
    parameters.cache_ram_mib = 0  # else prompts of the past are kept, up to 8 GB of them
    for pool in (parameters.cpuparams, parameters.cpuparams_batch):
        pool.n_threads = threads
        pool.poll = 0  # the same as OMP_WAIT_POLICY, where the engine is built without OpenMP
    # The engine cannot be had without its HTTP server. It gets a socket in the file system, of which nothing
    # is left when the block ends: no port is open, and nobody can connect.
    parameters.n_threads_http = 1
    with tempfile.TemporaryDirectory(prefix="cxr-") as folder:
        parameters.hostnames = [f"{folder}/llama.sock"]
        try:
            return xllamacpp.Server(parameters)
        except RuntimeError as error:
            message = f"CXR_REPORT_MODEL: llama.cpp cannot load {file}"
            raise WriterRefusedError(message) from error
