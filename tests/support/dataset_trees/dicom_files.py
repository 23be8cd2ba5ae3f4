"""DICOM files for trees: the next picture with the header that a tree wants."""

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tests.support.dataset_trees.pictures import Pictures
from tests.support.dicoms import a_dicom


def write_dicom(path: Path, pictures: Pictures, *, rows: int = 80, columns: int = 64, **tags: Any) -> None:
    """Write a DX image of 12 bits; `tags` are set by keyword, and None takes one out."""
    picture = path.with_name("picture.png")
    pictures.write(picture)
    with Image.open(picture) as image:
        pixels = np.asarray(image.resize((columns, rows))).astype(np.uint16) * 16
    picture.unlink()
    path.write_bytes(a_dicom(pixels, **tags))
