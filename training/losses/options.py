"""What the options of every loss have in common."""

from pydantic import BaseModel, ConfigDict
from torch import Tensor

from training.architectures.base import Criterion


class LossOptions(BaseModel):
    """Options of a loss; a subclass has them as its fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def criterion(self, positives: Tensor, counts: Tensor) -> Criterion:
        """Make the loss.

        Args:
            positives: (L,) float, training images on which each label is present.
            counts: (L,) float, training images on which each label is known.
        """
        raise NotImplementedError
