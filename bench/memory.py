"""The API's memory after many studies.

Every study is POSTed for real (Postgres, broker and S3 server behind), polled once, and now and then the
list is read. Reference: the same process's resident memory after the first tenth of them. No workers run:
they are other processes.
"""

import asyncio
from typing import Final

from rich.progress import Progress

from bench.drive import WIDTH, post
from bench.measure import Options, compare
from bench.originals import Original, distinct, samples
from bench.results import Breakdown, Result
from bench.stack import Stack
from bench.wire import ask_all, get

NAME: Final = "memory"
_STEPS: Final = 10
_CHUNK: Final = 100
_MEGABYTE: Final = 1_000_000


def main(options: Options, progress: Progress) -> Result:
    """Measure."""
    count = options.count(1000, 10_000)
    step = count // _STEPS
    (picture,) = (original for original in samples() if original.name == "chest-3.jpg")
    task = progress.add_task("memory: starting the API", total=count)
    sizes: list[tuple[str, tuple[float, ...]]] = []
    with Stack(("api",)) as stack:
        sizes.append(("0", (stack.memory("api") / _MEGABYTE,)))
        progress.update(task, description=f"memory: {count} studies")
        for number in range(1, _STEPS + 1):
            _send(stack, picture, range((number - 1) * step, number * step))
            sizes.append((f"{number * step:,}", (stack.memory("api") / _MEGABYTE,)))
            progress.advance(task, step)
    (_, first), (_, last) = sizes[1], sizes[-1]
    grown = compare(
        last,
        first,
        what=f"API after {step * _STEPS:,} studies",
        reference=f"API after {step:,} studies",
        unit="MB resident",
    )
    return Result(
        NAME,
        (grown,),
        (Breakdown("API after so many studies", ("MB resident",), tuple(sizes)),),
        (f"{len(picture.content):,} bytes a study, one poll a study, {WIDTH} connections",),
    )


def _send(stack: Stack, picture: Original, numbers: range) -> None:
    for first in range(numbers.start, numbers.stop, _CHUNK):
        some = range(first, min(first + _CHUNK, numbers.stop))
        paths = post(stack, [distinct(picture, number) for number in some])
        requests = [*(get(path) for path in paths), get("/v1/studies?limit=50")]
        answers = asyncio.run(ask_all(stack.port, requests, width=WIDTH))
        bad = [answer for answer in answers if answer.status != 200]
        if bad:
            message = f"{bad[0].status} {bad[0].body[:300]!r}"
            raise RuntimeError(message)
