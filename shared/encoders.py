"""An encoder bundle: the folder of what turns a radiograph into one vector, for finding studies like it.

    FOLDER/card.json        `EncoderCard`: how a picture is prepared, and a digest of each other file
    FOLDER/model.onnx       `images` (N, C, S, S) float32 in, `embedding` (N, D) out

Pixels in [0, 1] are less the card's `mean`, by its `deviation`, before the graph sees them; three channels
are three times the same. `python -m training.encoders` makes such a folder.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from shared.bundles import GRAPH, Part, PlainCard, check_files, read_card
from shared.domain.findings import ModelVersion

IMAGES: Final = "images"
EMBEDDING: Final = "embedding"


class Weights(Part):
    """What was exported.

    Attributes:
        name: id on Hugging Face.
        files: SHA-256 of each file of weights, by name.
        command: what makes the bundle again.
    """

    name: str
    files: Annotated[dict[str, str], Field(min_length=1)]
    command: str


class EncoderCard(PlainCard):
    """All of an encoder's `card.json`.

    Attributes:
        channels: of the graph's input.
        fit: what is shown of a radiograph: the largest square in its middle.
        mean: taken from pixels in [0, 1], one number a channel.
        deviation: what they are then divided by, likewise.
        dimensions: of a vector.
        weights: None where nobody says.
    """

    kind: Literal["encoder"] = "encoder"
    channels: Literal[1, 3]
    fit: Literal["centre-square"] = "centre-square"
    mean: tuple[float, ...]
    deviation: tuple[Annotated[float, Field(gt=0.0)], ...]
    dimensions: Annotated[int, Field(ge=1, le=2000)]
    weights: Weights | None = None
    licence: str = "not stated"

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        if {len(self.mean), len(self.deviation)} != {self.channels}:
            message = f"mean and deviation have a number for each of the {self.channels} channels"
            raise ValueError(message)
        check_files(self.files, needed={GRAPH})
        return self


@dataclass(frozen=True, slots=True)
class Encoder:
    """A folder whose files are what its card says.

    Attributes:
        version: which encoder it is; only vectors of the same digest can be compared.
    """

    folder: Path
    card: EncoderCard
    version: ModelVersion

    @property
    def graph(self) -> Path:
        """The ONNX file."""
        return self.folder / GRAPH


def load_encoder(folder: str | Path) -> Encoder:
    """Read an encoder bundle and check it.

    Raises:
        BundleError: the folder or a file is missing, not what the card says, or the card is not valid.
    """
    card, digest = read_card(Path(folder), EncoderCard)
    return Encoder(Path(folder), card, ModelVersion(card.id, card.version, digest))
