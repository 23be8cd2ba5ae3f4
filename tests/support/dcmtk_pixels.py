"""The picture that dcmtk's dcm2pnm makes of a file, when it is asked for the one that we show.

The window or LUT is the file's first, a LUT before a window. Where there is none, dcm2pnm is given ours. It
writes 16 bits, since it cuts off what is behind the point: of 8 bits, half the levels would differ by one.
"""

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import JPEGLSTransferSyntaxes

_TOO_LITTLE, _SHRUNK = 1e-6, 1e-3
"""Of a gray level: so near to the middle of two, a value may be rounded to either. We shrink in float32."""


class NotShownError(Exception):
    """dcmtk makes no picture of the file."""


@dataclass(frozen=True, slots=True)
class Gray:
    """The least and the greatest level of 0 to 255 that each pixel may have after rounding."""

    least: NDArray[np.int64]
    most: NDArray[np.int64]

    def off(self, picture: NDArray[np.uint8]) -> int:
        """Return by how many levels a picture differs at most."""
        levels = picture.astype(np.int64)
        return int(np.maximum(self.least - levels, levels - self.most).clip(min=0).max())


def shown_by_dcmtk(
    content: bytes,
    folder: Path,
    *,
    voi: Sequence[str] = (),
    ours: tuple[float, float] | None = None,
    shape: tuple[int, int] | None = None,
) -> Gray:
    """Have dcm2pnm draw a file.

    Args:
        voi: dcm2pnm's words for the window or LUT, where they are not to follow from the file.
        ours: the modality values that we show black and white where the file has no window.
        shape: rows and columns to which the picture is shrunk before it is rounded.

    Raises:
        NotShownError: it does not.
    """
    file, out = folder / "image.dcm", folder / "image.png"
    file.write_bytes(content)
    out.unlink(missing_ok=True)
    dataset = dcmread(BytesIO(content), force=True)
    program = "dcml2pnm" if _syntax(dataset) in JPEGLSTransferSyntaxes else "dcmj2pnm"
    is_gray = str(dataset.PhotometricInterpretation).strip().startswith("MONO")
    words = list(voi) or (_voi(dataset, ours) if is_gray else [])
    done = subprocess.run(
        [program, "--no-overlays", *words, "--write-16-bit-png", "--nointerlace", file, out],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    if not out.exists():
        raise NotShownError(done.stderr.strip()[-300:])
    drawn = np.asarray(cv2.imread(str(out), cv2.IMREAD_UNCHANGED)).astype(np.float64)
    if drawn.ndim == 3:
        drawn = drawn[..., ::-1] @ np.array([0.299, 0.587, 0.114])
    levels = drawn * (255 / 65535)
    if words[:1] == ["+Wl"]:
        levels = _of_table(drawn, dataset, int(words[1])) * 255
    cut_off = 255 / 65535 if is_gray else 0.0
    if shape is None or shape == levels.shape:
        return _rounded(levels, cut_off, _TOO_LITTLE)
    shrunk = cv2.resize(levels, shape[::-1], interpolation=cv2.INTER_AREA)
    return _rounded(np.asarray(shrunk), cut_off, _SHRUNK)


def _of_table(drawn: NDArray[np.float64], dataset: Dataset, number: int) -> NDArray[np.float64]:
    """Return the share of white that a VOI LUT gives.

    dcm2pnm has 2 to the power of its bits for the white of a table, and inverts it from there.
    """
    bits = int(dataset.VOILUTSequence[number - 1].LUTDescriptor[2])
    entries = drawn / 2 ** (16 - bits)
    is_inverse = dataset.PhotometricInterpretation == "MONOCHROME1"
    shares: NDArray[np.float64] = (np.ceil(entries) - 1 if is_inverse else np.floor(entries)) / (2**bits - 1)
    return shares


def _rounded(levels: NDArray[np.float64], cut_off: float, unsure: float) -> Gray:
    least, most = (np.floor(levels + 0.5 + off).astype(np.int64) for off in (-unsure, cut_off + unsure))
    return Gray(least, most.clip(max=255))


def _syntax(dataset: Dataset) -> Any:
    return dataset.file_meta.get("TransferSyntaxUID")


def _voi(dataset: Dataset, ours: tuple[float, float] | None) -> list[str]:
    if any(item.get("LUTDescriptor") for item in dataset.get("VOILUTSequence") or ()):
        return ["+Wl", "1"]
    if dataset.get("WindowCenter") is not None and (dataset.get("WindowWidth") or 0) != 0:
        return ["+Wi", "1"]
    if ours is None:
        return ["-W"]
    low, high = ours
    # The center and width that LINEAR maps so (PS3.3 C.11.2.1.2.1).
    return ["+Ww", repr((low + high) / 2 + 0.5), repr(high - low + 1)]
