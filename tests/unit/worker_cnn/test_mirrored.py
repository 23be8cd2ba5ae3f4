"""A mirrored radiograph is warned about by the bundled gate, unless its file says that it is mirrored."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from shared.bundles import load_bundle
from shared.gates import load_gate
from shared.reporting.warnings import ImageWarning
from worker_cnn.decoding import PreparedImage, prepare
from worker_cnn.gate import load_models
from worker_cnn.reading import Sight, read, unbatched

SAMPLES = sorted((Path(__file__).parents[3] / "samples").glob("chest-*"))
GATE = load_gate("bundled")


@cache
def sight() -> Sight:
    models = load_models(load_bundle("bundled"), GATE, device="cpu", threads=1)
    return unbatched(models, GATE.card.gate, side=GATE.card.input_size)


def mirrored(prepared: PreparedImage, orientation: tuple[str, str] | None) -> PreparedImage:
    """Return the picture as its mirror image, of a file that says so or not."""
    return replace(
        prepared,
        model_input=np.ascontiguousarray(prepared.model_input[:, ::-1]),
        preview=np.ascontiguousarray(prepared.preview[:, ::-1]),
        attributes=replace(prepared.attributes, orientation=orientation),
    )


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_a_mirrored_radiograph_is_told_from_one_as_it_is(path: Path):
    prepared = prepare(path.read_bytes(), name=path.name, size=GATE.card.input_size)
    assert read(prepared, sight()).quality.warnings == ()
    for orientation in (None, ("L", "F")):
        warnings = read(mirrored(prepared, orientation), sight()).quality.warnings
        assert warnings == (ImageWarning.SEEMS_MIRRORED,)
    assert read(mirrored(prepared, ("R", "F")), sight()).quality.warnings == ()
    contradicted = replace(prepared, attributes=replace(prepared.attributes, orientation=("R", "F")))
    assert read(contradicted, sight()).quality.warnings == (ImageWarning.SEEMS_MIRRORED,)
