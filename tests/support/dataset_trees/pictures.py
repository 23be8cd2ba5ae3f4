"""Images for trees: the samples in turn with real radiographs, no two files alike."""

from itertools import cycle
from pathlib import Path

import numpy as np
import pydicom
from PIL import Image
from pydicom.uid import generate_uid

SIDE = 96
"""Pixels: enough for a header, and quick to write."""


class Pictures:
    """Writes the next image wherever a tree needs one."""

    def __init__(self, samples: Path, real: list[Path], real_dicoms: list[Path]) -> None:
        """Take the folder of samples, and files of real radiographs, maybe none."""
        drawn = [samples / "chest-1.png", samples / "chest-3.jpg"]
        self._sources = cycle(
            [path for pair in zip(cycle(drawn), real, strict=False) for path in pair] or drawn
        )
        self._dicoms = cycle([samples / "chest-4.dcm", *real_dicoms])
        self._written = 0

    def write(self, path: Path, mode: str = "L") -> None:
        """Write a PNG or JPEG by the path's ending, in a mode of Pillow's; or a DICOM file by any other."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._written += 1
        if path.suffix in (".png", ".jpg"):
            with Image.open(next(self._sources)) as image:
                pixels = np.asarray(image.convert("L").resize((SIDE, SIDE)))
            # Rolled by a different amount each time, so that no file is another's duplicate.
            Image.fromarray(np.roll(pixels, self._written)).convert(mode).save(path)
        else:
            dataset = pydicom.dcmread(next(self._dicoms))
            dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
            dataset.save_as(path)
