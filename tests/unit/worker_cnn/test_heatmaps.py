import numpy as np
import pytest
from numpy.typing import NDArray

from worker_cnn.heatmaps import OVERLAY_SIDE, activation, box_of, overlay

WEIGHTS = np.array([1.0, 0.0], np.float32)


def feature_map(hot: tuple[int, int]) -> NDArray[np.float32]:
    """A (2, 7, 7) map in which one cell of the first channel is hot."""
    maps = np.zeros((2, 7, 7), np.float32)
    maps[0][hot] = 1.0
    maps[1] = 5.0  # a channel that the label does not listen to
    return maps


@pytest.mark.parametrize("hot", [(0, 0), (0, 6), (6, 0), (6, 6), (3, 3)])
def test_the_map_is_hottest_where_the_feature_is(hot):
    heat = activation(feature_map(hot), WEIGHTS, rows=100, columns=100)
    y, x = np.unravel_index(int(heat.argmax()), heat.shape)
    assert (int(y / heat.shape[0] * 7), int(x / heat.shape[1] * 7)) == hot
    assert heat.max() == 1.0
    assert heat.min() >= 0.0


@pytest.mark.parametrize(("rows", "columns"), [(100, 200), (200, 100), (100, 100), (3, 1000)])
def test_the_map_and_the_overlay_have_the_shape_of_the_image(rows, columns):
    heat = activation(feature_map((3, 3)), WEIGHTS, rows=rows, columns=columns)
    picture = overlay(heat, rows=rows, columns=columns)
    assert max(picture.shape) == OVERLAY_SIDE
    assert picture.shape[0] / picture.shape[1] == pytest.approx(rows / columns, rel=0.05, abs=0.002)


def test_the_letterbox_of_a_wide_image_is_undone():
    # 2:1, so that rows 1.75 to 5.25 of 7 show the image: row 2 is its upper part.
    box = box_of(activation(feature_map((2, 1)), WEIGHTS, rows=100, columns=200))
    assert box is not None
    assert box.top < (2.5 - 1.75) / 3.5 < box.bottom
    assert box.left < 1.5 / 7 < box.right


def test_the_letterbox_of_a_tall_image_is_undone():
    box = box_of(activation(feature_map((5, 4)), WEIGHTS, rows=200, columns=100))
    assert box is not None
    assert box.left < (4.5 - 1.75) / 3.5 < box.right
    assert box.top < 5.5 / 7 < box.bottom


def test_the_box_takes_the_region_of_the_maximum_only():
    heat = np.zeros((100, 100), np.float32)
    heat[10:20, 10:30] = 1.0
    heat[70:90, 70:90] = 0.9
    box = box_of(heat)
    assert box is not None
    assert (box.left, box.top, box.right, box.bottom) == (0.1, 0.1, 0.3, 0.2)


def test_heat_everywhere_gives_no_box():
    assert box_of(np.ones((50, 50), np.float32)) is None
    assert box_of(np.zeros((50, 50), np.float32)) is None


def test_a_map_without_evidence_is_cold_and_transparent():
    heat = activation(np.zeros((2, 7, 7), np.float32), WEIGHTS, rows=10, columns=10)
    assert heat.max() == 0.0
    assert overlay(heat, rows=10, columns=10).max() == 0
