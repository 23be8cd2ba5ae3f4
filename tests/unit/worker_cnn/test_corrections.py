"""Turned and inverted radiographs are put right by the bundled gate, and give what they give upright."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from shared.bands import Bands, Pixels
from shared.bundles import load_bundle
from shared.dicom.attributes import Attributes
from shared.gates import load_gate
from shared.imaging import summary
from tests.support.dicoms import a_png
from worker_cnn.corrections import DONE, undone
from worker_cnn.decoding import PreparedImage, prepare
from worker_cnn.gate import Judged, load_models
from worker_cnn.pipeline import analyse
from worker_cnn.predict import probabilities_of
from worker_cnn.quality import INVERTED, TURNS, turn_of
from worker_cnn.reading import Reading, Sight, read, unbatched

SAMPLES = sorted((Path(__file__).parents[3] / "samples").glob("chest-*.png"))
BUNDLE = load_bundle("bundled")
GATE = load_gate("bundled")
SIZE = BUNDLE.card.input_size
EVERY_TURN = range(1, len(TURNS))


@cache
def sight() -> Sight:
    return unbatched(load_models(BUNDLE, GATE, device="cpu", threads=1), GATE.card.gate, side=SIZE)


def sample(path: Path = SAMPLES[0], turn: int = 0) -> PreparedImage:
    """Decode a sample and look at it as if it had been sent turned clockwise, or inverted."""
    upright = prepare(path.read_bytes(), name=path.name, size=SIZE)
    # Not square, so that rows and columns cannot be taken for each other.
    pixels = upright.preview[: upright.preview.shape[0] * 9 // 10].astype(np.float32) / 255.0
    shown = 1.0 - pixels if turn == INVERTED else np.ascontiguousarray(np.rot90(pixels, -turn))
    made = summary(Bands.of(shown), SIZE)
    attributes = Attributes(orientation=("L", "F"), pixel_spacing_mm=(0.1, 0.2))
    return PreparedImage(made.model_input, made.preview, attributes, made.exposure, *shown.shape)


def probabilities(reading: Reading) -> np.ndarray:
    assert reading.output is not None
    return np.asarray(probabilities_of(reading.output.logits, BUNDLE.card))


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_an_upright_radiograph_stays_as_it_is(path: Path):
    prepared = sample(path)
    reading = read(prepared, sight())
    assert reading.done is None
    assert reading.prepared is prepared


@pytest.mark.parametrize("turn", EVERY_TURN)
@pytest.mark.parametrize("path", SAMPLES[:3], ids=lambda path: path.stem)
def test_a_turned_radiograph_is_read_as_if_it_had_been_sent_upright(path: Path, turn: int):
    upright, turned = sample(path), sample(path, turn)
    expected, reading = read(upright, sight()), read(turned, sight())
    assert turn_of(sight().judge(turned.model_input).verdict)[0] == turn
    assert reading.done is DONE[turn]
    assert np.abs(probabilities(reading) - probabilities(expected)).max() < 0.05
    # Left as it was, it would be another picture to the classifier.
    as_sent = np.asarray(probabilities_of(sight().classify(turned).logits, BUNDLE.card))
    assert np.abs(as_sent - probabilities(expected)).max() > 0.05


@pytest.mark.parametrize("turn", EVERY_TURN)
def test_what_is_shown_is_the_picture_that_was_read(turn: int):
    upright = sample()
    reading = read(sample(turn=turn), sight())
    analysis = analyse(reading, BUNDLE, index=0)
    assert analysis.warnings == (DONE[turn],)
    assert analysis.size == (upright.columns, upright.rows)
    assert reading.prepared.preview.shape == upright.preview.shape
    assert np.abs(reading.prepared.preview.astype(int) - upright.preview.astype(int)).max() <= 1


@pytest.mark.parametrize("turn", EVERY_TURN)
def test_what_the_file_says_of_its_axes_turns_with_it(turn: int):
    attributes = undone(sample(turn=turn), turn).attributes
    assert attributes.pixel_spacing_mm == ((0.2, 0.1) if turn in {1, 3} else (0.1, 0.2))
    assert attributes.orientation == (("L", "F") if turn == INVERTED else None)


def test_what_does_not_look_upright_after_all_stays_as_it_came_and_is_warned_about():
    seen: list[Pixels] = []

    def unsure(square: Pixels) -> Judged:
        seen.append(square)
        turned = np.array(
            [0.0, 9.0, 0.0, 0.0, 0.0] if len(seen) == 1 else [1.0, 0.9, 0.8, 0.0, 0.0], np.float32
        )
        judged = sight().judge(square)
        return replace(judged, verdict=replace(judged.verdict, turned=turned))

    prepared = sample()
    reading = read(prepared, replace(sight(), judge=unsure))
    assert len(seen) == 2
    assert (reading.prepared, reading.done) == (prepared, None)
    analysis = analyse(reading, BUNDLE, index=0)
    assert analysis.warnings == (TURNS[1],)


def test_the_border_of_the_square_stays_black_when_a_picture_is_inverted():
    righted = undone(sample(turn=INVERTED), INVERTED)
    assert np.abs(righted.model_input - sample().model_input).max() <= 2 / 255


@pytest.mark.real_data
def test_files_of_real_films_that_were_turned_are_read_as_the_upright_ones(test_data: Path | None):
    films = sorted((test_data / "images" / "nih").glob("*.jpg"))[::100] if test_data else []
    for film in films:
        with Image.open(film) as image:
            pixels = np.asarray(image.convert("L"))
        upright = read(prepare(a_png(pixels), name=film.name, size=SIZE), sight())
        assert upright.done is None
        for turn in (turn for turn in EVERY_TURN if turn != INVERTED):
            turned = a_png(np.ascontiguousarray(np.rot90(pixels, -turn)))
            reading = read(prepare(turned, name=film.name, size=SIZE), sight())
            assert reading.done is DONE[turn]
            assert np.abs(probabilities(reading) - probabilities(upright)).max() < 0.01
