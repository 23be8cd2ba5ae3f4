"""Rounds and ratios: how two sides are measured so that a busy machine blurs both alike.

Sides take turns, in the order A B, B A, A B, ...; a ratio is taken within a round, never across rounds.
"""

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Self


@dataclass(frozen=True, slots=True)
class Options:
    """What the caller chose.

    Attributes:
        quick: fewer studies and rounds: to see that it runs, and roughly what comes out.
        studies: how many, where a benchmark counts in studies; None for its own choice.
    """

    quick: bool = False
    studies: int | None = None

    def choose(self, quick: int, full: int) -> int:
        """Return one of two sizes."""
        return quick if self.quick else full

    def count(self, quick: int, full: int) -> int:
        """Return how many studies to take."""
        return self.studies or self.choose(quick, full)


@dataclass(frozen=True, slots=True)
class Spread:
    """The least, the middle and the greatest of some rounds."""

    low: float
    middle: float
    high: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Self:
        """Sum up at least one value."""
        ordered = sorted(values)
        return cls(ordered[0], median(ordered), ordered[-1])


@dataclass(frozen=True, slots=True)
class Comparison:
    """One figure of ours beside the same figure of a reference.

    Attributes:
        what: is measured.
        reference: what it is measured against.
        unit: of `ours` and `theirs`.
        ratio: ours / theirs, of each round.
    """

    what: str
    reference: str
    unit: str
    ours: Spread
    theirs: Spread
    ratio: Spread


def compare(
    ours: Sequence[float], theirs: Sequence[float], *, what: str, reference: str, unit: str
) -> Comparison:
    """Compare two sides round by round.

    Args:
        ours: one figure a round, in the order of the rounds.
        theirs: as many, above zero.
    """
    ratios = [mine / other for mine, other in zip(ours, theirs, strict=True)]
    return Comparison(what, reference, unit, Spread.of(ours), Spread.of(theirs), Spread.of(ratios))


def alternate(rounds: int, *sides: Callable[[int], object]) -> None:
    """Run every side once a round, the order turned round each time; each keeps its own figures.

    Args:
        sides: are told which round it is, from 0.
    """
    for number in range(rounds):
        for side in sides if number % 2 == 0 else reversed(sides):
            side(number)


def core_count() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0))
