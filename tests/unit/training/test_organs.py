"""Masks of the unified table as the classifier's square sees them."""

from dataclasses import replace

import numpy as np
import pytest

from shared.domain.findings import ViewPosition
from training.organs import organs_of
from training.table import Mask, Record

RECORD = Record("nih", "a.png", "nih:1", "nih:1", ViewPosition.PA, {})


def left_half(name: str, rows: int, columns: int) -> Mask:
    """Runs go down the columns, so the left half is one run of ones after none of zeros."""
    half = rows * columns // 2
    return Mask(name, rows, columns, (0, half, half))


def test_a_mask_lies_where_its_image_lies_in_the_square():
    organs = organs_of(replace(RECORD, masks=(left_half("Left Lung", 10, 20),)), 8)
    lungs = np.zeros((8, 8), np.uint8)
    lungs[2:6, :4] = 1  # twice as wide as high: black above and below
    np.testing.assert_array_equal(organs, [lungs, np.zeros((8, 8))])


def test_masks_of_one_organ_are_put_together_and_others_left_out():
    right = Mask("right lung", 8, 8, (48, 16))
    masks = (left_half("lungs", 8, 8), right, left_half("Heart", 8, 8), Mask("Pneumothorax", 8, 8, (0, 64)))
    lungs, heart = organs_of(replace(RECORD, masks=masks), 8)
    assert lungs[0].tolist() == [1, 1, 1, 1, 0, 0, 1, 1]
    assert heart[0].tolist() == [1, 1, 1, 1, 0, 0, 0, 0]


def test_a_record_without_masks_has_empty_organs():
    assert not organs_of(RECORD, 8).any()


def test_runs_that_do_not_fill_the_image_name_it():
    broken = replace(RECORD, masks=(Mask("heart", 8, 8, (10, 10)),))
    with pytest.raises(ValueError, match=r"a\.png: the mask heart has 20 pixels, not 8 x 8"):
        organs_of(broken, 8)
