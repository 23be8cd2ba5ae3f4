"""Small SVG plots of one label: its ROC curve, and how often it is there at each probability."""

from io import BytesIO
from typing import Final

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from sklearn.calibration import calibration_curve
from sklearn.metrics import roc_curve

from training.metrics import Scores, Truth

_LINE: Final = "#0072b2"
_OTHER: Final = "#d55e00"
_CHANCE: Final = "#777777"
"""Okabe and Ito's, which people with any colour vision tell apart."""
_GROUPS: Final = 10


def roc_svg(scores: Scores, truth: Truth, *, threshold: float) -> bytes:
    """Draw the ROC curve of (N,) scores, with a mark at a threshold."""
    figure, axes = _square("false positive rate", "sensitivity")
    false_positives, sensitivity, _ = roc_curve(truth, scores)
    axes.plot(false_positives, sensitivity, color=_LINE, linewidth=2)
    called = scores >= threshold
    axes.plot(called[~truth].mean(), called[truth].mean(), "o", color=_OTHER, markersize=8)
    return _svg(figure)


def reliability_svg(scores: Scores, truth: Truth) -> bytes:
    """Draw the share of positives against the mean of (N,) probabilities, in groups of as many images."""
    figure, axes = _square("probability", "share with the label")
    shares, means = calibration_curve(truth, scores, n_bins=_GROUPS, strategy="quantile")
    axes.plot(means, shares, "o-", color=_LINE, linewidth=2, markersize=5)
    # Rare labels live in the lowest corner: the axes end where the points do.
    end = min(1.0, 1.08 * max(float(np.max(means)), float(np.max(shares)))) or 1.0
    axes.set(xlim=(0, end), ylim=(0, end))
    return _svg(figure)


def _square(x: str, y: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(3.2, 3.2), layout="constrained", facecolor="none")
    FigureCanvasSVG(figure)
    axes = figure.add_subplot(facecolor="none")
    axes.plot([0, 1], [0, 1], color=_CHANCE, linewidth=1, linestyle=":")
    axes.set(xlim=(0, 1), ylim=(0, 1.02), xlabel=x, ylabel=y, aspect="equal")
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _svg(figure: Figure) -> bytes:
    packed = BytesIO()
    # Without a date and with fixed ids, so that the same figures give the same file.
    with mpl.rc_context({"svg.hashsalt": "cxr", "svg.fonttype": "none", "font.size": 11}):
        figure.savefig(packed, format="svg", metadata={"Date": None})
    return packed.getvalue()
