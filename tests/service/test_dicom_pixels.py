"""What we show of a DICOM file is, gray level for gray level, what dcmtk shows of it.

What differs all the same is in docs/reference/dicom-pixels.md, and nothing else is.
"""

import csv
import subprocess
import warnings
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from pydicom import dcmread

from shared.errors import BadInputError
from tests.support.dcmtk_pixels import NotShownError, shown_by_dcmtk
from tests.support.pixel_table import documented, unexplained
from tests.support.pixel_variants import Variant, variants
from worker_cnn.decoding import DecoderPool, PreparedImage


@pytest.fixture(scope="module")
def decoders() -> Iterator[DecoderPool]:
    with DecoderPool(workers=1) as pool:
        yield pool


@pytest.fixture(scope="module")
def made() -> list[Variant]:
    return list(variants())


def _compressed(variant: Variant, folder: Path) -> bytes:
    if not variant.encoder:
        return variant.content
    plain, packed = folder / "plain.dcm", folder / "packed.dcm"
    plain.write_bytes(variant.content)
    subprocess.run([*variant.encoder, plain, packed], check=True, capture_output=True, timeout=60)
    return packed.read_bytes()


def _shown(decoders: DecoderPool, content: bytes, name: str) -> PreparedImage:
    return decoders.prepare(lambda: content, name=name, size=64)


def test_every_kind_of_file_is_shown_as_dcmtk_shows_it(decoders: DecoderPool, made: list[Variant]):
    def difference(variant: Variant) -> tuple[str, int]:
        with TemporaryDirectory() as folder:
            content = _compressed(variant, Path(folder))
            seen = _shown(decoders, content, variant.name)
            drawn = shown_by_dcmtk(
                variant.source or content, Path(folder), voi=variant.voi, ours=variant.ours
            )
        return variant.kind, drawn.off(seen.preview)

    single = [variant for variant in made if variant.kind != "several frames"]
    assert len(single) >= 500
    with ThreadPoolExecutor(2) as threads:
        found: dict[str, int] = defaultdict(int)
        for kind, levels in threads.map(difference, single):
            found[kind] = max(found[kind], levels)
    assert unexplained(found, documented("dcm2pnm")) == []


def test_of_several_frames_none_is_taken_for_the_image(decoders: DecoderPool, made: list[Variant]):
    several = [variant for variant in made if variant.kind == "several frames"]
    assert several
    for variant in several:
        with pytest.raises(BadInputError, match="more than one frame"):
            _shown(decoders, variant.content, variant.name)


@pytest.mark.real_data
def test_real_files_are_shown_as_dcmtk_shows_them(decoders: DecoderPool, test_data: Path | None):
    if test_data is None:
        return
    with (test_data / "dicom" / "INDEX.csv").open(encoding="utf-8") as index:
        files = [test_data / "dicom" / row["file"] for row in csv.DictReader(index)]
    with ThreadPoolExecutor(2) as threads:
        outcomes = list(threads.map(lambda file: _real(decoders, file), files))
    found = {
        file.name: levels for file, levels in zip(files, outcomes, strict=True) if isinstance(levels, int)
    }
    assert len(found) > 70
    assert unexplained(found, documented("dcm2pnm, real")) == []


def _real(decoders: DecoderPool, file: Path) -> int | str:
    """Return by how many levels a file differs, or why it is not compared."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            dataset = dcmread(file, force=True)
            content = file.read_bytes()
            if dataset.get("Modality", "OT") not in {"CR", "DX", "OT"}:
                # We read radiographs only; the pixels of others are as good for this.
                dataset.Modality, changed = "OT", BytesIO()
                dataset.save_as(changed)
                content = changed.getvalue()
        except Exception as error:  # noqa: BLE001 - pydicom cannot write it, so nobody can
            return f"pydicom: {error}"
        try:
            seen = _shown(decoders, content, file.name)
            shown = seen.attributes.shown_range
            if shown is None and dataset.BitsStored > 16:
                shown = tuple(np.percentile(dataset.pixel_array, (0.5, 99.5)))
            slope, intercept = (
                float(dataset.get("RescaleSlope") or 1),
                float(dataset.get("RescaleIntercept") or 0),
            )
            low, high = sorted(value * slope + intercept for value in shown or (0, 0))
            with TemporaryDirectory() as folder:
                ours = None if shown is None else (low, high)
                drawn = shown_by_dcmtk(content, Path(folder), ours=ours, shape=seen.preview.shape)
                return drawn.off(seen.preview)
        except BadInputError as error:
            return f"refused: {error.detail}"
        except NotShownError as error:
            return f"dcmtk: {error}"
