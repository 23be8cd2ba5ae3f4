"""Counts of a data set's records: patients, views, sexes, ages, splits, and the states of each label."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from training.table import Record, State


@dataclass(frozen=True, slots=True)
class Prevalence:
    """How often one label is in each state, in images."""

    present: int
    absent: int
    uncertain: int
    not_labelled: int

    @property
    def share(self) -> float | None:
        """Present among present and absent; None when there is neither."""
        sure = self.present + self.absent
        return self.present / sure if sure else None


@dataclass(frozen=True, slots=True)
class SplitCounts:
    """One split of a data set."""

    images: int
    patients: int


@dataclass(frozen=True, slots=True)
class Counts:
    """A data set in numbers.

    Attributes:
        views: images of each view.
        sexes: images of "F", "M" and "".
        ages: of the images that have one, in years.
        splits: by the name of the official split; "none" for images outside of it.
        labels: by id, in the reader's order.
        labellers: images by who set their labels.
        boxes: images with at least one; likewise `masks`, `reports`.
    """

    images: int
    patients: int
    studies: int
    views: Mapping[str, int]
    sexes: Mapping[str, int]
    ages: Sequence[float]
    splits: Mapping[str, SplitCounts]
    labels: Mapping[str, Prevalence]
    labellers: Mapping[str, int]
    boxes: int
    masks: int
    reports: int


def count(records: Sequence[Record], labels: Sequence[str]) -> Counts:
    """Count records; `labels` are the ids that the data set annotates."""
    splits: dict[str, list[Record]] = {}
    for record in records:
        splits.setdefault(record.split.value if record.split else "none", []).append(record)
    return Counts(
        images=len(records),
        patients=len({record.patient for record in records}),
        studies=len({record.study for record in records}),
        views=Counter(record.view.value for record in records),
        sexes=Counter(record.sex for record in records),
        ages=[record.age_years for record in records if record.age_years is not None],
        splits={
            name: SplitCounts(len(part), len({record.patient for record in part}))
            for name, part in splits.items()
        },
        labels={label: _prevalence(records, label) for label in labels},
        labellers=Counter(record.labelled_by for record in records if record.labels),
        boxes=sum(bool(record.boxes) for record in records),
        masks=sum(bool(record.masks) for record in records),
        reports=sum(bool(record.sections) for record in records),
    )


def _prevalence(records: Sequence[Record], label: str) -> Prevalence:
    states = Counter(record.labels.get(label) for record in records)
    return Prevalence(states[State.PRESENT], states[State.ABSENT], states[State.UNCERTAIN], states[None])
