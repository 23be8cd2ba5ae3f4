"""Status polls a second: GET /v1/studies/{id} of a study that is done, whole and by If-None-Match.

Reference: a FastAPI route that returns a constant (`constant.py`), under the same uvicorn settings, asked
by the same client over as many connections, in turns.
"""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Final

from rich.progress import Progress

from bench.drive import drive
from bench.measure import Comparison, Options, alternate, compare
from bench.originals import samples
from bench.results import Breakdown, Result
from bench.stack import WHOLE_LINE, Stack, cpu_seconds
from bench.wire import ask_again, ask_all, get
from cxr.local.state import free_port, is_free

NAME: Final = "polls"
_WIDTH: Final = 16
"""Connections."""
_WARM_SECONDS: Final = 1.0
_START_SECONDS: Final = 60


@dataclass(slots=True)
class _Side:
    """One address, asked again and again.

    Attributes:
        used: tells the CPU seconds that each part behind the address has used so far.
        rates: answers a second, one a round.
        cpu: milliseconds of CPU an answer, of each part, one a round.
    """

    name: str
    port: int
    request: bytes
    status: int
    used: Callable[[], dict[str, float]]
    rates: list[float] = field(default_factory=list)
    cpu: list[dict[str, float]] = field(default_factory=list)

    def ask(self, seconds: float) -> None:
        """Ask for so long, and note what came."""
        before = self.used()
        count = asyncio.run(
            ask_again(self.port, self.request, width=_WIDTH, seconds=seconds, status=self.status)
        )
        self.rates.append(count.answers / count.seconds)
        self.cpu.append(
            {name: 1000 * (after - before[name]) / count.answers for name, after in self.used().items()}
        )


def main(options: Options, progress: Progress) -> Result:
    """Measure."""
    rounds, seconds = options.choose(3, 7), float(options.choose(1, 3))
    task = progress.add_task("polls: starting the stack", total=rounds)
    with (
        Stack(WHOLE_LINE, environment={"CXR_REPORT_WRITER": "template"}) as stack,
        _constant_server() as (port, pid),
    ):
        progress.update(task, description="polls: one study through the line")
        path, etag = _finished_study(stack)
        constant = _Side("constant", port, get("/constant"), 200, used=lambda: {"server": cpu_seconds(pid)})
        whole = _Side("200", stack.port, get(path), 200, used=lambda: _behind_polls(stack))
        unchanged = _Side(
            "304", stack.port, get(path, If_None_Match=etag), 304, used=lambda: _behind_polls(stack)
        )
        sides = (constant, whole, unchanged)
        progress.update(task, description=f"polls: {rounds} rounds of {seconds:g} s a side")
        for side in sides:
            side.ask(_WARM_SECONDS)
            side.rates.clear()
            side.cpu.clear()
        alternate(
            rounds,
            *(lambda _number, side=side: side.ask(seconds) for side in sides),
            lambda _number: progress.advance(task),
        )
    return Result(
        NAME,
        (
            _compare(whole, constant, "GET a finished study"),
            _compare(unchanged, constant, "the same by If-None-Match (304)"),
        ),
        (_cpu_table(sides),),
        (f"{_WIDTH} connections, {rounds} rounds of {seconds:g} s a side; one API process",),
    )


def _finished_study(stack: Stack) -> tuple[str, str]:
    """Send a study through the line; return its path and its ETag."""
    drive(stack, samples()[:1])
    (listed,) = asyncio.run(ask_all(stack.port, [get("/v1/studies?limit=1")], width=1))
    path = json.loads(listed.body)["items"][0]["links"]["self"]
    (study,) = asyncio.run(ask_all(stack.port, [get(path)], width=1))
    return path, study.header("etag")


def _behind_polls(stack: Stack) -> dict[str, float]:
    used = stack.cpu_seconds()
    return {"server": used["api"], "postgres": used["postgres"]}


@contextmanager
def _constant_server() -> Iterator[tuple[int, int]]:
    """Serve the constant for the block; give the port and the process."""
    port = free_port()
    server = subprocess.Popen(
        [sys.executable, "-m", "bench.constant", str(port)], cwd=Path(__file__).parent.parent
    )
    try:
        deadline = time.monotonic() + _START_SECONDS
        while is_free(port):
            if server.poll() is not None or time.monotonic() > deadline:
                message = "the constant's server does not come up"
                raise RuntimeError(message)
            time.sleep(0.1)
        yield port, server.pid
    finally:
        server.terminate()
        server.wait()


def _compare(ours: _Side, theirs: _Side, what: str) -> Comparison:
    return compare(ours.rates, theirs.rates, what=what, reference="constant route", unit="answers/s")


def _cpu_table(sides: tuple[_Side, ...]) -> Breakdown:
    def cpu(side: _Side, part: str) -> float:
        return median(one.get(part, 0.0) for one in side.cpu)

    return Breakdown(
        "CPU an answer (median), ms",
        ("server", "postgres"),
        tuple((side.name, (cpu(side, "server"), cpu(side, "postgres"))) for side in sides),
    )
