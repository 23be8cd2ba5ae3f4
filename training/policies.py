"""From what data sets say to what a network is taught: targets, what is known, what is uncertain, the view.

    targets_of    records, labels, a policy a label -> `Targets`

Records come with their truth (training/truth.py): what blanks and "No Finding" mean is settled there. A label
that a record does not name is not known, whatever the policy: so data sets with different labels can be
trained on together.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from shared.domain.findings import ViewPosition
from training.recipe import Policy
from training.table import Record, State

SMOOTH: Final = (0.55, 0.85)
"""Between which `smooth_ones` draws (Pham 2019, arXiv 1911.06475: U-Ones+LSR)."""


@dataclass(frozen=True, slots=True)
class Targets:
    """What N images are taught as, for L labels.

    Attributes:
        targets: (N, L) float32 in [0, 1]; 0 where nothing is known.
        known: (N, L) float32, above 0 where the target counts: 1, or the weight of the image's data set.
        uncertain: (N, L) float32, 1 where the data set says uncertain, whatever the policy makes of it.
        ap: (N,) float32, 1 for AP and 0 for PA, NaN for other views.
        sources: (N,) data sets.
        offsets: (N, L) float32 that the logits get before the loss, and then only (training/sources.py).
    """

    targets: NDArray[np.float32]
    known: NDArray[np.float32]
    uncertain: NDArray[np.float32]
    ap: NDArray[np.float32]
    sources: NDArray[np.str_]
    offsets: NDArray[np.float32]


def targets_of(
    records: Sequence[Record],
    labels: Sequence[str],
    policy: Policy,
    *,
    policies: Mapping[str, Policy] | None = None,
    soft: NDArray[np.float32] | None = None,
    votes: bool = False,
) -> Targets:
    """Apply the policies of uncertain labels.

    Present and absent are 1 and 0. An uncertain label becomes, by its policy:

        ignore         not known
        zeros, ones    0 or 1
        smooth_ones    a number of `SMOOTH` that hangs on the image and the label only: equal in every run
        multiclass     not known, but uncertain: the architecture makes a class of it
        self_trained   the probability in `soft`

    Args:
        policy: of every label that `policies` does not name.
        policies: by label, where it differs.
        soft: (N, L) probabilities of a network that was trained with `ignore`.
        votes: whether a label that readers voted on is taught as the share who see it, whatever most say.

    Raises:
        ValueError: `policies` names what is not in `labels`; or a policy is `self_trained`, and `soft` is
            None, has another shape, or is not in [0, 1] where it is used.
    """
    strange = set(policies or {}) - set(labels)
    if strange:
        message = f"policies name {sorted(strange)}, which are not among the labels: {', '.join(labels)}"
        raise ValueError(message)
    states = _states(records, labels)
    uncertain = states == State.UNCERTAIN
    targets = (states == State.PRESENT).astype(np.float32)
    known = ((states == State.PRESENT) | (states == State.ABSENT)).astype(np.float32)
    for column, label in enumerate(labels):
        rows = np.flatnonzero(uncertain[:, column])
        chosen = (policies or {}).get(label, policy)
        if chosen is Policy.SELF_TRAINED:
            taught = _softened(soft, states.shape)[rows, column]
            if not np.all((taught >= 0.0) & (taught <= 1.0)):
                message = f"probabilities of {label} in `soft` are not in [0, 1]"
                raise ValueError(message)
        elif chosen is Policy.SMOOTH_ONES:
            taught = np.array([_smooth(records[int(row)], label) for row in rows], np.float32)
        elif chosen in {Policy.ZEROS, Policy.ONES}:
            taught = np.full(len(rows), chosen is Policy.ONES, np.float32)
        else:
            continue
        targets[rows, column] = taught
        known[rows, column] = 1.0
    if votes:
        said = [[record.votes.get(label, np.nan) for label in labels] for record in records]
        shares = np.array(said, np.float32).reshape(states.shape)
        voted = ~np.isnan(shares)
        targets[voted], known[voted], uncertain[voted] = shares[voted], 1.0, False
    return Targets(
        targets,
        known,
        uncertain.astype(np.float32),
        ap=np.array([_AP.get(record.view, np.nan) for record in records], np.float32),
        sources=np.array([record.dataset for record in records], str),
        offsets=np.zeros_like(targets),
    )


_AP: Final = {ViewPosition.AP: 1.0, ViewPosition.PA: 0.0}
_NOT_LABELLED: Final = -2


def _states(records: Sequence[Record], labels: Sequence[str]) -> NDArray[np.int8]:
    rows = [[record.labels.get(label, _NOT_LABELLED) for label in labels] for record in records]
    return np.array(rows, np.int8).reshape(len(records), len(labels))


def _softened(soft: NDArray[np.float32] | None, shape: tuple[int, ...]) -> NDArray[np.float32]:
    if soft is None or soft.shape != shape:
        found = "none are given" if soft is None else f"their shape is {soft.shape}"
        message = (
            f"the policy self_trained needs probabilities of shape {shape}, from a network that was trained "
            f"with the policy ignore; {found}"
        )
        raise ValueError(message)
    return soft


def _smooth(record: Record, label: str) -> float:
    """Draw from `SMOOTH` by a hash: a generator would hang on the order and number of the records."""
    digest = hashlib.sha256(f"{record.dataset}/{record.image}/{label}".encode()).digest()
    low, high = SMOOTH
    return low + (high - low) * int.from_bytes(digest[:4]) / 2**32
