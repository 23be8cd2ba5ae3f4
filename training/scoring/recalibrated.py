"""A card with calibration and thresholds fitted anew, and every figure of it that depends on them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import GroupKFold

from shared.bundles import Calibration, Card, Label
from training.calibration import Calibrated, CalibrationError, Method, calibrate
from training.metrics import Counts, Drawn, interval, mean_of_known, once
from training.scoring.figures import calibration_error, calibration_noise
from training.scoring.measured import Measured
from training.scoring.record_table import split_of_row
from training.table import Split
from worker_cnn.predict import probabilities_of

_FOLDS: Final = 5


@dataclass(frozen=True, slots=True)
class Errors:
    """Expected calibration errors of a label.

    Attributes:
        before: with the old calibration.
        after: with a new one, each image from a fit without its patient.
        noise: what is exceeded 5 times in 100 even where every probability of the new one is right.
    """

    before: float
    after: float
    noise: float


@dataclass(frozen=True, slots=True)
class Recalibrated:
    """The new card, what it says of the calibration, and the errors of the labels that were fitted."""

    card: Card
    calibration: Calibration
    errors: Mapping[str, Errors]


@dataclass(frozen=True, slots=True)
class _Seen:
    """N images that could be decoded, on the L labels of a card.

    Attributes:
        logits: (N, L) uncalibrated.
        targets: (N, L) 1, 0, or NaN where it is not known.
        patients: (N,) whose image it is.
        splits: (N,) of each image.
    """

    logits: NDArray[np.float32]
    targets: NDArray[np.float32]
    patients: NDArray[np.str_]
    splits: Sequence[Split | None]

    @property
    def known(self) -> NDArray[np.bool_]:
        known: NDArray[np.bool_] = ~np.isnan(self.targets)
        return known

    @property
    def truth(self) -> NDArray[np.bool_]:
        truth: NDArray[np.bool_] = self.targets == 1
        return truth


@dataclass(frozen=True, slots=True)
class _Said:
    """(N, L) probabilities, and whether the label is called present."""

    probabilities: NDArray[np.float64]
    present: NDArray[np.bool_]


def recalibrate(
    card: Card, measured: Sequence[Measured], *, method: Method, table: str, digest: str
) -> Recalibrated:
    """Fit on what was measured with the old card; images that could not be decoded take no part.

    Args:
        table: file name of the table that the images are from.
        digest: SHA-256 of it.

    Raises:
        CalibrationError: an image is of another split, or there are too few of a kind or too few patients.
    """
    seen = _seen(card, measured)
    final = calibrate(seen.logits, seen.targets, splits=seen.splits, method=method)
    fitted = np.array([one.own for one in final])
    old = _with_card(seen, card)
    new = _left_out(seen, method)
    new.probabilities[:, ~fitted] = old.probabilities[:, ~fitted]
    new.present[:, ~fitted] = old.present[:, ~fitted]
    columns = [int(k) for k in np.flatnonzero(fitted)]
    calibration = Calibration(
        of=card.version,
        data=f"{table}, SHA-256 {digest}",
        method=method.value,
        images=len(seen.logits),
        patients=len(set(seen.patients)),
        kept=tuple(label.id for label, own in zip(card.labels, fitted, strict=True) if not own),
        ece_before=round(_error(seen, old, columns), 4),
        ece_after=round(_error(seen, new, columns), 4),
        ece_less=interval(
            lambda counts: _errors(seen, old, columns, counts) - _errors(seen, new, columns, counts),
            seen.patients,
        ),
        command=f"python -m training.calibrate --bundle DIR --images DIR --labels {table} --method {method}",
    )
    changed = {
        # Build metadata of Semantic Versioning: the weights are those of the version before the plus.
        "version": f"{card.version.split('+')[0]}+{method.value}.{digest[:8]}",
        "labels": tuple(
            _label(label, seen, final[k], new.present[:, k], k) if fitted[k] else label
            for k, label in enumerate(card.labels)
        ),
        "metrics": card.metrics and card.metrics.model_copy(update=_findings(seen, new)),
        "calibration": calibration,
    }
    errors = {
        card.labels[k].id: Errors(
            before=_error(seen, old, [k]),
            after=_error(seen, new, [k]),
            noise=calibration_noise(new.probabilities[seen.known[:, k], k]),
        )
        for k in columns
    }
    return Recalibrated(card.model_copy(update=changed), calibration, errors)


def _seen(card: Card, measured: Sequence[Measured]) -> _Seen:
    decoded = [one for one in measured if one.logits is not None]
    patients = np.array([one.row.patient for one in decoded])
    if len(set(patients)) < _FOLDS:
        message = (
            f"there are validation images of {len(set(patients))} patients; at least {_FOLDS} are needed"
        )
        raise CalibrationError(message)
    names = [label.id for label in card.labels]
    return _Seen(
        logits=np.array([one.logits for one in decoded], np.float32),
        targets=np.array(
            [[one.row.labels.get(name, np.nan) for name in names] for one in decoded], np.float32
        ),
        patients=patients,
        splits=[split_of_row(one.row) for one in decoded],
    )


def _with_card(seen: _Seen, card: Card) -> _Said:
    probabilities = np.array([probabilities_of(row, card) for row in seen.logits])
    return _Said(probabilities, probabilities >= np.array([label.threshold for label in card.labels]))


def _left_out(seen: _Seen, method: Method) -> _Said:
    """Return what is said of each image by a fit on the patients of the other folds."""
    probabilities = np.empty(seen.logits.shape)
    present = np.empty(seen.logits.shape, bool)
    folds = GroupKFold(_FOLDS, shuffle=True, random_state=0)
    for others, held in folds.split(seen.logits, groups=seen.patients):
        splits = [seen.splits[row] for row in others]
        fits = calibrate(seen.logits[others], seen.targets[others], splits=splits, method=method)
        for k, one in enumerate(fits):
            probabilities[held, k] = one.scaling(seen.logits[held, k])
            present[held, k] = probabilities[held, k] >= one.cut.threshold
    return _Said(probabilities, present)


def _error(seen: _Seen, said: _Said, columns: Sequence[int]) -> float:
    """Return the expected calibration error, mean over some labels."""
    return float(_errors(seen, said, columns, once(seen.patients))[0])


def _errors(seen: _Seen, said: _Said, columns: Sequence[int], counts: Counts) -> Drawn:
    """Return the same of each resample."""
    known, truth, probabilities = seen.known, seen.truth, said.probabilities
    each = [
        calibration_error(probabilities[sure, k], truth[sure, k], counts[:, sure])
        for k, sure in ((k, known[:, k]) for k in columns)
    ]
    return mean_of_known(np.array(each))


def _label(old: Label, seen: _Seen, fit: Calibrated, present: NDArray[np.bool_], k: int) -> Label:
    shown, lacking = seen.targets[:, k] == 1, seen.targets[:, k] == 0
    return old.model_copy(
        update={
            "slope": fit.scaling.slope,
            "offset": fit.scaling.offset,
            "threshold": fit.cut.threshold,
            "uncertain_from": fit.cut.uncertain_from,
            "sensitivity": round(float(present[shown].mean()), 4),
            "specificity": round(float((~present[lacking]).mean()), 4),
        }
    )


def _findings(seen: _Seen, new: _Said) -> dict[str, float | None]:
    count = new.present.sum(1)
    normal = seen.known.all(1) & ~seen.truth.any(1)
    return {
        "findings_per_study": round(float(count.mean()), 3),
        "findings_per_normal": round(float(count[normal].mean()), 3) if normal.any() else None,
    }
