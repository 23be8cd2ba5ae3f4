"""What a benchmark found, as tables for people and as JSON for programs."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from bench.measure import Comparison, Spread


@dataclass(frozen=True, slots=True)
class Breakdown:
    """Figures of ours that no reference stands beside.

    Attributes:
        columns: the heads of the figures; the rows' names have none.
        rows: a name, and one figure a column.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[float, ...]], ...]


@dataclass(frozen=True, slots=True)
class Result:
    """All that one benchmark found.

    Attributes:
        conditions: what one must know to read the figures: sizes, files, settings.
    """

    name: str
    comparisons: tuple[Comparison, ...]
    breakdowns: tuple[Breakdown, ...] = ()
    conditions: tuple[str, ...] = ()

    def as_json(self) -> dict[str, object]:
        """Return plain lists, objects and numbers."""
        return asdict(self)


def show(result: Result, console: Console) -> None:
    """Print a result."""
    console.print(f"\n[bold]{result.name}[/bold]")
    for condition in result.conditions:
        console.print(f"  {condition}", highlight=False)
    if result.comparisons:
        console.print(_comparisons(result.comparisons))
    for breakdown in result.breakdowns:
        console.print(_breakdown(breakdown))


def _comparisons(comparisons: Sequence[Comparison]) -> Table:
    table = Table("ours", "against", "unit", title_justify="left")
    for head in ("ours", "reference", "ratio (min, median, max)"):
        table.add_column(head, justify="right")
    for one in comparisons:
        table.add_row(
            *(one.what, one.reference, one.unit),
            *(number(one.ours.middle), number(one.theirs.middle), spread(one.ratio)),
        )
    return table


def _breakdown(breakdown: Breakdown) -> Table:
    table = Table("", title=breakdown.title, title_justify="left")
    for column in breakdown.columns:
        table.add_column(column, justify="right")
    for name, figures in breakdown.rows:
        table.add_row(name, *(number(figure) for figure in figures))
    return table


def spread(values: Spread) -> str:
    """Write three figures for people: '0.81  0.84  0.90'."""
    return "  ".join(number(value) for value in (values.low, values.middle, values.high))


def number(value: float) -> str:
    """Write a figure with about three digits that count: 0.0123, 1.23, 12.3, 1,234."""
    size = abs(value)
    if size >= 100 or value == 0:
        return f"{value:,.0f}"
    digits = 1 if size >= 10 else 2 if size >= 1 else 3 if size >= 0.1 else 4
    return f"{value:.{digits}f}"


def progress(console: Console) -> Progress:
    """Return a bar that goes away when it is done."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    return Progress(*columns, console=console, transient=True)
