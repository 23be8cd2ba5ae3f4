"""What a picture looks like to an encoder, as one vector: alike are those whose vectors are near."""

from dataclasses import dataclass

from shared.domain.findings import ModelVersion


@dataclass(frozen=True, slots=True)
class Embedding:
    """The vector of one image.

    Attributes:
        encoder: only vectors of the same digest can be compared.
        vector: of length 1, so that the nearest by cosine are the nearest by any measure.
    """

    encoder: ModelVersion
    vector: tuple[float, ...]
