"""A bundle's README.md: what its card says, for people."""

from pathlib import Path
from typing import Final

from shared.bundles import CARD, Calibration, Card, Interval, Label, Metrics, Training
from shared.placings import Placing, Placings, Rightness
from shared.reporting.certainty import PROBABLE_FROM, STATED_FROM
from training.metrics import in_words

README: Final = "README.md"
_CONCENTRATED: Final = 0.8
"""Of the steps of a `Placing`, the one that a label's row shows beside the first."""


def write_card(folder: Path, card: Card) -> None:
    """Write a bundle's card, for the worker and for people."""
    (folder / CARD).write_text(card.model_dump_json(indent=1) + "\n", encoding="utf-8")
    (folder / README).write_text(readme(card), encoding="utf-8")


def readme(card: Card) -> str:
    """Write a classifier's card for people, as Markdown."""
    again = "" if card.calibration is None else _calibrated(card.calibration)
    return f"""# {card.id} {card.version}

<!-- Written by training/exporting/readme.py from card.json: change that, not this. -->

{card.intended_use}

**Not for:** {"; ".join(card.not_for) or "not stated"}.

| | |
| --- | --- |
| Input | {card.input_size} x {card.input_size} gray; {card.normalisation} |
| Precision | {card.precision} |
{origin(card.training)}| Licence | {card.licence} |
| Attribution | {card.attribution} |
| Gate | the worker's, `worker_cnn/bundled_gate/` unless told otherwise |
{again}
{"" if card.metrics is None else _figures(card.metrics)}
## Labels

Positives are in training / validation / test. A report states what is present from a calibrated probability
of {STATED_FROM:.2f}, calls it probable from {PROBABLE_FROM:.2f}, possible below, whatever its threshold.

| label | positives | AUROC, one source | all pairs | present | uncertain | sensitivity | specificity |
| --- | --- | --- | --- | --- | --- | --- | --- |
{"".join(map(_row, card.labels))}{places(card)}"""


def places(card: Card) -> str:
    """Return the part that says how often maps are right of side and zone; empty where nobody measured it."""
    p = card.placings
    if p is None:
        return ""
    rows = "".join(
        f"| {x.id} | {x.side.patients} | {_rightness(x.side, 0)} | {_rightness(x.side, _CONCENTRATED)} | "
        f"{_from(x.side_from)} | {_rightness(x.zone, 0)} | {_rightness(x.zone, _CONCENTRATED)} | "
        f"{_from(x.zone_from)} |\n"
        for x in card.labels
        if x.side is not None and x.zone is not None
    )
    steps = "".join(
        f"| {side.concentration:.1f} | {_right(side)} | {_right(zone)} |\n"
        for side, zone in zip(p.side.steps, p.zone.steps, strict=True)
    )
    return f"""
## Where

How often side (right or left) and zone (upper, middle, lower) of a label's map are those of what was
outlined, of the {p.side.patients} patients with outlines who chose no threshold ({p.not_of} did). A map's
concentration is its share on that side, or in that zone. Intervals are exact 95 %. Either is said from where
on 95 in 100 are surely right; where that is "never", findings have no side, or no zone.
Outlines: {p.table}. Measured again by `{p.command}`.

| concentration, all labels | side right | zone right |
| --- | --- | --- |
{steps}
{_left_out(p)}
| label | patients | side right | from 0.8 | said from | zone right | from 0.8 | said from |
| --- | --- | --- | --- | --- | --- | --- | --- |
{rows}"""


def origin(t: Training | None) -> str:
    """Return the rows of a card's first table that say where its weights come from."""
    if t is None:
        return ""
    return f"""| Trained on | {t.data} |
| Started from | {t.start} |
| Images (train / validation / test) | {" / ".join(map(str, t.images))} |
| Patients (train / validation / test) | {" / ".join(map(str, t.patients))}, none in two |
| Chosen on | {t.chosen_on} |
| Made again by | `{t.command}` |
"""


def _figures(m: Metrics) -> str:
    views = "".join(f"- {view} images alone: {in_words(one)}\n" for view, one in sorted(m.by_view.items()))
    sources = "".join(f"- {name} alone: {in_words(one)}\n" for name, one in sorted(m.by_source.items()))
    measured_on = "other patients' images" if m.looked_up_elsewhere else "these images themselves"
    return f"""## Figures on the test patients

Macro AUROC **within one source: {_pairs(m.within_source)}**. Only pairs of images of one source (data set or
folder) count in it: which source an image comes from predicts its labels too. This is the figure to expect
elsewhere, and the one to compare. Intervals are 95 %, by bootstrap over patients.

| macro AUROC | classifier | a look-up of no pixel |
| --- | --- | --- |
| within one source | {_pairs(m.within_source)} | 0.5 |
| within one source and view | {_pairs(m.within_source_and_view)} | 0.5 |
| over all pairs | {in_words(m.macro_auroc)} | source {_pairs(m.source_alone)}; source and view {
        _pairs(m.source_and_view_alone)
    } |
{_row_of("studies, the highest of their images, over all pairs", m.per_study)}{
        _row_of("labels of the paper's figure, over all pairs", m.paper)
    }
A look-up gives each image the share of {
        measured_on
    } from its source (or source and view) that show the label.

{views}{sources}
The mean image has {m.findings_per_study} findings called present, one labelled No Finding has
{"not been seen" if m.findings_per_normal is None else m.findings_per_normal}.
"""


def _pairs(one: Interval | None) -> str:
    return in_words(one, without="too few pairs")


def _row_of(name: str, one: Interval | None) -> str:
    return "" if one is None else f"| {name} | {in_words(one)} | |\n"


def _row(x: Label) -> str:
    positives = "not stated" if x.positives is None else " / ".join(map(str, x.positives))
    return (
        f"| {x.id} | {positives} | {in_words(x.within_source)} | "
        f"{in_words(x.auroc)} | {x.threshold:.3f} | "
        f"{x.uncertain_from:.3f} | {_share(x.sensitivity)} | {_share(x.specificity)} |\n"
    )


def _calibrated(one: Calibration) -> str:
    return f"""
Calibration and thresholds of version {one.of} were fitted anew ({one.method}) on {one.images} images of
{one.patients} patients ({one.data}). The expected calibration error there was {one.ece_before} before and is
{one.ece_after} after, the latter of patients who were left out of the fit. Sensitivity, specificity and the
findings per image are theirs too, not those of the test patients; the AUROCs do not depend on it.
As they were: {", ".join(one.kept) or "no label"}. Made again by `{one.command}`.
"""


def _share(value: float | None) -> str:
    return "too few" if value is None else f"{value:.2f}"


def _left_out(p: Placings) -> str:
    said = [
        f"Of patients left out in turn, the {name} that was said was right: {_right(one.left_out)}.\n"
        for name, one in (("side", p.side), ("zone", p.zone))
        if one.left_out is not None
    ]
    return "".join(said)


def _rightness(placing: Placing, concentration: float) -> str:
    return next(_right(step) for step in placing.steps if step.concentration == concentration)


def _right(one: Rightness) -> str:
    return f"{one.right} of {one.maps} ({one.low:.2f} to {one.high:.2f})" if one.maps else "none"


def _from(value: float | None) -> str:
    return "never" if value is None else f"{value:.2f}"
