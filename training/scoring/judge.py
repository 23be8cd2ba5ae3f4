"""What the worker says of a file: its own decoding, its graph and its quality gate, and nothing of ours."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from shared.errors import BadInputError
from worker_cnn.decoding import DecoderPool, PreparedImage, prepare
from worker_cnn.reading import Sight, read


class Decode(Protocol):
    """`worker_cnn.decoding.prepare`, here or in child processes."""

    def __call__(self, data: bytes, *, name: str, size: int) -> PreparedImage:
        """Decode a file, or raise a BadInputError."""
        ...


def in_children(decoder: DecoderPool) -> Decode:
    """Return `prepare` as the pool does it."""

    def decode(data: bytes, *, name: str, size: int) -> PreparedImage:
        return decoder.prepare(lambda: data, name=name, size=size)

    return decode


@dataclass(frozen=True, slots=True)
class Judged:
    """What became of one file.

    Attributes:
        logits: (L,) uncalibrated; None when the file cannot be read or decoded.
        refusal: why the worker would not classify it; empty when it would.
    """

    logits: NDArray[np.float32] | None
    refusal: str


def judge(path: Path, sight: Sight, *, size: int, decode: Decode = prepare) -> Judged:
    """Decode, run and judge one file."""
    try:
        prepared = decode(path.read_bytes(), name=path.name, size=size)
    except BadInputError as error:
        return Judged(None, error.detail)
    except OSError as error:
        return Judged(None, f"the file cannot be read: {error.strerror}")
    reading = read(prepared, sight)
    rejection = reading.quality.rejection
    # What is refused is scored all the same.
    output = reading.output or sight.classify(reading.prepared)
    return Judged(output.logits, "" if rejection is None else rejection.detail)
