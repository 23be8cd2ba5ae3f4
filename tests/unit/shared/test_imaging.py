"""Pixel maths against values worked out by hand from the standard."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from shared import grayscale as grayscales
from shared.bands import Bands
from shared.grayscale import Grayscale, LookupTable, Window, WindowFunction, look_up, modality, window
from shared.imaging import Summary, luminance, model_input, summary

images = arrays(
    np.float32,
    st.tuples(st.integers(1, 40), st.integers(1, 40)),
    elements=st.floats(0, 1, width=32),
)


def display(stored: np.ndarray, grayscale: Grayscale) -> np.ndarray:
    return grayscales.display(Bands.of(stored), grayscale).pixels.whole()


def stretch(values: np.ndarray) -> np.ndarray:
    return grayscales.stretch(Bands.of(values)).whole()


def made(pixels: np.ndarray) -> Summary:
    return summary(Bands.of(pixels), 64)


def row(*values: float) -> np.ndarray:
    return np.array([values], np.float32)


def test_a_linear_window_follows_the_standards_formula():
    # PS3.3 C.11.2.1.2.1 with c = 2048, w = 4096: 0 below c - 0.5 - (w - 1) / 2 = 0, 1 above 4095.
    got = window(row(-1, 0, 1, 2048, 4095, 4096), Window(2048, 4096))
    assert got == pytest.approx(row(0, 0, 1 / 4095, 2048 / 4095, 1, 1), abs=1e-6)


def test_a_linear_window_of_width_one_is_a_step():
    assert window(row(99, 99.5, 100), Window(100, 1)).tolist() == [[0, 0, 1]]


def test_a_linear_exact_window_has_no_halves():
    got = window(row(0, 25, 50, 100), Window(50, 100, WindowFunction.LINEAR_EXACT))
    assert got == pytest.approx(row(0, 0.25, 0.5, 1))


def test_a_sigmoid_window_is_half_at_its_center_and_never_overflows():
    got = window(row(-1e30, 0, 100, 200, 1e30), Window(100, 400, WindowFunction.SIGMOID))
    # 1 / (1 + exp(-4 (0 - 100) / 400)) = 1 / (1 + e)
    assert got == pytest.approx(row(0, 0.2689414, 0.5, 0.7310586, 1), abs=1e-6)


@pytest.mark.parametrize(
    ("width", "function"),
    [(0.5, WindowFunction.LINEAR), (0, WindowFunction.LINEAR_EXACT), (0, WindowFunction.SIGMOID)],
)
def test_a_window_too_narrow_for_its_formula_is_refused(width, function):
    with pytest.raises(ValueError, match="wider"):
        Window(10, width, function)


@pytest.mark.parametrize("center", [float("nan"), float("inf")])
def test_a_window_that_is_not_a_number_is_refused(center):
    with pytest.raises(ValueError, match="window"):
        Window(center, 100)


def test_a_lut_clamps_what_lies_outside_of_it():
    table = LookupTable(np.array([10, 20, 30], np.uint16), first=-1, bits=8)
    assert look_up(np.array([[-32768, -1, 0, 1, 2, 65535]]), table).tolist() == [[10, 10, 20, 30, 30, 30]]


def test_a_lut_of_more_than_256_eight_bit_entries_does_not_wrap_around():
    table = LookupTable(np.minimum(np.arange(4096) // 16, 255).astype(np.uint16), first=0, bits=8)
    assert look_up(np.array([[4095, 256]]), table).tolist() == [[255, 16]]


def test_an_empty_lut_is_refused():
    with pytest.raises(ValueError, match="entries"):
        LookupTable(np.zeros(0, np.uint16), first=0, bits=8)


def test_the_rescale_comes_before_the_window():
    grayscale = Grayscale(bits=12, slope=2.0, intercept=-100.0, voi=Window(0.5, 201))
    # 0 -> -100 -> 0; 50 -> 0 -> 0.5; 100 -> 100 -> 1
    assert display(np.array([[0, 50, 100]]), grayscale) == pytest.approx(row(0, 0.5, 1))


def test_a_modality_lut_comes_before_the_voi_lut():
    grayscale = Grayscale(
        modality_lut=LookupTable(np.array([2, 1, 0], np.uint16), first=0, bits=8),
        voi=LookupTable(np.array([0, 51, 255], np.uint16), first=0, bits=8),
    )
    assert display(np.array([[0, 1, 2]]), grayscale) == pytest.approx(row(1, 0.2, 0))


def test_eight_bits_through_a_modality_lut_are_shown_over_what_its_entries_can_hold():
    grayscale = Grayscale(
        bits=8, modality_lut=LookupTable(np.array([0, 341, 1023], np.uint16), first=0, bits=10)
    )
    assert display(np.array([[0, 1, 2]]), grayscale) == pytest.approx(row(0, 1 / 3, 1))


def test_monochrome1_is_inverted_once_and_after_the_window():
    stored = np.array([[0, 1000, 2000, 4095]])
    plain = Grayscale(bits=12, voi=Window(500.5, 1001))
    inverted = Grayscale(bits=12, inverted=True, voi=Window(500.5, 1001))
    assert display(stored, plain) == pytest.approx(row(0, 1, 1, 1), abs=1e-6)
    assert display(stored, inverted) == pytest.approx(row(1, 0, 0, 0), abs=1e-6)


@given(arrays(np.uint16, (4, 5), elements=st.integers(0, 4095)))
def test_monochrome1_mirrors_monochrome2(stored):
    voi = Window(2048, 3000)
    light = display(stored, Grayscale(voi=voi))
    dark = display(stored, Grayscale(voi=voi, inverted=True))
    assert light + dark == pytest.approx(np.ones((4, 5)), abs=1e-6)


SQUARE = LookupTable((np.linspace(0, 1, 4096) ** 2 * 1023).astype(np.uint16), 0, 10)
FILM = np.arange(300, 3700, dtype=np.uint16).reshape(34, 100)


@pytest.mark.parametrize(
    ("grayscale", "shown"),
    [
        (Grayscale(bits=12, voi=Window(2048, 1000)), (1548, 2547)),
        (Grayscale(bits=12, inverted=True, voi=Window(2048, 1000)), (1548, 2547)),
        (Grayscale(bits=12, slope=2.0, intercept=-1000.0, voi=Window(2000, 2000)), (1000, 1999.5)),
        # What a window hides is stretched.
        (Grayscale(bits=12, voi=Window(9000, 10)), (317, 3682)),
        (Grayscale(bits=12), (317, 3682)),
        # The line through a curve's tenth and nine tenths.
        (Grayscale(bits=12, voi=SQUARE), (976, 4209)),
        (Grayscale(bits=12, voi=Window(2048, 1000, WindowFunction.SIGMOID)), (1361.8, 2734.2)),
        # Falling values, and more of them than an image of gray levels has.
        (Grayscale(bits=12, slope=-1.0, intercept=4095.0, voi=Window(2048, 1000)), None),
        (Grayscale(bits=32), None),
    ],
)
def test_which_stored_values_are_shown_black_and_white(grayscale, shown):
    found = grayscales.display(Bands.of(FILM), grayscale).range
    assert found == (shown if shown is None else pytest.approx(shown, abs=0.2))


def test_the_range_of_signed_values_begins_below_zero():
    stored = np.arange(-128, 128, dtype=np.int16)[None]
    assert grayscales.display(Bands.of(stored), Grayscale(bits=8, signed=True)).range == (-128, 127)


def test_eight_bits_without_a_window_are_shown_as_they_are():
    assert display(np.array([[0, 51, 255]], np.uint8), Grayscale(bits=8)) == pytest.approx(row(0, 0.2, 1))


def test_signed_eight_bits_start_at_minus_128():
    grayscale = Grayscale(bits=8, signed=True)
    assert display(np.array([[-128, 127]], np.int8), grayscale) == pytest.approx(row(0, 1))


def test_sixteen_bits_without_a_window_are_stretched_over_what_they_use():
    stored = np.linspace(1000, 3000, 10_000).reshape(100, 100).astype(np.uint16)
    stored[0, 0] = 65535  # a dead pixel does not decide the contrast
    pixels = display(stored, Grayscale(bits=16))
    assert pixels[50, 0] == pytest.approx(0.5, abs=0.01)
    assert pixels[0, 1] == 0
    assert pixels[-1, -1] == 1


def test_padding_is_black_and_takes_no_part_in_the_stretch():
    stored = np.linspace(1000, 3000, 10_000).reshape(100, 100).astype(np.int32)
    stored[:50] = -2000
    pixels = display(stored, Grayscale(signed=True, inverted=True, padding=(-2000, -2000)))
    assert not pixels[:50].any()
    assert pixels[50, 0] == pytest.approx(1, abs=0.02)


def test_padding_that_covers_everything_is_ignored():
    pixels = display(np.full((3, 3), 7, np.uint8), Grayscale(bits=8, padding=(0, 255)))
    assert pixels == pytest.approx(np.full((3, 3), 7 / 255))


def test_a_picture_of_one_value_is_black_and_not_a_division_by_zero():
    assert not stretch(np.full((5, 5), 123.0, np.float32)).any()


def test_a_picture_without_one_number_is_black():
    assert stretch(row(np.nan, np.inf, -np.inf)).tolist() == [[0, 0, 0]]


def test_a_small_bright_square_on_a_flat_ground_survives_the_stretch():
    ground = np.zeros((100, 100), np.float32)
    ground[0, :3] = 10
    assert stretch(ground).max() == 1


def test_a_stretch_over_all_that_a_float_holds_goes_from_black_to_white():
    most = float(np.finfo(np.float32).max)
    assert stretch(row(-most, 0, most)).round(6).tolist() == [[0, 0.5, 1]]


def test_one_value_far_beyond_the_others_is_white():
    most = float(np.finfo(np.float32).max)
    values = np.full((40, 40), -most, np.float32)
    values[:, :20] = -most / 2
    values[0, 0] = most
    assert stretch(values)[0, [0, 1, 39]].tolist() == [1, 1, 0]


@given(arrays(np.float32, (6, 6), elements=st.floats(allow_nan=True, allow_infinity=True, width=32)))
def test_a_stretch_of_anything_stays_in_range(values):
    pixels = stretch(values)
    assert np.all((pixels[np.isfinite(values)] >= 0) & (pixels[np.isfinite(values)] <= 1))


def test_the_modality_values_are_in_the_units_of_the_file():
    grayscale = Grayscale(slope=0.5, intercept=-1024.0)
    assert modality(np.array([[0, 65535]], np.uint16), grayscale).tolist() == [[-1024.0, 31743.5]]


def test_luminance_weighs_green_most_and_drops_alpha():
    colour = np.array([[[255, 0, 0, 9], [0, 255, 0, 9], [0, 0, 255, 9], [255, 255, 255, 0]]], np.uint8)
    assert luminance(colour) == pytest.approx(row(76.245, 149.685, 29.07, 255), abs=1e-3)


@given(images, st.integers(1, 64))
def test_the_models_input_is_a_square_in_range(pixels, size):
    square = model_input(pixels, size)
    assert square.shape == (size, size)
    assert square.dtype == np.float32
    assert 0 <= square.min() <= square.max() <= 1


def test_the_models_input_keeps_the_aspect_ratio_on_black():
    square = model_input(np.ones((200, 100), np.float32), 64)
    assert square[:, 16:48].min() > 0.9999
    assert not square[:, :16].any()
    assert not square[:, 48:].any()


def test_shrinking_averages_and_does_not_skip_thin_lines():
    pixels = np.zeros((640, 640), np.float32)
    pixels[:, 3::10] = 1  # one column in ten, which nearest or linear sampling would miss or double
    assert model_input(pixels, 64) == pytest.approx(np.full((64, 64), 0.1), abs=1e-6)


def test_a_preview_keeps_the_aspect_ratio_and_never_enlarges():
    assert made(np.zeros((3000, 2000), np.float32)).preview.shape == (1536, 1024)
    small = made(np.array([[0, 0.5, 1]], np.float32)).preview
    assert small.tolist() == [[0, 128, 255]]
    assert small.dtype == np.uint8


def test_the_exposure_tells_a_blank_a_clipped_and_a_spread_picture_apart():
    blank = made(np.full((50, 50), 0.5, np.float32)).exposure
    clipped = made(np.repeat(row(0, 1), 50, axis=1)).exposure
    spread = made(np.linspace(0, 1, 65536, dtype=np.float32).reshape(256, 256)).exposure
    assert blank.levels == 1
    assert blank.deviation == pytest.approx(0, abs=1e-3)
    assert (clipped.black, clipped.white) == (0.5, 0.5)
    assert spread.levels == 256
    assert spread.mean == pytest.approx(0.5, abs=1e-3)
