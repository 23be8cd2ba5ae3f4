"""What `prepare` costs over the codec, for each kind of file.

Ours: header check, codec, pixel maths, model input, preview and exposure. Reference: the codec alone on
the same bytes (OpenCV for PNG and JPEG, pydicom's pixel_array for DICOM). And what it costs to have it
done in a child process (`DecoderPool`), which is how the worker survives a codec that crashes: that one
by the clock, the first by CPU time, which other programs on the machine blur less.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from typing import Final

import cv2
import numpy as np
from pydicom import dcmread
from rich.progress import Progress

from bench.measure import Comparison, Options, alternate, compare
from bench.originals import Original, real_dicoms, samples
from bench.results import Result
from shared.bundles import load_bundle
from shared.settings import ModelSettings
from worker_cnn.decoding import DecoderPool, prepare

NAME: Final = "decode"
_REPEATS: Final = 5
"""Times that a file is decoded for one figure."""


def main(options: Options, progress: Progress) -> Result:
    """Measure."""
    size = load_bundle(ModelSettings().bundle).card.input_size
    rounds = options.choose(3, 9)
    every = (*samples(), *real_dicoms())
    originals = [original for original in every if _is_readable(original.content)]
    task = progress.add_task(f"decode: {rounds} rounds a file", total=len(originals))
    cv2.setNumThreads(1)  # as in the worker's children
    comparisons: list[Comparison] = []
    with DecoderPool(workers=1) as pool:
        for original in originals:
            comparisons += _of_one(original, pool, rounds=rounds, size=size)
            progress.advance(task)
    return Result(
        NAME,
        tuple(comparisons),
        conditions=(
            f"model input of {size} px, one thread, {_REPEATS} times a file and round",
            f"left out: {len(every) - len(originals)} files that the codec alone cannot read",
        ),
    )


def _of_one(original: Original, pool: DecoderPool, *, rounds: int, size: int) -> list[Comparison]:
    ours: list[_Milliseconds] = []
    bare: list[float] = []
    child: list[float] = []
    name, content = original.name, original.content

    def in_a_child() -> object:
        return pool.prepare(lambda: content, name=name, size=size)

    alternate(
        rounds + 1,  # the first round warms up
        lambda _number: bare.append(_milliseconds(lambda: _decode(content)).cpu),
        lambda _number: ours.append(_milliseconds(lambda: prepare(content, name=name, size=size))),
        lambda _number: child.append(_milliseconds(in_a_child).wall),
    )
    what = f"{name if len(name) < 40 else name[:18] + '…' + name[-18:]}"
    return [
        compare(
            [one.cpu for one in ours[1:]], bare[1:], what=what, reference="codec alone", unit="ms of CPU"
        ),
        compare(
            child[1:],
            [one.wall for one in ours[1:]],
            what="… in a child process",
            reference="in this one",
            unit="ms",
        ),
    ]


def _is_readable(content: bytes) -> bool:
    """Tell whether the codec alone reads a file; `prepare` repairs some that it does not."""
    try:
        _decode(content)
    except Exception:  # noqa: BLE001  pydicom's plug-ins raise what they like
        return False
    return True


def _decode(content: bytes) -> object:
    if content.startswith((b"\x89PNG", b"\xff\xd8")):
        return cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    return dcmread(BytesIO(content)).pixel_array


@dataclass(frozen=True, slots=True)
class _Milliseconds:
    """What a call took, by the clock and of this process's CPU."""

    wall: float
    cpu: float


def _milliseconds(work: Callable[[], object]) -> _Milliseconds:
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(_REPEATS):
        work()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return _Milliseconds(1000 * wall / _REPEATS, 1000 * cpu / _REPEATS)
