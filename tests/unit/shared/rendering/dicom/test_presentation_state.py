"""Boxes that a viewer draws on the radiographs."""

from dataclasses import replace
from io import BytesIO

import pydicom
import pytest

from shared.errors import NotPossibleError
from shared.rendering.dicom.presentation_state import render
from shared.reporting.warnings import ImageWarning
from tests.support.dicom_documents import DOCUMENT, SIGNED
from tests.support.documents import STUDY_UID


def read(document) -> pydicom.Dataset:
    return pydicom.dcmread(BytesIO(render(document)))


def with_instance(number: int, **values):
    images = list(DOCUMENT.images)
    instance = images[number].instance
    assert instance
    images[number] = replace(images[number], instance=replace(instance, **values))
    return replace(DOCUMENT, images=images)


def boxes_of(dataset) -> dict[str, tuple[str, list[float]]]:
    return {
        annotation.ReferencedImageSequence[0].ReferencedSOPInstanceUID: (
            annotation.TextObjectSequence[0].UnformattedTextValue,
            list(annotation.GraphicObjectSequence[0].GraphicData),
        )
        for annotation in dataset.GraphicAnnotationSequence
    }


def test_each_box_is_on_its_image_with_its_name():
    dataset = read(DOCUMENT)
    effusion = [1000, 1500, 1500, 1500, 1500, 2250, 1000, 2250, 1000, 1500]
    nodule = [250, 312.5, 500, 312.5, 500, 625, 250, 625, 250, 312.5]
    assert boxes_of(dataset) == {
        f"{STUDY_UID}.2.1": ("Pleural effusion (present, 0.81)", effusion),
        f"{STUDY_UID}.3.1": ("Lung nodule (uncertain, 0.41)", nodule),
    }
    assert boxes_of(read(SIGNED)) == boxes_of(dataset)
    assert [item.SeriesInstanceUID for item in dataset.ReferencedSeriesSequence] == [
        f"{STUDY_UID}.2",
        f"{STUDY_UID}.3",
    ]


def test_a_box_of_a_turned_picture_is_drawn_where_the_file_has_it():
    first, second = DOCUMENT.images
    turned = replace(first, size=(2500, 2000), warnings=[ImageWarning.WAS_TURNED_CLOCKWISE])
    dataset = read(replace(DOCUMENT, images=[turned, second]))
    assert dataset.DisplayedAreaSelectionSequence[0].DisplayedAreaBottomRightHandCorner == [2000, 2500]
    _, corners = boxes_of(dataset)[f"{STUDY_UID}.2.1"]
    assert corners == [1200, 625, 1800, 625, 1800, 1250, 1200, 1250, 1200, 625]


def test_an_image_without_a_box_is_shown_as_it_is():
    one = replace(DOCUMENT, findings=[line for line in DOCUMENT.findings if line.label != "Nodule"])
    dataset = read(one)
    assert list(boxes_of(dataset)) == [f"{STUDY_UID}.2.1"]
    assert len(dataset.SoftcopyVOILUTSequence) == len(dataset.DisplayedAreaSelectionSequence) == 2


def test_images_are_shown_from_black_to_white_as_they_were_read():
    windows = read(DOCUMENT).SoftcopyVOILUTSequence
    assert [(item.WindowCenter, item.WindowWidth) for item in windows] == [(1900.5, 3201), (512, 1024)]
    assert read(DOCUMENT).PresentationLUTShape == "IDENTITY"
    inverted = [
        replace(image, instance=replace(image.instance, photometric_interpretation="MONOCHROME1"))
        for image in DOCUMENT.images
        if image.instance
    ]
    assert read(replace(DOCUMENT, images=inverted)).PresentationLUTShape == "INVERSE"


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (replace(DOCUMENT, findings=DOCUMENT.findings[:1]), "nothing that has a box"),
        (with_instance(1, photometric_interpretation="MONOCHROME1"), "inverted against each other"),
        (with_instance(1, photometric_interpretation="RGB"), "image 2 is in colour"),
        (with_instance(0, shown_range=None), "image 1 is in colour, or nobody knows"),
        (
            replace(DOCUMENT, images=[DOCUMENT.images[0], replace(DOCUMENT.images[1], instance=None)]),
            "image 2 is no DICOM file, or lacks a UID",
        ),
    ],
)
def test_what_cannot_be_drawn_is_refused_with_its_reason(document, reason):
    with pytest.raises(NotPossibleError, match=reason):
        render(document)
