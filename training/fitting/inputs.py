"""From tables to images of the recipe's views, split by patient, without leaks, and what they are taught."""

import hashlib
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from shared.domain.findings import ViewPosition
from training.boxes import placed, size_of, told_where
from training.fitting.steps import Organs
from training.impressions import NO_IMPRESSION, impression_of
from training.leaks import find_leaks, refuse_leaks
from training.organs import organs_of
from training.policies import Targets, targets_of
from training.recipe import Data, Policy, RecipeError
from training.squares import Root, file_of
from training.store import ImageStore, open_store
from training.table import Record, Split, State
from training.truth import read_all, told


@dataclass(frozen=True, slots=True)
class Inputs:
    """Images that can be read, with all that is said of them.

    Attributes:
        records: N of them, each with its split and its truth (training/truth.py).
        store: squares, of these and of images that cannot be read.
        rows: (N,) of the store.
        labels: L ids.
        root: folder that the images are below, or one a data set.
    """

    records: Sequence[Record]
    store: ImageStore
    rows: NDArray[np.int64]
    labels: tuple[str, ...]
    root: Root

    def of(self, split: Split) -> NDArray[np.int64]:
        """Return the numbers of a part's records."""
        return np.array([i for i, one in enumerate(self.records) if one.split is split], np.int64)

    def chosen(self, split: Split) -> list[Record]:
        """Return a part's records, in the order of `of`."""
        return [self.records[i] for i in self.of(split)]

    def taught(self, split: Split, data: Data, soft: NDArray[np.float32] | None = None) -> Targets:
        """Return what a part is taught as, by policies and weights of `data`; `soft` is for self_trained."""
        taught = targets_of(
            self.chosen(split),
            self.labels,
            data.policy,
            policies=data.policies,
            soft=soft,
            votes=data.votes,
        )
        weights = np.array([data.weights.get(source, 1.0) for source in taught.sources], np.float32)
        return replace(taught, known=taught.known * weights[:, None])

    def truth(self, split: Split) -> Targets:
        """Return what is true of a part, uncertain labels not known: what figures are computed on."""
        return targets_of(self.chosen(split), self.labels, Policy.IGNORE)

    def texts(self, split: Split) -> list[str]:
        """Return the impressions of a part, `NO_IMPRESSION` where a report has none."""
        return [impression_of(one) for one in self.chosen(split)]

    def organs(self, split: Split, size: int) -> Organs:
        """Return what gives the (N, 2, size, size) masks of lungs and heart of N images of a part."""
        chosen = self.chosen(split)
        return lambda indices: torch.from_numpy(np.stack([organs_of(chosen[i], size) for i in indices]))

    def boxes(self, split: Split) -> list[Tensor]:
        """Return the (n, 5) boxes of each image of a part on its square (training/boxes.py)."""
        found = []
        for one in self.chosen(split):
            rows, columns = size_of(file_of(one, self.root)) if one.boxes else (1, 1)
            found.append(placed(one, self.labels, rows=rows, columns=columns))
        return found


def read_inputs(
    data: Data,
    tables: Sequence[Path],
    root: Root,
    *,
    cache: Path,
    processes: int,
    limit: int | None,
    look_for_leaks: bool,
) -> Inputs:
    """Read tables and decode what is not in the cache yet; says on stderr what had to be left out.

    Args:
        data: of the recipe: its views, labels, size, and what blanks are.
        root: folder that the images are below, or one a data set.
        limit: images of each part that are used, chosen by a hash of their names; None uses all.
        look_for_leaks: whether parts are compared; a process beside one that does need not.

    Raises:
        RecipeError: the recipe's labels or its masks are on no image, or a part is empty.
        LeakError: the parts have patients, studies or films in common.
        ValueError: a table cannot be read, or no folder is given for a data set.
    """
    found = read_all(tables)
    seen = [one for one in told(found, blank=data.blank) if _asked_for(one, data)]
    used = [one for split in Split for one in _limited([r for r in seen if r.split is split], limit)]
    if not used:
        message = (
            f"no image of {', '.join(map(str, tables))} is a {' or '.join(data.views)} view with a label of "
            f"the recipe: {', '.join(data.labels)}{'; or has a report' if data.texts else ''}"
            f"{_hint(found, data)}"
        )
        raise RecipeError(message)
    if data.masks and not any(one.masks for one in used):
        message = f"data.masks: no image of {', '.join(map(str, tables))} has one; leave it out of the recipe"
        raise RecipeError(message)
    store = open_store(used, root, size=data.size, cache=cache, processes=processes)
    if look_for_leaks:
        wanted = "label of the recipe, or report to learn from" if data.texts else "label of the recipe"
        _say(
            len(found) - len(seen),
            f"images are of another view or not measured, of no {wanted}, or in two parts",
        )
        _say(len(store.problems), "images cannot be read", [f"{p.where}: {p.reason}" for p in store.problems])
        refuse_leaks(find_leaks(used, root, cache=cache, processes=processes, store=store))
    rows = np.flatnonzero(store.readable)
    inputs = Inputs([used[row] for row in rows], store, rows, data.labels, root)
    for split in (Split.TRAIN, Split.VALIDATION):
        if not len(inputs.of(split)):
            message = f"no image is left for {split.value}: a patient more, or `training.splits`, may help"
            raise RecipeError(message)
    _refuse_silence(inputs, data)
    return inputs


def digests_of(tables: Sequence[Path]) -> list[str]:
    """Return the SHA-256 of each table, sorted: their order and names do not count."""
    return sorted(hashlib.sha256(path.read_bytes()).hexdigest() for path in tables)


def states_of(records: Sequence[Record], label: str) -> list[State | None]:
    """Return what is said of a label on each image; None is not labelled."""
    return [one.labels.get(label) for one in records]


def _asked_for(record: Record, data: Data) -> bool:
    """Return whether an image is of a view and a set of its part, and says what is learnt or measured."""
    if record.split is Split.TRAIN and data.boxes:
        return record.view in data.views and told_where(record, data.labels)
    if record.split is Split.TRAIN:
        says = record.sections if data.texts else record.labels.keys() & set(data.labels)
        return record.view in data.views and bool(says)
    of_a_view = record.view in (data.measured_views or data.views)
    return of_a_view and data.measures(record.dataset) and bool(record.labels.keys() & set(data.labels))


def _refuse_silence(inputs: Inputs, data: Data) -> None:
    """Raise when the training images teach nothing of a label, or of any text where texts are learnt."""
    chosen = inputs.chosen(Split.TRAIN)
    if data.texts:
        if all(text == NO_IMPRESSION for text in inputs.texts(Split.TRAIN)):
            message = (
                "data.texts: no training image has an impression; train on a data set whose reports have "
                "one: mimic_cxr, chexpert_plus, open_i"
            )
            raise RecipeError(message)
        return
    if data.boxes:
        drawn = {box.name for one in chosen for box in one.boxes}
        missing = [name for name in data.labels if name not in drawn]
        if missing:
            message = (
                f"data.boxes: no training image that tells where each label is has a box of "
                f"{', '.join(missing)}: take them out of data.labels"
            )
            raise RecipeError(message)
    silent = [name for name in data.labels if not any(name in one.labels for one in chosen)]
    if silent:
        message = f"no training image says anything of {', '.join(silent)}: take them out of data.labels"
        raise RecipeError(message)


def _limited(records: list[Record], limit: int | None) -> list[Record]:
    def place(record: Record) -> bytes:
        return hashlib.sha256(f"{record.dataset}/{record.image}".encode()).digest()

    return records if limit is None else sorted(records, key=place)[:limit]


def _hint(records: Iterable[Record], data: Data) -> str:
    count = sum(
        one.view is ViewPosition.UNKNOWN and bool(one.labels.keys() & set(data.labels)) for one in records
    )
    if not count or ViewPosition.UNKNOWN in data.views:
        return ""
    return f'; {count:,} images do not say their view: data.views with "UNKNOWN" takes them'


def _say(count: int, what: str, named: Sequence[str] = ()) -> None:
    if count:
        print(f"left out: {count:,} {what}", file=sys.stderr)
    for one in named[:10]:
        print(f"    {one}", file=sys.stderr)
