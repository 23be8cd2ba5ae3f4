"""What is true of an image: the one place that makes it, for training, calibration, cards and `evaluate`.

    read_all     Parquet tables -> their records, each image once
    told         records -> those of the views that are asked for, each with its split and its truth
    completed    what is said of labels -> the same, and what follows from it for labels that are blank

A record keeps what its data set says: present, absent, uncertain, or nothing. From that follows:

1. "No Finding" denies every label that the data set annotates and the record says nothing of; but not
   Support Devices, which its labeller leaves out of account (stanfordmlgroup/chexpert-labeler,
   stages/aggregate.py), nor a foreign object: a button or a necklace is no finding either.
2. With `Blank.ZEROS`, a label is absent that a set of `MARKS_MENTIONS` leaves blank. Its labeller marks what
   a report mentions, and the authors take the rest for negatives: issues 9, 29 and 44 of the same repository,
   answered by CheXpert's first author; table 1 of Irvin 2019 counts so, to the study
   (tests/unit/training/test_truth.py); LibAUC's loader fills with 0 (libauc/datasets/chexpert.py).

What is then still blank is not known. An uncertain label stays uncertain: in figures it is not known either,
and what a network is taught of it is the recipe's `Policy` (training/policies.py).
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from shared.blanks import Blank
from shared.labels import LABELS, NO_FINDING
from training.datasets import READERS
from training.splits import assign
from training.table import Record, State, read

MARKS_MENTIONS: Final = frozenset({"chexpert", "chexpert_plus", "mimic_cxr", "mimic_cxr_test", "brax"})
"""Data sets whose labels are 1, 0 and -1 where a report mentions them, and blank where it does not."""
_APART: Final = frozenset({"Support_Devices", "Foreign_Object"})


def read_all(tables: Iterable[Path]) -> list[Record]:
    """Read tables; an image that several of them have is taken from the last.

    Raises:
        ValueError: a table cannot be read.
    """
    return list({(one.dataset, one.image): one for path in tables for one in read(path)}.values())


def told(records: Sequence[Record], *, blank: Blank, views: Collection[str] = ()) -> list[Record]:
    """Return the records that can be used, in their order, with split (training/splits.py) and truth.

    Args:
        views: that are kept; all where none is named.
    """
    return [
        replace(one, labels=_truth(one, blank))
        for one in assign(records)
        if not views or one.view.value in views
    ]


def completed(said: Mapping[str, State], *, annotated: Iterable[str], blanks_deny: bool) -> dict[str, State]:
    """Return what is said of labels and what follows from it, as the module says.

    Args:
        annotated: labels that whoever says this looks for.
        blanks_deny: whether each of them that is not said is absent; else only "No Finding" says so.
    """
    if blanks_deny:
        return dict.fromkeys(annotated, State.ABSENT) | dict(said)
    if said.get(NO_FINDING) is State.PRESENT:
        denied = [label for label in annotated if label not in _APART]
        return dict.fromkeys(denied, State.ABSENT) | dict(said)
    return dict(said)


def _truth(record: Record, blank: Blank) -> dict[str, State]:
    reader = READERS.get(record.dataset)
    # A set that no adapter describes may annotate any label.
    annotated = LABELS.keys() if reader is None else reader.labels
    # Where no labeller was, nothing was looked for.
    mentions = record.dataset in MARKS_MENTIONS and record.labelled_by != ""
    return completed(record.labels, annotated=annotated, blanks_deny=blank is Blank.ZEROS and mentions)
