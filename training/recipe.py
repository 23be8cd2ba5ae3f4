"""A recipe: all that a training run depends on beside its data, as one TOML file in `recipes/`.

    load_recipe    name of a file in `recipes/`, or a path -> `Recipe`
    names          the recipes that ship

A key that is unknown, or a value out of its range, is an error that names the file and the key.
"""

import tomllib
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from shared.bundles import Blank
from shared.labels import CHESTXRAY14, CHEXPERT14, LABELS, NO_FINDING

FOLDER: Final = Path(__file__).parent / "recipes"
LABEL_SETS: Final = {
    "chestxray14": CHESTXRAY14,
    "chestxray8": CHESTXRAY14[:8],
    "chexpert13": tuple(label for label in CHEXPERT14 if label != NO_FINDING),
    "chexpert5": ("Atelectasis", "Cardiomegaly", "Consolidation", "Edema", "Effusion"),
}
"""Names for the labels that papers report on; a recipe may list ids instead."""


_View = Literal["PA", "AP", "LATERAL", "UNKNOWN"]


class RecipeError(ValueError):
    """A recipe cannot be used; the message names the file, the key and what is wrong with it."""


class Policy(StrEnum):
    """What becomes of an uncertain label (Irvin 2019, section 3)."""

    IGNORE = "ignore"
    ZEROS = "zeros"
    ONES = "ones"
    SMOOTH_ONES = "smooth_ones"
    """A random target between 0.55 and 0.85 (Pham 2019, arXiv 1911.06475)."""
    MULTICLASS = "multiclass"
    """A class of its own: the architecture has three outputs a label."""
    SELF_TRAINED = "self_trained"
    """The probability that a model trained with `ignore` gives."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def _named(value: object) -> object:
    return LABEL_SETS.get(value, value) if isinstance(value, str) else value


def _of_the_vocabulary(value: tuple[str, ...]) -> tuple[str, ...]:
    unknown = set(value) - (LABELS.keys() - {NO_FINDING})
    if unknown or not value:
        message = f"{sorted(unknown)} are no labels; use ids of shared/labels.py, or {sorted(LABEL_SETS)}"
        raise ValueError(message)
    return value


LabelIds = Annotated[tuple[str, ...], BeforeValidator(_named), AfterValidator(_of_the_vocabulary)]
"""Ids of labels, or a name of `LABEL_SETS` for them."""


class ClaimedFigure(_Part):
    """What the paper says its network reaches: the mean AUROC over `labels` on `data`."""

    data: str
    macro_auroc: Annotated[float, Field(gt=0.0, lt=1.0)]
    labels: LabelIds


class Data(_Part):
    """Which images, and what they are taught as.

    Attributes:
        datasets: ids that the recipe was published for; the command may name others.
        labels: ids, or a name of `LABEL_SETS`.
        size: side of the square in pixels.
        views: of the images that are trained on; UNKNOWN are those whose data set says none.
        measured_views: of validation and test images; empty: the same.
        policy: of uncertain labels.
        policies: by label, where it differs.
        votes: whether a label that several readers voted on (VinDr-CXR's training half) is taught as the
            share who see it, instead of what most say.
        blank: of labels that CheXpert and its kin leave blank.
        masks: whether the network is given the lung and heart masks of the tables' records
            (training/organs.py); without, or where a record has none, it outlines them itself.
        texts: whether the reports' impressions are what is learnt: each training image with a report then
            counts, labelled or not.
        boxes: whether boxes are what is learnt (architecture "detector"): only training images count that say
            of every label that it is absent, or where it is.
    """

    datasets: tuple[str, ...]
    labels: LabelIds
    size: Annotated[int, Field(ge=32, le=1024)]
    views: tuple[_View, ...] = ("PA", "AP")
    measured_views: tuple[_View, ...] = ()
    policy: Policy = Policy.IGNORE
    policies: dict[str, Policy] = {}
    votes: bool = False
    blank: Blank = Blank.IGNORE
    masks: bool = False
    texts: bool = False
    boxes: bool = False


class Model(_Part):
    """Which network: `architecture` of `training/architectures/`, and its options, which it checks itself.

    Attributes:
        start: "imagenet", "scratch", or whatever else the architecture can start from (a folder, an id).
    """

    architecture: str
    start: str = "imagenet"
    options: dict[str, Any] = {}


class Augmentation(_Part):
    """Random changes of an image; each is a share or a largest amount, 0 is none.

    Attributes:
        flip: share of images that are mirrored.
        degrees: largest rotation.
        zoom: largest logarithm of the scale.
        shift: largest move, as a share of the half side.
        exposure: whether contrast, brightness and gamma vary.
        mixup: alpha (Zhang 2017, arXiv 1710.09412).
        crop: smallest share of the area that is kept, and resized to the whole (training/photographs.py).
        rand_augment: timm's description of a RandAugment; "" for none.
        erase: share of images of which a rectangle becomes noise.
    """

    flip: Annotated[float, Field(ge=0.0, le=1.0)] = 0.0
    degrees: Annotated[float, Field(ge=0.0, le=45.0)] = 0.0
    zoom: Annotated[float, Field(ge=0.0, le=0.5)] = 0.0
    shift: Annotated[float, Field(ge=0.0, le=0.5)] = 0.0
    exposure: bool = False
    mixup: Annotated[float, Field(ge=0.0)] = 0.0
    crop: Annotated[float, Field(ge=0.0, le=1.0)] = 0.0
    rand_augment: Annotated[str, Field(pattern=r"^(rand(-[a-z]+[0-9.]+)*)?$")] = ""
    erase: Annotated[float, Field(ge=0.0, le=1.0)] = 0.0

    @property
    def of_photographs(self) -> bool:
        """Whether training/photographs.py has a part in it."""
        return bool(self.crop or self.rand_augment or self.erase)


class Loss(_Part):
    """A loss of `training/losses.py` with its options, which it checks itself."""

    name: str = "cross_entropy"
    options: dict[str, Any] = {}


class Optimizer(_Part):
    """What moves the weights.

    Attributes:
        name: "adam", "adamw", "sgd" or "pesg" (which needs an AUC margin loss).
        rate: learning rate of the trunk.
        head_rate: factor on it for what did not start from trained weights.
    """

    name: Literal["adam", "adamw", "sgd", "pesg"] = "adam"
    rate: Annotated[float, Field(gt=0.0)] = 1e-4
    head_rate: Annotated[float, Field(gt=0.0)] = 1.0
    decay: Annotated[float, Field(ge=0.0)] = 0.0
    momentum: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.9
    options: dict[str, Any] = {}


class Schedule(_Part):
    """How the rate changes.

    Attributes:
        name: "constant", "cosine" (to zero, after `warm_up` epochs), "plateau" (times `factor` when the
            validation loss stood for `patience` epochs) or "step" (times `factor` every `every` epochs).
    """

    name: Literal["constant", "cosine", "plateau", "step"] = "constant"
    warm_up: Annotated[float, Field(ge=0.0)] = 0.0
    factor: Annotated[float, Field(gt=0.0, le=1.0)] = 0.1
    patience: Annotated[int, Field(ge=0)] = 1
    every: Annotated[int, Field(ge=1)] = 1


class Run(_Part):
    """One training.

    Attributes:
        epochs: passes over the training images.
        batch: images a step, shared by all devices that train together: a run of four devices has the
            steps and the rate of a run of one.
        accumulate: steps whose gradients are added before the weights move.
        balance: exponent of the rarity by which images are drawn; 0 draws each once an epoch.
        stop_after: epochs without a better validation figure after which training ends; 0 never.
        average: decay a step of the running average of the weights that is kept; 0 keeps the last ones.
        clip: largest norm of the gradient; 0 is no limit.
    """

    epochs: Annotated[int, Field(ge=1)]
    batch: Annotated[int, Field(ge=1)] = 16
    accumulate: Annotated[int, Field(ge=1)] = 1
    balance: Annotated[float, Field(ge=0.0, le=1.0)] = 0.0
    stop_after: Annotated[int, Field(ge=0)] = 0
    average: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0
    clip: Annotated[float, Field(ge=0.0)] = 0.0


class SecondTraining(_Part):
    """A second training that goes on from the first, with what differs (Yuan 2020: a head made anew)."""

    loss: Loss
    optimizer: Optimizer
    schedule: Schedule = Schedule()
    run: Run
    reset_head: bool = False


class Ensemble(_Part):
    """How many networks, each from its own seed; their mean probability is the answer.

    Attributes:
        relabel: whether training labels are then replaced by the ensemble's mean probability and `members`
            more networks are trained on these (Rajpurkar 2018, CheXNeXt).
    """

    members: Annotated[int, Field(ge=1)] = 1
    relabel: bool = False


class Recipe(_Part):
    """All of a recipe.

    Attributes:
        name: of the file.
        paper: authors, year, title, arXiv number.
        differs: what this recipe does otherwise than the paper, and why; empty when nothing.
        claim: None for a recipe of our own.
    """

    name: str
    paper: str
    differs: str = ""
    claim: ClaimedFigure | None = None
    data: Data
    model: Model
    augmentation: Augmentation = Augmentation()
    loss: Loss = Loss()
    optimizer: Optimizer = Optimizer()
    schedule: Schedule = Schedule()
    run: Run
    second: SecondTraining | None = None
    ensemble: Ensemble = Ensemble()
    seed: int = 0

    @model_validator(mode="after")
    def _masks_of_one_image(self) -> Self:
        if self.data.masks and self.augmentation.mixup:
            message = "data.masks and augmentation.mixup: images that are blended have no one outline; choose"
            raise ValueError(message)
        if self.data.masks and self.augmentation.of_photographs:
            message = "data.masks and augmentation.crop, rand_augment or erase: masks are not moved by these"
            raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _boxes_of_a_detector(self) -> Self:
        if self.data.boxes != (self.model.architecture == "detector"):
            message = 'data.boxes and model.architecture = "detector" need each other'
            raise ValueError(message)
        if self.data.boxes and (self.augmentation.mixup or self.augmentation.of_photographs):
            message = (
                "data.boxes and augmentation.mixup, crop, rand_augment or erase: boxes do not follow these"
            )
            raise ValueError(message)
        return self


def names() -> list[str]:
    """Return the names of the recipes that ship, sorted."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def load_recipe(name: str | Path) -> Recipe:
    """Read a recipe by its name, or from a path that ends in ".toml".

    Raises:
        RecipeError: there is none, it is no TOML, or a key or value is wrong.
    """
    path = Path(name) if str(name).endswith(".toml") else FOLDER / f"{name}.toml"
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        message = f"there is no recipe {name}; those that ship: {', '.join(names())}; or name a .toml file"
        raise RecipeError(message) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        message = f"{path} is no TOML: {error}"
        raise RecipeError(message) from error
    try:
        return Recipe.model_validate({"name": path.stem} | content)
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        message = f"{path}: {faults}"
        raise RecipeError(message) from error
