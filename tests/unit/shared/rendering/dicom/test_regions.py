"""Boxes in the pixels of the file that was sent."""

import numpy as np
import pytest

from shared.domain.findings import Box, ViewPosition
from shared.rendering.dicom.regions import region_of, size_as_sent
from shared.rendering.document import ImageLine
from worker_cnn.corrections import DONE


@pytest.mark.parametrize("turn", range(4))
def test_a_box_lies_where_the_file_has_what_it_surrounds(turn):
    sent = np.zeros((40, 100), np.uint8)
    sent[8:16, 30:80] = 1  # as the worker turns it back: by quarters, anticlockwise
    read = np.rot90(sent, turn)
    rows, columns = np.flatnonzero(read.any(1)), np.flatnonzero(read.any(0))
    height, width = read.shape
    box = Box(
        float(columns[0] / width),
        float(rows[0] / height),
        float((columns[-1] + 1) / width),
        float((rows[-1] + 1) / height),
    )
    done = DONE[turn]
    image = ImageLine(0, ViewPosition.PA, used=True, size=(width, height), warnings=[done] if done else [])
    assert size_as_sent(image) == (100, 40)
    assert region_of(box, image) == pytest.approx((30, 8, 80, 16))
