"""What every model's adapter is, and what they have in common.

Map: `Adapter` · `frontal`, `nearness`, `given`, `sampling`, `LONGEST` -> `as_said`.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Protocol

from worker_llm.vision.protocol import Asked, Image, Passage, Said
from worker_llm.vision.slots import MISSING, slot

LONGEST: Final = 512
"""Tokens of an answer."""


class Adapter(Protocol):
    """A loaded model."""

    def report(self, asked: Asked, pictures: Sequence[Path]) -> Said:
        """Write a report.

        Args:
            asked: what the worker sent.
            pictures: a temporary file of each image, in the request's order; they go when this returns.
        """
        ...


def frontal(asked: Asked, pictures: Sequence[Path], *, earlier: bool = False) -> Path | None:
    """Return the one picture that a model sees: of a frontal view, where there is one."""
    pairs = [pair for pair in zip(asked.images, pictures, strict=True) if pair[0].earlier is earlier]
    return min(pairs, key=lambda pair: nearness(pair[0]))[1] if pairs else None


def nearness(image: Image) -> int:
    """Return how far a view is from the one that models know best."""
    return ("PA", "AP", "UNKNOWN", "LATERAL").index(image.view)


def given(text: str | None, longest: int = 600) -> str | None:
    """Return a text as a prompt may hold it, or None where there is none."""
    words = slot(text, longest)
    return None if words == MISSING else words


def sampling(attempt: int) -> dict[str, Any]:
    """Return how an answer is chosen: the likeliest first, and another when that was refused."""
    return {"do_sample": False} if attempt == 1 else {"do_sample": True, "temperature": 0.8}


def as_said(findings: str, impression: str | None = None) -> Said:
    """Return an answer without boxes."""
    words, conclusion = " ".join(findings.split()), " ".join((impression or "").split())
    return Said((Passage(words),) if words else (), (conclusion,) if conclusion else None)
