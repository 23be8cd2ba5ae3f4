"""The findings as one picture."""

from dataclasses import replace
from io import BytesIO

import numpy as np
import pydicom
import pytest

from shared.domain.findings import Box, FindingStatus
from shared.errors import NotPossibleError
from shared.rendering.dicom.secondary_capture import render
from tests.support.dicom_documents import BARE, CHANGED, DOCUMENT, PICTURES
from tests.support.documents import STUDY_UID

YELLOW = (255, 214, 10)


def read(document) -> pydicom.Dataset:
    return pydicom.dcmread(BytesIO(render(document)))


def pixels_of(document):
    return read(document).pixel_array


def yellow(pixels):
    return (pixels == YELLOW).all(-1)


def test_the_picture_is_rgb_and_says_what_it_was_made_of():
    dataset = read(DOCUMENT)
    assert dataset.pixel_array.shape == (dataset.Rows, dataset.Columns, 3)
    assert dataset.ImageType == ["DERIVED", "SECONDARY"]
    sources = [item.ReferencedSOPInstanceUID for item in dataset.SourceImageSequence]
    assert sources == [f"{STUDY_UID}.2.1", f"{STUDY_UID}.3.1"]
    assert "SourceImageSequence" not in read(BARE)


def test_each_box_is_burnt_into_its_radiograph():
    effusion = [line for line in DOCUMENT.findings if line.label == "Effusion"]
    with_box = pixels_of(replace(DOCUMENT, findings=effusion))
    without = pixels_of(replace(DOCUMENT, findings=[replace(effusion[0], box=None)]))
    assert with_box.shape == without.shape
    rows, columns = np.nonzero(yellow(with_box) & ~yellow(without))
    # The legend below has the number too; the box is what lies on the radiograph.
    on_it = columns[rows < rows.min() + 300]
    assert (on_it.min(), on_it.max()) == pytest.approx((400, 599), abs=3)


def test_what_a_person_denied_is_not_in_the_picture():
    denied = pixels_of(CHANGED)
    drafted = pixels_of(DOCUMENT)
    assert yellow(denied).sum() < yellow(drafted).sum() / 2


def test_a_heatmap_is_beside_its_radiograph():
    with_map = pixels_of(DOCUMENT)
    without = pixels_of(replace(DOCUMENT, heatmaps={}))
    rows, columns = np.nonzero((with_map != without).any(-1))
    assert columns.min() >= 1000
    assert rows.size > 10_000


def test_many_radiographs_share_the_height_of_two():
    images = [replace(DOCUMENT.images[0], index=number) for number in range(8)]
    findings = [
        replace(DOCUMENT.findings[2], label=f"L{number}", image=0, box=Box(0.1, 0.1, 0.2, 0.2))
        for number in range(6)
    ]
    many = replace(DOCUMENT, images=images, findings=findings, pictures=dict.fromkeys(range(8), PICTURES[0]))
    assert pixels_of(many).shape[0] < 1.5 * pixels_of(DOCUMENT).shape[0]


def test_letters_that_the_font_has_not_are_no_empty_boxes():
    assert np.array_equal(
        pixels_of(replace(DOCUMENT, warnings=["胸部.dcm: x"])),
        pixels_of(replace(DOCUMENT, warnings=["??.dcm: x"])),
    )


def test_a_study_whose_pictures_are_gone_is_refused():
    with pytest.raises(NotPossibleError, match="no radiograph"):
        render(replace(DOCUMENT, pictures={}))


def test_absent_findings_are_in_no_legend():
    absent = [replace(line, status=FindingStatus.ABSENT) for line in DOCUMENT.findings]
    assert not yellow(pixels_of(replace(DOCUMENT, findings=absent))[200:]).any()
