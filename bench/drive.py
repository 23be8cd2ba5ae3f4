"""Sends studies through the whole stack over its API, as a client does: POST, then wait for the end."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bench.originals import Original
from bench.stack import Stack
from bench.wire import Connection, ask_all, connections, get, post_file

WIDTH: Final = 8
"""Connections of the client: uploads under way at once."""
_LONGEST_WAIT: Final = 20
_FINAL: Final = frozenset({"completed", "rejected", "failed", "cancelled"})


@dataclass(frozen=True, slots=True)
class Drive:
    """One pass through the stack.

    Attributes:
        seconds: from the first POST to the last study's end.
        accepting: of them, until the last POST was answered.
        cpu: seconds of each part of the stack, and of this client.
        ends: how many studies ended how.
    """

    seconds: float
    accepting: float
    cpu: dict[str, float]
    ends: Counter[str]


def drive(stack: Stack, originals: Sequence[Original]) -> Drive:
    """Send every original as a study of its own and wait until all have ended.

    Raises:
        RuntimeError: a study was not accepted, or failed.
    """
    cpu_before, own_before = stack.cpu_seconds(), time.process_time()
    begun = time.perf_counter()
    paths = post(stack, originals)
    accepting = time.perf_counter() - begun
    ends = asyncio.run(_wait_for_all(stack.port, paths))
    seconds = time.perf_counter() - begun
    used = {name: after - cpu_before[name] for name, after in stack.cpu_seconds().items()}
    cpu = {**used, "client": time.process_time() - own_before}
    if ends["failed"]:
        message = f"{ends['failed']} studies failed:\n{stack.log('worker-cnn')[-2000:]}"
        raise RuntimeError(message)
    return Drive(seconds, accepting, cpu, ends)


def post(stack: Stack, originals: Sequence[Original]) -> list[str]:
    """Send every original as a study; return the studies' paths.

    Raises:
        RuntimeError: one was not accepted.
    """
    requests = [post_file("/v1/studies", original.name, original.content) for original in originals]
    answers = asyncio.run(ask_all(stack.port, requests, width=WIDTH))
    for original, answer in zip(originals, answers, strict=True):
        if answer.status != 202:
            message = f"{original.name}: {answer.status} {answer.body[:500]!r}"
            raise RuntimeError(message)
    return [answer.header("location") for answer in answers]


async def _wait_for_all(port: int, paths: Sequence[str]) -> Counter[str]:
    ends: Counter[str] = Counter()
    waiting = iter(paths)

    async def work(connection: Connection) -> None:
        for path in waiting:
            ends[await _wait_for(connection, path)] += 1

    async with connections(port, WIDTH) as made:
        await asyncio.gather(*(work(connection) for connection in made))
    return ends


async def _wait_for(connection: Connection, path: str) -> str:
    while True:
        answer = await connection.ask(get(f"{path}?wait={_LONGEST_WAIT}"))
        status = str(json.loads(answer.body)["status"])
        if status in _FINAL:
            return status
