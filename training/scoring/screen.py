"""The figures of a bundle for a terminal."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from shared.bundles import Card, Interval, Metrics
from shared.labels import NO_FINDING
from training.answers import Summary
from training.metrics import FEWEST, in_words
from training.scoring.label_table import LabelTable
from training.scoring.measured import Measured
from training.scoring.scored import Scored

_TOO_FEW: Final = f"fewer than {FEWEST} of a kind"


def table(images: Scored, summary: Summary, card: Card, labels: LabelTable, *, by_source: bool) -> str:
    """Say the figures with their 95 % intervals by a bootstrap over patients.

    Args:
        by_source: whether each label's figure within one source stands beside that over all pairs.
    """
    metrics = summary.metrics
    beside = f"{'within one source':<24}" if by_source else ""
    lines = [f"\n{'AUROC':<28}{'':<24}{beside}{'with':>6} {'without':>8}"]
    if metrics is None:
        lines.append(f"{'mean of the labels':<28}{_TOO_FEW}")
    else:
        means = _means(images, metrics, card.paper_labels)
        lines += [f"{name:<28}{in_words(one, without=_TOO_FEW)}" for name, one in means]
    for name, one in zip(images.labels, summary.labels, strict=True):
        if name in labels.labels:
            counts = f"{one.positives:>6} {one.negatives:>8}"
            within = f"{in_words(one.within_source, without=_TOO_FEW):<24}" if by_source else ""
            lines.append(f"{name:<28}{in_words(one.auroc, without=_TOO_FEW):<24}{within}{counts}")
    if metrics is not None and _several(images.sources):
        told = "other patients of the table" if metrics.looked_up_elsewhere else "these images themselves"
        lines.append(f"\nlooked up: how often a label is on images of {told}, by source, and by view")
    return "\n".join(lines)


def _means(images: Scored, metrics: Metrics, paper: Sequence[str]) -> list[tuple[str, Interval | None]]:
    """Return the figures over several labels with their names; without those that say the same again."""
    sources, views = _several(images.sources), _several(images.views)
    own = 0 < len(paper) < len(images.labels)
    figures = (
        (sources, "mean within one source", metrics.within_source),
        (views, "mean within source and view", metrics.within_source_and_view),
        (True, "mean of the labels", metrics.macro_auroc),
        (sources, "  source looked up", metrics.source_alone),
        (views, "  source and view looked up", metrics.source_and_view_alone),
        (metrics.studies < len(images.studies), f"  of {metrics.studies} studies", metrics.per_study),
        (own, f"  paper's {len(paper)} labels", metrics.paper),
        *((views, f"  in {view} images alone", one) for view, one in metrics.by_view.items()),
        *((sources, f"  in {source} alone", one) for source, one in metrics.by_source.items()),
    )
    return [(name, one) for shown, name, one in figures if shown]


def _several(names: NDArray[np.str_]) -> bool:
    return len(set(names)) > 1


def preamble(names: Sequence[str], labels: LabelTable, measured: Sequence[Measured]) -> list[str]:
    """Say what was scored, and what of the table is not part of the figures."""
    patients = len({one.row.patient for one in measured})
    broken = sum(one.probabilities is None for one in measured)
    refused = sum(bool(one.refusal) for one in measured) - broken
    silent = sum(not any(name in one.row.labels for name in names) for one in measured)
    unanswered = [
        name
        for name, meaning in labels.names.items()
        if not {*meaning.shown, *meaning.either} & {*names, NO_FINDING}
    ]
    never = [name for name in names if name not in labels.labels]
    lines = [f"{len(measured)} images of {patients} patients"]
    if broken:
        lines.append(f"{broken} cannot be decoded: not scored, the reason is in the column `refused`")
    if refused:
        lines.append(f"{refused} are refused by the gate: scored all the same, the reason is in `refused`")
    if silent:
        lines.append(f"{silent} have no label that the bundle knows, nor the lack of one: in no figure")
    if unanswered:
        lines.append(f"no label of the bundle answers to: {', '.join(unanswered)}")
    if never:
        lines.append(f"left out, since the CSV never speaks of them: {', '.join(never)}")
    return lines
