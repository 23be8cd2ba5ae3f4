"""The figures of real reports as Markdown tables, as docs/real-reports.md has them.

Map: `labeller_table`, `writers_table` -> `_markdown`.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Final

from shared.bundles import Interval
from training.metrics import in_words
from training.reports.labellers import Compared, Figures
from training.reports.written import Measured

_LABELLER: Final = ("label", "reports", "precision", "recall", "F1")
_WRITERS: Final = (
    "writer",
    "BLEU-4",
    "ROUGE-L",
    "METEOR",
    "label F1, grammar",
    "sentences it reads",
    "label F1, NegEx",
    "contradict",
    "invent",
    "omit",
    "is a report",
    "passes the verifier",
    "tokens/s",
    "reports/s",
)


def labeller_table(found: Compared) -> Iterator[str]:
    """Yield a line a label, and the figures of all."""
    rows = [
        *((label, str(count), *_cells(figures)) for label, (count, figures) in found.labels.items()),
        ("all decisions (micro)", "", *_cells(found.micro)),
        ("mean of the labels (macro)", "", "", "", _cell(found.macro)),
    ]
    yield from _markdown(_LABELLER, rows)


def writers_table(rows: Iterable[tuple[str, Measured]]) -> Iterator[str]:
    """Yield a line a writer, by its name, as soon as `rows` has it."""
    yield from _markdown(_WRITERS, (_row(name, found) for name, found in rows))


def _cells(figures: Figures) -> tuple[str, str, str]:
    return _cell(figures.precision), _cell(figures.recall), _cell(figures.f1)


def _cell(one: Interval | None) -> str:
    return in_words(one, without="none affirmed")


def _row(name: str, found: Measured) -> tuple[str, ...]:
    alike = found.overlaps
    return (
        name,
        *(f"{figure:.3f}" for figure in (alike.bleu4, alike.rouge_l, alike.meteor)),
        _cell(found.grammar_f1),
        f"{found.readable:.0%}",
        _cell(found.prose_f1),
        *(f"{share:.1%}" for share in (found.contradicting, found.inventing, found.omitting)),
        f"{found.whole:.0%}",
        f"{found.passed:.0%}",
        *(_speed(one) for one in (found.tokens_per_second, found.reports_per_second)),
    )


def _speed(one: float | None) -> str:
    return "" if one is None else f"{one:,.1f}"


def _markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    for cells in chain([head, ["---"] * len(head)], rows):
        yield f"| {' | '.join(cells)} |"
