"""The report of an evaluation: one HTML file that holds all it shows, and asks nothing of any network."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from markupsafe import Markup

from shared.bundles import Bundle, Interval
from training.metrics import in_words, macro_auroc
from training.scoring.examples import Example
from training.scoring.figures import BINS, Figures, LabelFigures
from training.scoring.papers import Paper, papers
from training.scoring.plots import reliability_svg, roc_svg
from training.scoring.scored import Scored
from training.scoring.template import html


@dataclass(frozen=True, slots=True)
class Beside:
    """A paper beside the bundle.

    Attributes:
        shared: labels that both have a figure of.
        theirs: mean of the paper's figures of these; None when it reports none, or none is shared.
        ours: mean of the bundle's.
    """

    paper: Paper
    shared: int
    theirs: float | None
    ours: float | None


@dataclass(frozen=True, slots=True)
class Plots:
    """A label's plots, as data URIs, and what they show in words."""

    label: str
    roc: str
    reliability: str
    said: str
    error: str


def render(
    bundle: Bundle,
    scored: Scored,
    figures: Figures,
    examples: Sequence[Example],
    *,
    said: Sequence[str],
    day: date,
) -> str:
    """Write the report.

    Args:
        said: lines on what was scored and what was left out.
        day: it was measured on.
    """
    published = papers()
    shown = [label for label in figures.labels if label.auroc is not None]
    return html(
        "report.html.j2",
        bundle=bundle,
        card=bundle.card,
        figures=figures,
        plots=[_plots(label, label.auroc, scored) for label in shown if label.auroc is not None],
        columns=[paper for paper in published if paper.auroc],
        papers=[_beside(paper, shown, scored) for paper in published],
        examples=_by_label(examples),
        said=said,
        day=day,
        bins=BINS,
        picture=lambda example: _uri("image/jpeg", example.jpeg),
        figure=_figure,
    )


def _plots(label: LabelFigures, auroc: Interval, scored: Scored) -> Plots:
    k = scored.labels.index(label.name)
    rows = scored.known[:, k]
    scores, truth = scored.scores[rows, k], scored.truth[rows, k]
    return Plots(
        label.name,
        roc=_uri("image/svg+xml", roc_svg(scores, truth, threshold=label.threshold)),
        reliability=_uri("image/svg+xml", reliability_svg(scores, truth)),
        said=f"area {auroc.value:.3f}, at the threshold sensitivity {label.sensitivity:.2f} "
        f"and specificity {label.specificity:.2f}",
        error=f"{label.ece:.3f}",
    )


def _beside(paper: Paper, labels: Sequence[LabelFigures], scored: Scored) -> Beside:
    both = [label.name for label in labels if label.name in paper.auroc]
    if not both:
        return Beside(paper, 0, None, None)
    columns = [scored.labels.index(name) for name in both]
    ours = macro_auroc(scored.scores[:, columns], scored.truth[:, columns], known=scored.known[:, columns])
    theirs = float(np.mean([paper.auroc[name] for name in both]))
    # Rounded as an Interval is, so that the same mean reads the same everywhere.
    return Beside(paper, len(both), theirs, round(ours, 4))


def _by_label(examples: Sequence[Example]) -> dict[str, list[Example]]:
    found: dict[str, list[Example]] = {}
    for example in examples:
        found.setdefault(example.label, []).append(example)
    return found


def _figure(one: Interval | None) -> Markup:
    if one is None:
        return Markup('<span class="soft">too few</span>')
    value, interval = in_words(one).split(" ", 1)
    return Markup('{} <span class="soft">{}</span>').format(value, interval)


def _uri(media_type: str, content: bytes) -> str:
    return f"data:{media_type};base64,{base64.b64encode(content).decode()}"
