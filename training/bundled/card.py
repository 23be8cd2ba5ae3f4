"""The card of a classifier: its figures on the test patients, and the README that people read."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from shared.bundles import Calibration, Card, Interval, Label, Metrics, Training
from shared.gates import GateCard
from training.answers import Answers, Truths, label_figures, metrics_of
from training.bundled.pool import LABELS, Radiograph
from training.calibration import Cut, Scaling
from training.metrics import FEWEST, in_words
from training.table import Split


def truth_of(rows: Sequence[Radiograph]) -> NDArray[np.bool_]:
    """Return (N, L) labels."""
    return np.array([row.labels for row in rows], bool)


def patients_of(rows: Sequence[Radiograph]) -> NDArray[np.str_]:
    """Return (N,) patients."""
    return np.array([row.patient for row in rows])


def truths_of(rows: Sequence[Radiograph]) -> Truths:
    """Return what is true of images of the pool; each is a study, as NIH counts them."""
    truth = truth_of(rows)
    return Truths(
        LABELS,
        truth,
        np.ones(truth.shape, bool),
        patients_of(rows),
        studies=np.array([row.path.stem for row in rows]),
        sources=np.array([row.source for row in rows]),
        views=np.array([row.view.value for row in rows]),
    )


def answers_of(rows: Sequence[Radiograph], probabilities: NDArray[np.float64]) -> Answers:
    """Return the same with (N, L) probabilities."""
    return truths_of(rows).with_scores(probabilities)


def label_cards(
    pool: Sequence[Radiograph],
    test: Sequence[Radiograph],
    probabilities: NDArray[np.float64],
    scalings: Sequence[Scaling],
    cuts: Sequence[Cut],
) -> tuple[Label, ...]:
    """Describe every label with its figures on the test images: (N, L) probabilities."""
    answers = answers_of(test, probabilities)
    counts = {split: truth_of([row for row in pool if row.split is split]).sum(0) for split in Split}
    cards = []
    for k, name in enumerate(LABELS):
        found = label_figures(answers, k, threshold=cuts[k].threshold)
        cards.append(
            Label(
                id=name,
                slope=scalings[k].slope,
                offset=scalings[k].offset,
                threshold=cuts[k].threshold,
                uncertain_from=cuts[k].uncertain_from,
                auroc=found.auroc,
                within_source=found.within_source,
                sensitivity=found.sensitivity,
                specificity=found.specificity,
                positives=tuple(int(counts[split][k]) for split in Split),
            )
        )
    return tuple(cards)


def metrics(
    pool: Sequence[Radiograph],
    test: Sequence[Radiograph],
    probabilities: NDArray[np.float64],
    cuts: Sequence[Cut],
) -> Metrics:
    """Measure the whole classifier on the test images; what is looked up is of the pool's other patients."""
    present = probabilities >= np.array([cut.threshold for cut in cuts])
    others = truths_of([row for row in pool if row.split is not Split.TEST])
    found = metrics_of(answers_of(test, probabilities), present, others=others)
    if found is None:
        message = f"no label is shown and lacking {FEWEST} times among the test images"
        raise ValueError(message)
    return found


def readme(card: Card) -> str:
    """Write a classifier's card for people, as Markdown."""
    again = "" if card.calibration is None else _calibrated(card.calibration)
    return f"""# {card.id} {card.version}

<!-- Written by training/bundled/card.py from card.json: change that, not this. -->

{card.intended_use}

**Not for:** {"; ".join(card.not_for) or "not stated"}.

| | |
| --- | --- |
| Input | {card.input_size} x {card.input_size} gray; {card.normalisation} |
| Precision | {card.precision} |
{_origin(card.training)}| Licence | {card.licence} |
| Attribution | {card.attribution} |
| Gate | the worker's, `worker_cnn/bundled_gate/` unless told otherwise |
{again}
{"" if card.metrics is None else _figures(card.metrics)}
## Labels

Positives are in training / validation / test.

| label | positives | AUROC, one source | all pairs | present | uncertain | sensitivity | specificity |
| --- | --- | --- | --- | --- | --- | --- | --- |
{"".join(map(_row, card.labels))}"""


def gate_readme(card: GateCard) -> str:
    """Write a gate's card for people, as Markdown."""
    g = card.gate
    groups = "".join(
        f"| {name} | {g.counted[name]} | {100 * share:.1f} % |\n" for name, share in sorted(g.refused.items())
    )
    return f"""# {card.id} {card.version}

<!-- Written by training/bundled/card.py from card.json: change that, not this. -->

{card.intended_use}

| | |
| --- | --- |
| Input | {card.input_size} x {card.input_size} gray; {card.normalisation} |
| Embedding | {card.embedding}: beside a classifier that offers it, the heads alone are run |
{_origin(card.training)}| Licence | {card.licence} |
| Attribution | {card.attribution} |

## Figures

Share of pictures refused as "not a frontal chest radiograph". None of these was trained on. `nih_test`,
`cohen`, `tb`, `child`, `lungmask` and `montgomery_shenzhen` are chest radiographs and should be let
through; the others should be refused.

| pictures | number | refused |
| --- | --- | --- |
{groups}
Upright, turned by 90°, 180°, 270° or inverted: named rightly for {100 * g.turned_accuracy:.1f} %
of the test radiographs; one that is not upright is put right before it is classified, and its report says
so, or warns where that fails. AP against PA, from pixels: AUROC {g.view_auroc:.3f}.

The pixels do not tell a lateral view: the classes of the gate have none, and most laterals pass for frontal
ones (the row `lateral` above). They are refused by what the file says of its view; what says nothing, as a
PNG, is reported on, with a view that is marked as judged from the image.
"""


def _origin(t: Training | None) -> str:
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
