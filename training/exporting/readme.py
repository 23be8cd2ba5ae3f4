"""A bundle's README.md: what its card says, for people."""

from typing import Final

from shared.bundles import Calibration, Card, Interval, Label, Metrics, Training
from training.metrics import in_words

README: Final = "README.md"


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

Positives are in training / validation / test.

| label | positives | AUROC, one source | all pairs | present | uncertain | sensitivity | specificity |
| --- | --- | --- | --- | --- | --- | --- | --- |
{"".join(map(_row, card.labels))}"""


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
