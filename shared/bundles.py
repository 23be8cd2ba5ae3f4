"""A model bundle: the folder that holds a classifier and says what it is and how far to trust it.

    FOLDER/card.json        `Card`: labels, thresholds, calibration, figures, and a digest of each other file
    FOLDER/model.onnx       the graph (its inputs and outputs: `worker_cnn/runtime.py`)
    FOLDER/cam.npy          (L, C) the label head's weights, for class activation maps

`load_bundle` reads the card and checks every digest; it runs no model, so any service may call it.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from shared.domain import ModelVersion
from shared.labels import LABELS, NO_FINDING
from shared.settings import BUNDLED

CARD: Final = "card.json"
GRAPH: Final = "model.onnx"
CAM_WEIGHTS: Final = "cam.npy"
BUNDLED_FOLDER: Final = Path(__file__).parent.parent / "worker_cnn" / "bundled"

Probability = Annotated[float, Field(ge=0.0, le=1.0)]


class BundleError(ValueError):
    """A bundle cannot be used; the message names the file and what is wrong with it."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Interval(_Part):
    """A figure with its 95 % bootstrap interval over patients."""

    value: float
    low: float
    high: float


class Label(_Part):
    """One label of a classifier: how its logit becomes a probability, and that a status.

    Attributes:
        id: of `shared/labels.py`.
        slope: of the calibration, probability = sigmoid(slope * logit + offset); above zero.
        offset: of the calibration.
        threshold: at or above it the finding is present.
        uncertain_from: at or above it, and below the threshold, it is uncertain.
        auroc: on the test patients; None where they show it too seldom to say.
        sensitivity: share of the test images with it that are called present; None like `auroc`.
        specificity: share of those without it that are not.
        positives: images with it in training, validation and test.
    """

    id: str
    slope: Annotated[float, Field(gt=0.0)]
    offset: float
    threshold: Probability
    uncertain_from: Probability
    auroc: Interval | None
    sensitivity: Probability | None
    specificity: Probability | None
    positives: tuple[int, int, int]

    @model_validator(mode="after")
    def _is_known_and_ordered(self) -> Self:
        if self.id not in LABELS or self.id == NO_FINDING:
            message = f"{self.id!r} is no label of the vocabulary (shared/labels.py)"
            raise ValueError(message)
        if self.uncertain_from > self.threshold:
            message = f"{self.id}: uncertain_from {self.uncertain_from} lies above threshold {self.threshold}"
            raise ValueError(message)
        return self


class Gate(_Part):
    """When a picture is not taken for a chest radiograph, and how often that is right.

    Attributes:
        max_distance: the largest feature distance to real chests that is still accepted.
        min_chest: the lowest probability of the chest head that is still accepted.
        sure_chest: from this probability of the chest head on, `max_distance_if_sure` holds instead.
        max_distance_if_sure: films of another machine or of a child lie farther off and are chests still.
        min_turned: the lowest probability at which a picture is called turned, or upright once turned back.
        min_view: the lowest probability at which the view that was read from pixels is believed.
        refused: of each group of pictures (none of them trained on), the share that is refused.
        counted: how many pictures each group has.
        turned_accuracy: share of turned test radiographs whose turn is named rightly.
        view_auroc: of AP against PA on the test patients.
    """

    max_distance: float
    min_chest: Probability
    sure_chest: Probability
    max_distance_if_sure: float
    min_turned: Probability
    min_view: Probability
    refused: dict[str, float]
    counted: dict[str, int]
    turned_accuracy: float
    view_auroc: float


class Metrics(_Part):
    """How good it is on the test patients.

    Attributes:
        macro_auroc: mean over labels.
        by_view: the same for each view alone, since the view is a shortcut.
        by_source: the same within each folder that images come from: the mix of folders predicts labels
            too, so the pooled figure is higher than what the pixels of one source give.
        findings_per_study: mean number of findings called present.
        findings_per_normal: the same over images labelled No Finding; None where there are none.
        prior_auroc: what a classifier that always gives each label's share reaches: 0.5, by definition.
    """

    macro_auroc: Interval
    by_view: dict[str, Interval]
    by_source: dict[str, Interval]
    findings_per_study: float
    findings_per_normal: float | None
    prior_auroc: float = 0.5


class Training(_Part):
    """Where the weights come from.

    Attributes:
        data: the data set and its folder names.
        start: the weights that it started from.
        images: in training, validation and test.
        patients: in training, validation and test; no patient is in two.
        recipe: the settings, by name.
        command: what makes the bundle again.
    """

    data: str
    start: str
    images: tuple[int, int, int]
    patients: tuple[int, int, int]
    recipe: dict[str, float | int | str]
    command: str


class Calibration(_Part):
    """What `training.calibrate` fitted anew, on whose images.

    Sensitivity, specificity and the findings per study of the card are then of these images, each from a fit
    that left its patient out. The AUROCs are still those of the test patients: they do not depend on it.

    Attributes:
        of: version of the bundle whose weights these are.
        data: the table of labels, by file name and SHA-256.
        method: "platt" or "temperature".
        images: that were fitted on.
        patients: whose images they are.
        kept: labels with too few positives or negatives: all that the card says of them is the old.
        ece_before: expected calibration error on these images as the bundle was, mean over the other labels.
        ece_after: with the new calibration, of patients who were left out of the fit.
        ece_less: how much less that is.
        command: what makes it again.
    """

    of: str
    data: str
    method: str
    images: int
    patients: int
    kept: tuple[str, ...]
    ece_before: float
    ece_after: float
    ece_less: Interval
    command: str


class Card(_Part):
    """All of `card.json`.

    Attributes:
        files: SHA-256 of each other file, by name.
        input_size: side of the square input in pixels.
        precision: of the weights and of the arithmetic: "float32".
        normalisation: what the graph does with pixels in [0, 1], for people.
        calibration: None where it is the training's own.
    """

    format: Annotated[int, Field(ge=1, le=1)] = 1
    id: str
    version: str
    files: dict[str, str]
    input_size: Annotated[int, Field(ge=32, le=2048)]
    precision: str
    normalisation: str
    labels: tuple[Label, ...]
    gate: Gate
    metrics: Metrics
    training: Training
    licence: str
    attribution: str
    intended_use: str
    not_for: tuple[str, ...]
    calibration: Calibration | None = None

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        ids = [label.id for label in self.labels]
        if not ids or len(set(ids)) < len(ids):
            message = f"a label is listed once, and there is at least one, got {ids}"
            raise ValueError(message)
        missing = {GRAPH, CAM_WEIGHTS} - self.files.keys()
        outside = [name for name in self.files if Path(name).name != name or name == CARD]
        if outside:
            message = f"files holds what is no file name of the bundle's own folder: {outside}"
            raise ValueError(message)
        if missing:
            message = f"files names no digest for {sorted(missing)}"
            raise ValueError(message)
        return self


@dataclass(frozen=True, slots=True)
class Bundle:
    """A folder whose files are what its card says.

    Attributes:
        version: which classifier it is; the digest covers the card and, through it, every file.
    """

    folder: Path
    card: Card
    version: ModelVersion

    @property
    def graph(self) -> Path:
        """The ONNX file."""
        return self.folder / GRAPH

    @property
    def cam_weights(self) -> Path:
        """The label head's weights."""
        return self.folder / CAM_WEIGHTS


def load_bundle(name: str | Path) -> Bundle:
    """Read a bundle and check it.

    Args:
        name: a folder, or "bundled" for the one that ships.

    Raises:
        BundleError: the folder or a file is missing, not what the card says, or the card is not valid.
    """
    folder = BUNDLED_FOLDER if name == BUNDLED else Path(name)
    content = _read(folder / CARD)
    try:
        card = Card.model_validate_json(content)
    except ValidationError as error:
        message = f"{CARD} of the model bundle {folder.name!r} is not valid: {error}"
        raise BundleError(message) from error
    for file, expected in card.files.items():
        found = digest_of(_read(folder / file))
        if found != expected:
            message = (
                f"{file} of the model bundle {folder.name!r} has the SHA-256 {found}, but its card says "
                f"{expected}: it is damaged or belongs to another version; fetch the bundle again"
            )
            raise BundleError(message)
    return Bundle(folder, card, ModelVersion(card.id, card.version, digest_of(content)))


def digest_of(content: bytes) -> str:
    """Return the SHA-256 of a file's content as 64 hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        message = f"{path.name} of the model bundle {path.parent.name!r} cannot be read: {error.strerror}"
        raise BundleError(message) from error
