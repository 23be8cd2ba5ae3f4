"""What a picture looks like to an encoder, as one vector: alike are those whose vectors are near."""

from dataclasses import dataclass
from typing import Final

from shared.domain.findings import ModelVersion

_ROUNDING: Final = 1e-3


@dataclass(frozen=True, slots=True)
class Embedding:
    """The vector of one image.

    Attributes:
        encoder: only vectors of the same digest can be compared.
        vector: of length 1, so that the nearest by cosine are the nearest by any measure.
    """

    encoder: ModelVersion
    vector: tuple[float, ...]

    def __post_init__(self) -> None:
        """Refuse a vector of another length, or with what is no number."""
        square = sum(value * value for value in self.vector)
        if not abs(square - 1.0) <= _ROUNDING:
            message = f"a vector has the length 1, and this one has {square**0.5}"
            raise ValueError(message)
