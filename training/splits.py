"""Give every patient a part: `python -m training.splits TABLE [TABLE ...] --out FILE`, all of them Parquet.

    split_of    the part of a patient whom nothing else decides: a hash of the name
    assign      records -> the same records, each with its split

A patient is in one part with all images, of all data sets that know the patient by the same name. By order:

1. A split that a record has already, as its data set published it or as an earlier run of this command gave
   it, stays. The patient's images without one follow it.
2. A part that a data set does not publish is taken out of its published training patients, by the hash.
3. All others go by the hash: 15 % test, 15 % validation, 70 % train, whatever else is in the tables.
4. A label on 10 patients of a data set or more stays in every part: validation and test each get at least a
   tenth of its patients. Where the hash gave fewer, training patients whose hash is nearest to the bound are
   moved, rarest label first; but nobody into a part that a data set of theirs publishes.

Images that are added move nobody who is placed by 1 to 3; those whom 4 moved could return to training. Where
a split must stay as it is, give the table that this command wrote once more, with the new one behind it.

A patient whom a data set publishes in several parts is kept in the last of train, validation, test, and
loses the images of the others: the published test images stay as they are, and figures comparable.
Patients whom two data sets know by different names are not found here: see `training.leaks`.
"""

import argparse
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

from training.command import stop
from training.table import Record, Split, State, read, write

TEST_SHARE: Final = 0.15
VALIDATION_SHARE: Final = 0.15
FEWEST_PATIENTS: Final = 10
"""Patients that a label must be on for it to be kept in every part."""
LEAST_SHARE: Final = 0.1
"""Share of a label's patients that validation and test each get at least: less than the hash gives on
average, so that of a frequent label nobody has to be moved."""

_ALL: Final = " all"
_LAST_FIRST: Final = (Split.TEST, Split.VALIDATION, Split.TRAIN)


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the tables, write one with splits, print who is where."""
    options = _parser().parse_args(arguments)
    if not options.out.parent.is_dir():
        stop(f"--out {options.out}: there is no folder {options.out.parent}; make it first")
    records: dict[tuple[str, str], Record] = {}
    try:
        for path in options.tables:
            for record in read(path):
                records.setdefault((record.dataset, record.image), record)
        assigned = assign(list(records.values()))
        write(options.out, assigned)
    except (OSError, ValueError) as error:
        stop(str(error))
    console = Console()
    console.print(_counts(assigned))
    if len(assigned) < len(records):
        print(f"left out, since their patients are in a later part too: {len(records) - len(assigned):,}")


def split_of(patient: str) -> Split:
    """Put a patient into a split by a hash of the name: stable whatever else is in the pool."""
    share = _share(patient)
    if share < TEST_SHARE:
        return Split.TEST
    return Split.VALIDATION if share < TEST_SHARE + VALIDATION_SHARE else Split.TRAIN


def assign(records: Sequence[Record]) -> list[Record]:
    """Return the records with their splits, in their order, as the module says.

    Images whose published split is another than the one that their patient is kept in are left out.
    """
    patients = _patients(records)
    published: dict[str, set[Split]] = {}
    for patient in patients.values():
        for dataset in patient.datasets:
            published.setdefault(dataset, set()).update(patient.published.get(dataset, ()))
    chosen = {name: _placed(name, patient, published) for name, patient in patients.items()}
    for dataset in sorted(published):
        own = {name: patient for name, patient in patients.items() if dataset in patient.datasets}
        _keep_labels(own, chosen, published)
    return [
        replace(record, split=chosen[record.patient])
        for record in records
        if record.split is None or _agrees(record.split, chosen[record.patient], patients[record.patient])
    ]


@dataclass(slots=True)
class _Patient:
    """What the records say of a patient.

    Attributes:
        datasets: those that know the patient.
        published: the splits that records have, by data set.
        present: labels that are present on some image.
    """

    datasets: set[str]
    published: dict[str, set[Split]]
    present: set[str]

    @property
    def last(self) -> Split | None:
        """The last of the published splits; None without any."""
        found = set().union(*self.published.values())
        return next((split for split in _LAST_FIRST if split in found), None)


def _patients(records: Sequence[Record]) -> dict[str, _Patient]:
    patients: dict[str, _Patient] = {}
    for record in records:
        patient = patients.setdefault(record.patient, _Patient(set(), {}, set()))
        patient.datasets.add(record.dataset)
        if record.split is not None:
            patient.published.setdefault(record.dataset, set()).add(record.split)
        patient.present.update(label for label, state in record.labels.items() if state is State.PRESENT)
    return patients


def _placed(name: str, patient: _Patient, published: Mapping[str, set[Split]]) -> Split:
    """Apply rules 1 to 3."""
    by_hash = split_of(name)
    if patient.last is None or (patient.last is Split.TRAIN and _is_open(by_hash, patient, published)):
        return by_hash
    return patient.last


def _is_open(split: Split, patient: _Patient, published: Mapping[str, set[Split]]) -> bool:
    """Tell whether no data set that placed the patient publishes a split."""
    return all(split not in published[dataset] for dataset in patient.published)


def _agrees(split: Split, chosen: Split, patient: _Patient) -> bool:
    """Tell whether an image of a published split may be used in the one that its patient is in."""
    return split is chosen or patient.last is Split.TRAIN  # then it was taken out of training, by rule 2 or 4


def _keep_labels(
    patients: Mapping[str, _Patient], chosen: dict[str, Split], published: Mapping[str, set[Split]]
) -> None:
    """Apply rule 4 to a data set's patients: changes `chosen`."""
    having: dict[str, list[str]] = {}
    for name in sorted(patients, key=_share):
        for label in patients[name].present:
            having.setdefault(label, []).append(name)
    for label in sorted(having, key=lambda label: (len(having[label]), label)):
        if len(having[label]) < FEWEST_PATIENTS:
            continue
        for split in (Split.TEST, Split.VALIDATION):
            least = int(len(having[label]) * LEAST_SHARE)
            missing = least - sum(chosen[name] is split for name in having[label])
            movable = [
                name
                for name in having[label]
                if chosen[name] is Split.TRAIN and _is_open(split, patients[name], published)
            ]
            for name in movable[: max(0, missing)]:
                chosen[name] = split


def _share(patient: str) -> float:
    return int.from_bytes(hashlib.sha256(f"cxr:{patient}".encode()).digest()[:4]) / 2**32


def _counts(records: Sequence[Record]) -> Table:
    table = Table("label", *(f"{split.value}, patients" for split in Split))
    patients: dict[tuple[str, Split | None], set[str]] = {}
    for record in records:
        present = [label for label, state in record.labels.items() if state is State.PRESENT]
        for label in (_ALL, *present):
            patients.setdefault((label, record.split), set()).add(record.patient)
    for label in sorted({label for label, _ in patients}):
        table.add_row(label, *(f"{len(patients.get((label, split), ())):,}" for split in Split))
    return table


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m training.splits",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "tables", nargs="+", type=Path, metavar="TABLE", help="as `training.data table` writes"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.parquet", help="table to write")
    return parser


if __name__ == "__main__":
    main()
