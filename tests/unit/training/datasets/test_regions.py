import numpy as np
import pytest

from training.datasets.regions import coco_runs, ellipse_of, polygon_of, region_of, relative_runs
from training.table import Mask, Region


def pixels(mask: Mask) -> np.ndarray:
    """Unpack a mask the plain way: counts of 0s and 1s in turn, down one column after the other."""
    values = [k % 2 for k, count in enumerate(mask.counts) for _ in range(count)]
    return np.array(values, dtype=bool).reshape(mask.columns, mask.rows).T


def test_a_box_becomes_fractions_and_is_cut_at_the_edges():
    assert region_of("x", (10, 50, 30, 90), width=40, height=100) == Region("x", 0.25, 0.5, 0.75, 0.9)
    assert region_of("x", (-5, 0, 20, 120), width=40, height=100) == Region("x", 0, 0, 0.5, 1)


@pytest.mark.parametrize(
    "corners", [(30, 50, 10, 90), (10, 50, 10, 90), (50, 0, 60, 10), (0, 0, 9, float("nan"))]
)
def test_a_box_without_area_or_outside_is_refused(corners):
    with pytest.raises(ValueError, match="is no box inside 40 x 100"):
        region_of("x", corners, width=40, height=100)


def test_relative_runs_go_down_the_columns():
    mask = relative_runs("x", "3 2 3 2", rows=5, columns=4)
    expected = np.zeros((5, 4), bool)
    expected[3:5, 0] = True
    expected[3:5, 1] = True
    assert np.array_equal(pixels(mask), expected)
    assert sum(mask.counts) == 20


def test_runs_up_to_the_last_pixel_need_no_zeros_after_them():
    assert relative_runs("x", "15 5", rows=5, columns=4).counts == (15, 5)


@pytest.mark.parametrize("text", ["", "1", "1 2 3", "3 -1", "15 6", "one 2"])
def test_what_describes_no_mask_is_refused(text):
    with pytest.raises(ValueError, match=r"run lengths|invalid literal"):
        relative_runs("x", text, rows=5, columns=4)


def test_the_texts_of_pycocotools_are_read():
    expected = np.zeros((6, 5), bool)
    expected[1:3, 1:4] = True
    expected[5, 4] = True
    assert np.array_equal(pixels(coco_runs("x", "7240004O", rows=6, columns=5)), expected)
    assert coco_runs("x", "PP9", rows=96, columns=96).counts == (96 * 96,)


@pytest.mark.parametrize("text", ["", "7240004", "P", "7240004O1", "é240004O", "!"])
def test_a_text_that_no_such_tool_made_is_refused(text):
    with pytest.raises(ValueError, match="run lengths do not describe a mask of 6 x 5"):
        coco_runs("x", text, rows=6, columns=5)


def test_a_polygon_keeps_its_corners_and_the_box_around_it_is_cut_at_the_edge():
    region = polygon_of("x", [(6, 4), (10, 4), (6, 8)], width=8, height=16)
    assert region == Region("x", 0.75, 0.25, 1.0, 0.5, ((0.75, 0.25), (1.25, 0.25), (0.75, 0.5)))


def test_an_ellipse_is_an_outline_that_touches_the_sides_of_its_box_and_leaves_its_corners():
    region = ellipse_of("x", (2, 4, 6, 12), width=8, height=16)
    assert (region.left, region.top, region.right, region.bottom) == (0.25, 0.25, 0.75, 0.75)
    distances = [((x - 0.5) / 0.25) ** 2 + ((y - 0.5) / 0.25) ** 2 for x, y in region.outline]
    assert distances == pytest.approx([1.0] * len(distances))
    # An ellipse over the edge keeps its form: only the box is cut.
    cut = ellipse_of("x", (-4, 4, 4, 12), width=8, height=16)
    assert (cut.left, cut.right) == (0.0, 0.5)
    assert min(x for x, _ in cut.outline) == pytest.approx(-0.5)


def test_a_polygon_outside_the_image_is_refused():
    with pytest.raises(ValueError, match="is no box inside 8 x 16"):
        polygon_of("x", [(9, 4), (10, 4), (9, 8)], width=8, height=16)
