"""A gate bundle: the folder of what says whether a picture is a frontal chest radiograph, upright and usable.

    FOLDER/card.json        `GateCard`: limits, figures, and a digest of each other file
    FOLDER/model.onnx       the network: a picture in, its embedding out
    FOLDER/heads.onnx       the heads: an embedding in, the verdict out (`worker_cnn/gate.py`)
    FOLDER/mirror.onnx      a network of its own: a picture in, whether it looks mirrored out; may be missing

Any classifier has the same gate before it. Where the classifier offers the very embedding that the heads
read (the two cards name the same), the network is not run: its work has been done.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import Field, model_validator

from shared.bundles import GRAPH, Part, PlainCard, Probability, Training, check_files, read_card
from shared.domain.findings import ModelVersion
from shared.settings import BUNDLED

HEADS: Final = "heads.onnx"
MIRROR: Final = "mirror.onnx"
BUNDLED_GATE: Final = Path(__file__).parent.parent / "worker_cnn" / "bundled_gate"


class Gate(Part):
    """When a picture is not taken for a chest radiograph, and how often that is right.

    Attributes:
        max_distance: the largest feature distance to real chests that is still accepted.
        min_chest: the lowest probability of the chest head that is still accepted.
        sure_chest: from this probability of the chest head on, `max_distance_if_sure` holds instead.
        max_distance_if_sure: films of another machine or of a child lie farther off and are chests still.
        min_turned: the lowest probability at which a picture is called turned, or upright once turned back.
        min_view: the lowest probability at which the view that was read from pixels is believed.
        mirrored_from: the least logit of the mirror at which a picture counts as mirrored; None without one.
        refused: of each group of pictures (none of them trained on), the share that is refused.
        counted: how many pictures each group has.
        turned_accuracy: share of turned test radiographs whose turn is named rightly.
        view_auroc: of AP against PA on the test patients.
        mirrored_caught: share of mirrored test radiographs that are taken for mirrored.
        mirrored_false: share of test radiographs as they are that are.
    """

    max_distance: float
    min_chest: Probability
    sure_chest: Probability
    max_distance_if_sure: float
    min_turned: Probability
    min_view: Probability
    mirrored_from: Annotated[float, Field(gt=0.0)] | None = None
    refused: dict[str, float]
    counted: dict[str, int]
    turned_accuracy: float
    view_auroc: float
    mirrored_caught: Probability | None = None
    mirrored_false: Probability | None = None


class GateCard(PlainCard):
    """All of a gate's `card.json`.

    Attributes:
        files: SHA-256 of each other file, by name.
        input_size: side of the square input in pixels.
        normalisation: what the network does with pixels in [0, 1], for people.
        embedding: the name of what the network makes and the heads read; a classifier whose card has the
            same name offers the same numbers for the same square.
    """

    normalisation: str
    embedding: Annotated[str, Field(min_length=1)]
    gate: Gate
    training: Training
    licence: str
    attribution: str
    intended_use: str

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        check_files(
            self.files, needed={GRAPH, HEADS} if self.gate.mirrored_from is None else {GRAPH, HEADS, MIRROR}
        )
        return self


@dataclass(frozen=True, slots=True)
class GateBundle:
    """A folder whose files are what its card says.

    Attributes:
        version: which gate it is; the digest covers the card and, through it, every file.
    """

    folder: Path
    card: GateCard
    version: ModelVersion


def load_gate(name: str | Path) -> GateBundle:
    """Read a gate's bundle and check it.

    Args:
        name: a folder, or "bundled" for the one that ships.

    Raises:
        BundleError: the folder or a file is missing, not what the card says, or the card is not valid.
    """
    folder = BUNDLED_GATE if name == BUNDLED else Path(name)
    card, digest = read_card(folder, GateCard)
    return GateBundle(folder, card, ModelVersion(card.id, card.version, digest))
