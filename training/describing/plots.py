"""A data set's counts as PNG plots: labels.png, ages.png, views.png."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from training.describing.counts import Counts

_COLOURS: Final = {
    "present": "#0072b2",
    "uncertain": "#e69f00",
    "absent": "#999999",
    "not labelled": "#eeeeee",
}
"""Okabe and Ito's, which people with any colour vision tell apart."""


def draw(counts: Counts, title: str, folder: Path) -> list[Path]:
    """Draw all plots into a folder, which is made, and return the files."""
    folder.mkdir(parents=True, exist_ok=True)
    plots: dict[str, Callable[[Axes, Counts], None]] = {"labels": _labels, "ages": _ages, "views": _views}
    paths = []
    for name, plot in plots.items():
        figure = Figure(figsize=(8, 6), layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.add_subplot()
        plot(axes, counts)
        figure.suptitle(f"{title}: {counts.images:,} images of {counts.patients:,} patients")
        path = folder / f"{name}.png"
        figure.savefig(path, dpi=120)
        paths.append(path)
    return paths


def _labels(axes: Axes, counts: Counts) -> None:
    """Draw a bar a label, the rarest on top, cut into its states."""
    order = sorted(counts.labels, key=lambda label: -counts.labels[label].present)
    left = [0] * len(order)
    for state, colour in _COLOURS.items():
        widths = [getattr(counts.labels[label], state.replace(" ", "_")) for label in order]
        axes.barh(order, widths, left=left, color=colour, label=state, edgecolor="white")
        left = [before + width for before, width in zip(left, widths, strict=True)]
    axes.set_xlabel("images")
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=len(_COLOURS), frameon=False)


def _ages(axes: Axes, counts: Counts) -> None:
    axes.hist(counts.ages, bins=range(0, 125, 5), color=_COLOURS["present"], edgecolor="white")
    axes.set_xlabel(f"age in years, not stated for {counts.images - len(counts.ages):,}")
    axes.set_ylabel("images")


def _views(axes: Axes, counts: Counts) -> None:
    axes.bar(list(counts.views), list(counts.views.values()), color=_COLOURS["present"])
    axes.set_ylabel("images")
