"""A picture in bands gives what the picture as a whole gives."""

import cv2
import numpy as np
import pytest

from shared.bands import Bands, Fit
from shared.grayscale import Grayscale, Window, display, stretch
from shared.imaging import summary

SHAPES = [
    (3001, 2003),
    (2003, 3001),
    (1700, 1600),
    (1600, 1700),
    (64, 9000),
    (9000, 64),
    (700, 700),
    (50, 40),
]


def a_picture(rows: int, columns: int) -> np.ndarray:
    random = np.random.default_rng(rows)
    smooth = np.linspace(0, 3000, rows)[:, None] + np.linspace(0, 1000, columns)
    return np.asarray(smooth + random.integers(0, 90, (rows, columns)), np.uint16)


def whole(pixels: np.ndarray, side: int) -> np.ndarray:
    """Shrink or enlarge in one piece."""
    rows, columns = pixels.shape
    scale = side / max(rows, columns)
    size = (max(1, round(columns * scale)), max(1, round(rows * scale)))
    return np.asarray(
        cv2.resize(pixels, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    )


@pytest.mark.parametrize(("rows", "columns"), SHAPES)
@pytest.mark.parametrize("side", [288, 1536])
def test_a_picture_is_shrunk_in_bands_as_in_one_piece(rows, columns, side):
    pixels = a_picture(rows, columns).astype(np.float32) / np.float32(4095)
    fit = Fit(rows, columns, side)
    for band in Bands.of(pixels):
        fit.add(band)
    assert np.abs(fit.result() - whole(pixels, side)).max() < 1e-6


@pytest.mark.parametrize("padding", [None, (0, 900)], ids=["all", "some"])
def test_a_stretch_is_decided_by_all_pixels_and_the_same_for_each_band(padding):
    stored = a_picture(2500, 2000)
    shown = np.concatenate(list(display(Bands.of(stored), Grayscale(bits=12, padding=padding)).pixels))
    inside = stored > (900 if padding else -1)
    flat = stored[inside].astype(np.float32)
    low, high = np.percentile(flat[:: flat.size // 1_000_000], (0.5, 99.5))
    expected = np.where(inside, np.clip((stored - low) / (high - low), 0, 1), 0)
    assert np.abs(shown - expected).max() < 1e-6


def test_a_window_in_which_only_the_last_row_lies_is_not_beside_the_values():
    stored = np.zeros((3000, 1000), np.uint16)
    stored[-1] = 150
    shown = display(Bands.of(stored), Grayscale(bits=12, voi=Window(150, 101))).pixels.whole()
    assert shown[:-1].max() == 0
    assert shown[-1].min() == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("where", [None, lambda band: band > 1234], ids=["all", "some"])
@pytest.mark.parametrize("count", [10_000, 777, 10**9])
def test_a_sample_of_bands_is_a_sample_of_the_whole(where, count):
    stored = a_picture(1900, 1700)
    flat = stored.ravel() if where is None else stored[where(stored)]
    expected = flat[:: max(1, flat.size // count)]
    assert np.array_equal(Bands.of(stored).sample(count, where=where), expected)


def test_a_picture_is_measured_over_all_bands():
    pixels = np.zeros((4000, 1000), np.float32)
    pixels[1000:] = 1
    made = summary(Bands.of(pixels), 64)
    assert (made.exposure.black, made.exposure.white) == (0.25, 0.75)
    assert made.preview.shape == (1536, 384)
    assert made.model_input[:15].max() == 0
    assert made.model_input[17:, 24:40].min() > 0.9999


def test_a_16_bit_picture_of_one_value_but_for_its_last_band_is_not_flat():
    stored = np.full((3000, 1000), 7, np.uint16)
    stored[-1] = 9
    assert stretch(Bands.of(stored)).whole()[-1].min() == 1
