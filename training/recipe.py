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
    Field,
    ValidationError,
    model_validator,
)

from shared.blanks import Blank
from shared.labels import CHESTXRAY14, CHEXPERT14, LABELS, NO_FINDING
from training.stages import STRICT, Loss, Optimizer, Run, Schedule, SecondTraining

FOLDER: Final = Path(__file__).parent / "recipes"
LABEL_SETS: Final = {
    "chestxray14": CHESTXRAY14,
    "chestxray8": CHESTXRAY14[:8],
    "chexpert13": tuple(label for label in CHEXPERT14 if label != NO_FINDING),
    "chexpert5": ("Atelectasis", "Cardiomegaly", "Consolidation", "Edema", "Effusion"),
}
"""Names for the labels that papers report on; a recipe may list ids instead."""


_OWN_LOSSES: Final = frozenset({"multiclass", "chexzero", "detector"})
"""Architectures that `[loss]` has no say in."""
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
    model_config = STRICT


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
        measured_datasets: of validation and test images; empty: all. Of the others only training patients'
            images are used.
        weights: data set -> how much an image of it counts in the loss, where that is not 1.
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
    measured_datasets: tuple[str, ...] = ()
    weights: dict[str, Annotated[float, Field(gt=0.0, le=1.0)]] = {}
    policy: Policy = Policy.IGNORE
    policies: dict[str, Policy] = {}
    votes: bool = False
    blank: Blank = Blank.IGNORE
    masks: bool = False
    texts: bool = False
    boxes: bool = False

    def measures(self, dataset: str) -> bool:
        """Return whether validation and test images may be of a data set."""
        return not self.measured_datasets or dataset in self.measured_datasets


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
        blur: share of images that lose resolution, so that sharpness does not tell the source.
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
    blur: Annotated[float, Field(ge=0.0, le=1.0)] = 0.0
    mixup: Annotated[float, Field(ge=0.0)] = 0.0
    crop: Annotated[float, Field(ge=0.0, le=1.0)] = 0.0
    rand_augment: Annotated[str, Field(pattern=r"^(rand(-[a-z]+[0-9.]+)*)?$")] = ""
    erase: Annotated[float, Field(ge=0.0, le=1.0)] = 0.0

    @property
    def of_photographs(self) -> bool:
        """Whether training/photographs.py has a part in it."""
        return bool(self.crop or self.rand_augment or self.erase)


class Ensemble(_Part):
    """How many networks, each from its own seed.

    Attributes:
        mean: of what: the answer is the mean of their probabilities, or that of one network whose weights are
            the mean of theirs (model soup, Wortsman 2022, arXiv 2203.05482).
        relabel: whether training labels are then replaced by the ensemble's mean probability and `members`
            more networks are trained on these (Rajpurkar 2018, CheXNeXt).
    """

    members: Annotated[int, Field(ge=1)] = 1
    mean: Literal["probability", "weights"] = "probability"
    relabel: bool = False


class CardTexts(_Part):
    """What the card of an exported run says, where it does not follow from the run: "" is left to that.

    Attributes:
        id: "cxr-" and the recipe's name.
        version: 1.0.0 and a digest of the graph.
        embedding: under which name, and a digest of the graph, the graph offers its embedding to a gate
            (docs/decisions/0019); without one it offers none.
        data: the data sets' ids.
        start: that of `[model]`.
        licence: that the terms of the data hold.
        attribution: the data sets, and the paper.
        command: the train command.
    """

    id: str = ""
    version: str = ""
    embedding: str = ""
    data: str = ""
    start: str = ""
    licence: str = ""
    attribution: str = ""
    intended_use: str = (
        "Research. It is not a medical device: no one may be diagnosed, treated or sent home on what it says."
    )
    not_for: tuple[str, ...] = (
        "clinical decisions",
        "lateral views (refused where the file says so)",
        "CT, MR and other body parts",
        "findings beyond its labels",
        "saying that a chest is normal: an absent finding means only that this model did not see it",
    )
    command: str = ""


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
    card: CardTexts = CardTexts()
    seed: int = 0

    @model_validator(mode="after")
    def _one_prior(self) -> Self:
        stages = [(self.loss, self.run)]
        if self.second is not None:
            stages.append((self.second.loss, self.second.run))
        for loss, run in stages:
            if loss.adjust_for_source and run.start_at_priors:
                message = (
                    "loss.adjust_for_source and run.start_at_priors both tell how frequent labels are; choose"
                )
                raise ValueError(message)
            if run.keep == "last" and run.stop_after:
                message = 'run.keep = "last" and run.stop_after: what ends early has no last epoch; choose'
                raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _logits_to_adjust(self) -> Self:
        if self.loss.adjust_for_source and self.model.architecture in _OWN_LOSSES:
            message = f"loss.adjust_for_source: {self.model.architecture} has a loss of its own, without it"
            raise ValueError(message)
        return self

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
