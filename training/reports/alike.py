"""Which texts are nearly the same, so that none of them is learnt from while another is measured on.

    groups      texts -> the group of each: whatever is alike by links is in one group
    held_out    reports -> those that are held out, group by group

Radiologists write from templates: four in ten of Open-I's reports are nearly another one. Two texts are alike
when half of their runs of three words are the same ones (Jaccard). Every pair is compared, by one product of
sparse matrices: a second for some thousand reports, where MinHash would only estimate.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix, csr_matrix
from scipy.sparse.csgraph import connected_components
from sklearn.feature_extraction.text import CountVectorizer

from training.reports.open_i import RealReport
from training.splits import split_of
from training.table import Split

ALIKE: Final = 0.5
"""Least share of common runs of words from which two texts are alike."""
_RUN: Final = 3
"""Words of a run. A text that is shorter is compared by what it has."""


def groups(texts: Sequence[str]) -> NDArray[np.int64]:
    """Return (N,) a number for the group of each text, the same for texts that are alike by links.

    Texts without a word are alike.
    """
    runs = CountVectorizer(
        analyzer=_runs_of, binary=True, dtype=np.int32
    )  # (N, different runs) 1 where a text has one
    found = csr_matrix(runs.fit_transform(texts))
    common = coo_matrix(found @ found.T)
    sizes = np.asarray(found.sum(axis=1)).ravel()
    either = sizes[common.row] + sizes[common.col] - common.data
    near = common.data >= ALIKE * either
    links = csr_matrix((near[near], (common.row[near], common.col[near])), shape=(len(texts), len(texts)))
    _, owner = connected_components(links, directed=False)
    return np.asarray(owner, np.int64)


def _runs_of(text: str) -> list[str]:
    words = ["".join(letter for letter in word if letter.isalnum()) for word in text.lower().split()]
    words = [word for word in words if word]
    if len(words) < _RUN:
        return [" ".join(words)]
    return [" ".join(words[start : start + _RUN]) for start in range(len(words) - _RUN + 1)]


def held_out(reports: Sequence[RealReport]) -> list[bool]:
    """Return which reports are held out: groups whose first report is a test patient of `training.splits`."""
    owner = groups([report.text for report in reports])
    _, first = np.unique(owner, return_index=True)
    leads = {int(owner[index]): reports[index].uid for index in first}
    return [split_of(f"open_i:{leads[int(group)]}") is Split.TEST for group in owner]
