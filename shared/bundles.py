"""A model bundle: the folder that holds a classifier and says what it is and how far to trust it.

    FOLDER/card.json        `Card`: labels, thresholds, calibration, figures, and a digest of each other file
    FOLDER/model.onnx       the graph (its inputs and outputs: `worker_cnn/runtime.py`)
    FOLDER/cam.npy          (L, C) the label head's weights, for class activation maps; may be missing

A classifier that runs behind an endpoint has a card alone (`zero_shot.py`).

A classifier owes its logits alone: a card needs an id, a version, a digest, an input size and labels, and all
else has a default. `load_bundle` reads the card and checks every digest; it runs no model, so any service may
call it. What is no frontal chest radiograph is kept from every classifier by a bundle of its own: `gates.py`.
"""

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from shared.blanks import Blank
from shared.domain.findings import ModelVersion
from shared.labels import LABELS, NO_FINDING
from shared.placings import Placing, Placings
from shared.settings import BUNDLED, ZERO_SHOT
from shared.zero_shot import Prompts, Runtime, check

CARD: Final = "card.json"
GRAPH: Final = "model.onnx"
CAM_WEIGHTS: Final = "cam.npy"
BUNDLED_FOLDER: Final = Path(__file__).parent.parent / "worker_cnn" / "bundled"
_BY_NAME: Final = {BUNDLED: BUNDLED_FOLDER, ZERO_SHOT: BUNDLED_FOLDER.with_name("medimageinsight_zero_shot")}

Probability = Annotated[float, Field(ge=0.0, le=1.0)]


class BundleError(ValueError):
    """A bundle cannot be used; the message names the file and what is wrong with it."""


class Part(BaseModel):
    """A part of a card: it cannot be changed, and nothing in it is unknown."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class PlainCard(Part):
    """What a classifier's and a gate's card have in common; `files` are SHA-256 digests by name."""

    format: Annotated[int, Field(ge=1, le=1)] = 1
    id: str
    version: str
    files: dict[str, str]
    input_size: Annotated[int, Field(ge=32, le=2048)]


class Interval(Part):
    """A figure with its 95 % bootstrap interval over patients."""

    value: float
    low: float
    high: float


class Label(Part):
    """One label of a classifier: how its logit becomes a probability, and that a status.

    Attributes:
        id: of `shared/labels.py`.
        slope: of the calibration, probability = sigmoid(slope * logit + offset); above zero.
        offset: of the calibration.
        threshold: at or above it the finding is present.
        uncertain_from: at or above it, and below the threshold, it is uncertain.
        auroc: on the test patients; None where they show it too seldom to say.
        within_source: the same over pairs of images of one source.
        sensitivity: share of the test images with it that are called present; None like `auroc`.
        specificity: share of those without it that are not.
        positives: images with it in training, validation and test; None where nobody says.
        side_from: concentration of a map from which its side is said; None: never. `zone_from` likewise.
        side: how often that was right of outlines; None where it was not measured. `zone` likewise.

    What a label of another's classifier does not say: no calibration, present from 0.5, no band of doubt.
    """

    id: str
    slope: Annotated[float, Field(gt=0.0)] = 1.0
    offset: float = 0.0
    threshold: Probability = 0.5
    uncertain_from: Probability = 0.5
    auroc: Interval | None = None
    within_source: Interval | None = None
    sensitivity: Probability | None = None
    specificity: Probability | None = None
    positives: tuple[int, int, int] | None = None
    side_from: Probability | None = None
    zone_from: Probability | None = None
    side: Placing | None = None
    zone: Placing | None = None

    @model_validator(mode="after")
    def _is_known_and_ordered(self) -> Self:
        if self.id not in LABELS or self.id == NO_FINDING:
            message = f"{self.id!r} is no label of the vocabulary (shared/labels.py)"
            raise ValueError(message)
        if self.uncertain_from > self.threshold:
            message = f"{self.id}: uncertain_from {self.uncertain_from} lies above threshold {self.threshold}"
            raise ValueError(message)
        return self


class Metrics(Part):
    """How good it is on the test patients; AUROCs are means over the labels that are told often enough.

    Attributes:
        within_source: over pairs of images of one data set or folder: what the pixels say. It comes first,
            since which source an image is from predicts its labels too. None without pairs enough.
        within_source_and_view: over pairs of one source and view.
        macro_auroc: over all pairs.
        source_alone: what a look-up of the source reaches over all pairs, and nothing of the image.
        source_and_view_alone: likewise, of both.
        looked_up_elsewhere: whether the look-ups were made of other patients, or of these.
        per_study: of the highest score among a study's images, over all pairs; None where each has one image.
        studies: how many.
        paper: over all pairs, the mean over the labels that the paper's own figure is over
            (`Card.paper_labels`); None where these are all labels, or one of them is told too seldom.
        by_view: over all pairs of each view alone.
        by_source: likewise of each source alone.
        findings_per_study: mean number of findings called present on an image.
        findings_per_normal: the same over images labelled No Finding; None where there are none.
    """

    within_source: Interval | None
    within_source_and_view: Interval | None
    macro_auroc: Interval
    source_alone: Interval | None
    source_and_view_alone: Interval | None
    looked_up_elsewhere: bool
    per_study: Interval | None
    studies: int
    paper: Interval | None
    by_view: dict[str, Interval]
    by_source: dict[str, Interval]
    findings_per_study: float
    findings_per_normal: float | None


class Training(Part):
    """Where the weights come from.

    Attributes:
        data: the data set and its folder names.
        start: the weights that it started from.
        images: in training, validation and test.
        patients: in training, validation and test; no patient is in two.
        chosen_on: which images chose the epoch or network, and which calibration and thresholds.
        recipe: the settings, by name.
        command: what makes the bundle again.
    """

    data: str
    start: str
    images: tuple[int, int, int]
    patients: tuple[int, int, int]
    recipe: dict[str, float | int | str]
    command: str
    chosen_on: str = "not stated"


class Calibration(Part):
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


class Card(PlainCard):
    """All of `card.json`.

    Attributes:
        files: SHA-256 of each other file, by name.
        runtime: what runs it; `prompts` are what an endpoint is asked.
        input_size: side of the square input in pixels.
        precision: of the weights and of the arithmetic: "float32".
        normalisation: what is done with pixels in [0, 1], for people.
        mean: what the worker takes from pixels in [0, 1] before the graph sees them, one number a channel or
            one for all; nothing where the graph normalises by itself.
        deviation: what it then divides by, likewise.
        views: that it was trained and measured on; none where nobody says.
        blank: what a label that is not mentioned was in training and is in every figure.
        paper_labels: that the figure of the recipe's paper is over; none without a paper.
        embedding: the name of the graph's output `embedding`, which a gate may read (`gates.py`); None where
            it has none.
        metrics: None where nobody measured it.
        training: None where nobody says.
        calibration: None where it is the training's own.
        placings: how often maps were right of sides and zones; None where nobody measured it.
    """

    runtime: Runtime = Runtime.ONNX
    prompts: Prompts | None = None
    precision: str = "float32"
    normalisation: str = "not stated"
    mean: Annotated[tuple[float, ...], Field(min_length=1, max_length=3)] = (0.0,)
    deviation: Annotated[tuple[Annotated[float, Field(gt=0.0)], ...], Field(min_length=1, max_length=3)] = (
        1.0,
    )
    labels: tuple[Label, ...]
    views: tuple[str, ...] = ()
    blank: Blank = Blank.IGNORE
    paper_labels: tuple[str, ...] = ()
    embedding: str | None = None
    metrics: Metrics | None = None
    training: Training | None = None
    licence: str = "not stated"
    attribution: str = "not stated"
    intended_use: str = "Not stated. It is not a medical device."
    not_for: tuple[str, ...] = ()
    calibration: Calibration | None = None
    placings: Placings | None = None

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        ids = [label.id for label in self.labels]
        if not ids or len(set(ids)) < len(ids):
            message = f"a label is listed once, and there is at least one, got {ids}"
            raise ValueError(message)
        check_files(self.files, needed={GRAPH} if self.runtime is Runtime.ONNX else set())
        check(self.runtime, self.prompts, ids)
        return self

    @property
    def is_measured(self) -> bool:
        """Whether anybody has held each of its labels against images whose findings are known."""
        return self.metrics is not None or (self.calibration is not None and not self.calibration.kept)


AnyCard = TypeVar("AnyCard", bound=PlainCard)


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
    def cam_weights(self) -> Path | None:
        """The label head's weights, where it has them."""
        return self.folder / CAM_WEIGHTS if CAM_WEIGHTS in self.card.files else None


def load_bundle(name: str | Path) -> Bundle:
    """Read a bundle and check it.

    Args:
        name: a folder, or the name of one that ships.

    Raises:
        BundleError: the folder or a file is missing, not what the card says, or the card is not valid.
    """
    folder = _BY_NAME.get(str(name), Path(name))
    card, digest = read_card(folder, Card)
    return Bundle(folder, card, ModelVersion(card.id, card.version, digest))


def check_files(files: Mapping[str, str], *, needed: Collection[str]) -> None:
    """Raise ValueError when a card's files are not those of its own folder, or one is missing."""
    outside = [name for name in files if Path(name).name != name or name == CARD]
    if outside:
        message = f"files holds what is no file name of the bundle's own folder: {outside}"
        raise ValueError(message)
    missing = set(needed) - files.keys()
    if missing:
        message = f"files names no digest for {sorted(missing)}"
        raise ValueError(message)


def read_card(folder: Path, kind: type[AnyCard]) -> tuple[AnyCard, str]:
    """Read a card and check the files that it names; return it with its own SHA-256.

    Raises:
        BundleError: the folder or a file is missing, not what the card says, or the card is not valid.
    """
    content = _read(folder / CARD)
    try:
        card = kind.model_validate_json(content)
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
    return card, digest_of(content)


def digest_of(content: bytes) -> str:
    """Return the SHA-256 of a file's content as 64 hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        message = f"{path.name} of the model bundle {path.parent.name!r} cannot be read: {error.strerror}"
        raise BundleError(message) from error
