"""What a C-STORE is answered: the status of PS3.4 B.2.3, and a comment that says why, of no patient."""

from dataclasses import dataclass
from typing import Final

from pydicom.dataset import Dataset

_LONGEST_COMMENT: Final = 64
"""Characters of an Error Comment (LO)."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A status, and in a few words why.

    Attributes:
        outcome: what it is counted as.
    """

    status: int
    comment: str
    outcome: str

    def as_dataset(self) -> Dataset:
        """Return it as pynetdicom sends it."""
        dataset = Dataset()
        dataset.Status = self.status
        if self.comment:
            dataset.ErrorComment = self.comment[:_LONGEST_COMMENT]
        return dataset


TAKEN: Final = Answer(0x0000, "", "taken")
SET_ASIDE: Final = Answer(0x0000, "", "set-aside")


def no_room(why: str) -> Answer:
    """Nothing was kept of it, and the same may be sent again: out of resources."""
    return Answer(0xA700, why, "again")


def not_matching(why: str) -> Answer:
    """The data set is not what the command says."""
    return Answer(0xA900, why, "refused")


def not_usable(why: str) -> Answer:
    """It cannot be read, is too large, or does not belong to its study: A700 would have it sent for ever."""
    return Answer(0xC000, why, "refused")


def not_taken(why: str) -> Answer:
    """Objects of this SOP class are not taken: SOP class not supported."""
    return Answer(0x0122, why, "refused")


def not_allowed(why: str) -> Answer:
    """The peer may not store: refused, not authorised."""
    return Answer(0x0124, why, "refused")
