"""Radiographs with masks of their lungs, as the classifier's squares see them.

read_pairs      folders -> `Pair`: image, mask, patient, split
squares_of      one pair -> image and mask as tensors
shipped_masks   the masks inside torchxrayvision
dice            how well two masks overlap
"""

import csv
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import Final

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from shared.errors import BadInputError
from shared.imaging import model_input
from training.architectures.unet import SIDE
from training.shipped import shipped_tables
from training.splits import split_of
from training.table import Split
from worker_cnn.decoding import prepare

_FILE: Final = ("filename", "file")
_PATIENT: Final = ("patientid", "patient_id")
_SHAPES: Final = 0.02
"""Most that the shapes of an image and its mask may differ, as a share: else one of them was cut."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A radiograph and its lungs.

    Attributes:
        mask: PNG or JPEG, white where there is lung.
        split: of the patient, by a hash.
    """

    image: Path
    mask: bytes
    patient: str
    split: Split


def shipped_masks() -> Path:
    """Return the zip of V7 Labs' masks that torchxrayvision's wheel has."""
    return shipped_tables() / "semantic_masks_v7labs_lungs.zip"


def read_pairs(images: Path, masks: Path, table: Path) -> list[Pair]:
    """Match images and masks by their names without endings, and both with the table's patients.

    Raises:
        ValueError: the table lacks a column, or nothing matches.
        OSError: a file cannot be read.
    """
    patients = _patients(table)
    outlines = dict(masks_in(masks))
    pairs = [
        Pair(path, outlines[path.stem], patients[path.stem], split_of(patients[path.stem]))
        for path in sorted(images.rglob("*"))
        if path.is_file() and path.stem in outlines and path.stem in patients
    ]
    if not pairs:
        message = (
            f"no image below {images} has both a mask in {masks} ({len(outlines)}) and a patient in {table} "
            f"({len(patients)}): all three are matched by the file's name without its ending"
        )
        raise ValueError(message)
    return [pair for pair in pairs if _same_shape(pair)]


def squares_of(pair: Pair) -> tuple[Tensor, Tensor]:
    """Return an image and its mask, each (1, SIDE, SIDE) float32: in [0, 1], and 0 or 1.

    Raises:
        ValueError: the image cannot be decoded.
    """
    try:
        prepared = prepare(pair.image.read_bytes(), name=pair.image.name, size=SIDE)
    except BadInputError as error:
        message = f"{pair.image}: {error}"
        raise ValueError(message) from error
    with Image.open(BytesIO(pair.mask)) as mask:
        lungs = np.asarray(mask.convert("L"), np.float32) / 255.0
    square = model_input(lungs, SIDE) > 0.5
    return torch.from_numpy(prepared.model_input)[None], torch.from_numpy(square.astype(np.float32))[None]


def dice(first: Tensor, second: Tensor) -> Tensor:
    """Return (N,) twice the common area of (N, 1, S, S) masks by the sum of both; 1 where both are empty."""
    common = (first * second).sum((1, 2, 3))
    return (2.0 * common + 1.0) / (first.sum((1, 2, 3)) + second.sum((1, 2, 3)) + 1.0)


def masks_in(source: Path) -> Iterator[tuple[str, bytes]]:
    """Give the files of a folder or a zip, each with its name without ending.

    Raises:
        ValueError: it is neither.
    """
    if source.is_dir():
        yield from ((path.stem, path.read_bytes()) for path in source.rglob("*") if path.is_file())
        return
    try:
        with zipfile.ZipFile(source) as archive:
            for name in archive.namelist():
                if not name.endswith("/"):
                    yield PurePosixPath(name).stem, archive.read(name)
    except zipfile.BadZipFile as error:
        message = f"{source} is neither a folder nor a zip: {error}"
        raise ValueError(message) from error


def _patients(table: Path) -> dict[str, str]:
    """Return the patient of each image, by the image's name without ending."""
    with table.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        columns = reader.fieldnames or ()
        name = next((column for column in _FILE if column in columns), None)
        patient = next((column for column in _PATIENT if column in columns), None)
        if name is None or patient is None:
            wanted = f"{' or '.join(_FILE)}, and {' or '.join(_PATIENT)}"
            message = f"{table} needs the columns {wanted}; it has {', '.join(columns) or 'none'}"
            raise ValueError(message)
        return {PurePosixPath(row[name]).stem: row[patient] for row in reader if row[patient]}


def _same_shape(pair: Pair) -> bool:
    try:
        with Image.open(pair.image) as image, Image.open(BytesIO(pair.mask)) as mask:
            shapes = [one.width / one.height for one in (image, mask)]
    except UnidentifiedImageError as error:
        message = f"{pair.image} or its mask is no image: {error}"
        raise ValueError(message) from error
    return abs(shapes[0] / shapes[1] - 1.0) <= _SHAPES
