"""The figures of a bundle for a terminal."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from shared.bundles import Bundle
from shared.labels import NO_FINDING
from training.metrics import FEWEST, macro_interval
from training.scoring.label_table import LabelTable
from training.scoring.measured import Measured
from training.scoring.scored import Scored, scored


def table(bundle: Bundle, labels: LabelTable, measured: Sequence[Measured]) -> str:
    """Say the figures with their 95 % intervals by a bootstrap over patients."""
    names = [label.id for label in bundle.card.labels]
    lines = preamble(names, labels, measured)
    if not any(one.probabilities for one in measured):
        return "\n".join(lines)
    figures = scored(names, measured)
    views = figures.groups["view"]
    every = np.arange(len(names))
    lines.append(f"\n{'AUROC':<26}{'':<24}{'with':>6} {'without':>8}")
    lines.append(f"{'mean of the labels':<26}{_macro(figures, np.ones(len(views), bool), every)}")
    for view in np.unique(views) if len(set(views)) > 1 else ():
        lines.append(f"{f'  in {view} images alone':<26}{_macro(figures, views == view, every)}")
    for k, name in enumerate(names):
        if name in labels.labels:
            known, shown = figures.known[:, k], figures.truth[:, k]
            counts = f"{int(shown[known].sum()):>6} {int((~shown[known]).sum()):>8}"
            lines.append(f"{name:<26}{_macro(figures, known, every[k : k + 1]):<24}{counts}")
    return "\n".join(lines)


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


def _macro(figures: Scored, rows: NDArray[np.bool_], labels: NDArray[np.int_]) -> str:
    """Return the macro AUROC of some images over some labels, for people."""
    part = np.ix_(rows, labels)
    one = macro_interval(
        figures.scores[part], figures.truth[part], figures.patients[rows], known=figures.known[part]
    )
    if one is None:
        return f"fewer than {FEWEST} of a kind"
    return f"{one.value:.3f} ({one.low:.3f} to {one.high:.3f})"
