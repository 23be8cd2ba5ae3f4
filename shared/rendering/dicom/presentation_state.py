"""The boxes as a viewer draws them on the radiographs: Grayscale Softcopy Presentation State.

A presentation state takes the place of what an image says of its own display (PS3.4 N.2): it repeats which
stored values are black and white, or its boxes would come with a picture that nobody can read.
"""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from pydicom.dataset import Dataset
from pydicom.uid import GrayscaleSoftcopyPresentationStateStorage

from shared.errors import NotPossibleError
from shared.rendering.dicom.kinds import Kind
from shared.rendering.dicom.objects import (
    BODY_PART,
    ai_mark_of,
    da,
    file_of,
    new_object,
    references_to,
    refuse_withdrawn,
    tm,
)
from shared.rendering.dicom.regions import Region, region_of, size_as_sent
from shared.rendering.dicom.texts import line
from shared.rendering.document import FindingLine, ImageLine, Instance, ReportDocument
from shared.rendering.stated import stated

KIND: Final = Kind("gsps", GrayscaleSoftcopyPresentationStateStorage, "PR", 9805, "Boxes of the findings")
_LAYER: Final = "AI FINDINGS"
_YELLOW: Final = [56950, 33900, 54895]
"""#ffd60a as PCS-values (PS3.3 C.10.7.1.1)."""
_SHAPES: Final = {"MONOCHROME1": "INVERSE", "MONOCHROME2": "IDENTITY"}


class _Gray(NamedTuple):
    """An image that can be shown."""

    line: ImageLine
    instance: Instance
    shown_range: tuple[float, float]
    shape: str


def render(document: ReportDocument) -> bytes:
    """Write the boxes of what the report states, with a short text beside each.

    Raises:
        NotPossibleError: no image with a box came as gray DICOM with its UIDs, two of them are inverted
            against each other, the report was entered in error, or `new_object` refuses it.
    """
    refuse_withdrawn(document)
    findings = [one.finding for one in stated(document) if one.finding and one.finding.box]
    if not findings:
        message = "the report states nothing that has a box"
        raise NotPossibleError(message)
    images = [_gray(image) for image in document.images if image.used]
    if len({image.shape for image in images}) > 1:
        message = "the images are inverted against each other, and one presentation state has one polarity"
        raise NotPossibleError(message)
    dataset = new_object(document, KIND)
    del dataset.ContentDate, dataset.ContentTime
    made = document.reported_at
    dataset.PresentationCreationDate, dataset.PresentationCreationTime = da(made), tm(made)
    dataset.BodyPartExamined = BODY_PART
    dataset.ContentLabel = "AI_FINDINGS"
    dataset.ContentDescription = line(ai_mark_of(document))
    dataset.ContentCreatorName = ""
    dataset.ReferencedSeriesSequence = list(_by_series(images))
    dataset.DisplayedAreaSelectionSequence = list(map(_area, images))
    dataset.SoftcopyVOILUTSequence = list(map(_window, images))
    dataset.PresentationLUTShape = images[0].shape
    dataset.GraphicAnnotationSequence = [
        annotation for image in images for annotation in _annotations(document, image, findings)
    ]
    dataset.GraphicLayerSequence = [_layer(document)]
    return file_of(dataset)


def _gray(image: ImageLine) -> _Gray:
    """Return an image as the state needs it.

    Raises:
        NotPossibleError: it is no gray DICOM image, or lacks a UID.
    """
    instance = image.instance
    if instance is None:
        message = f"image {image.number} is no DICOM file, or lacks a UID: nothing can refer to it"
        raise NotPossibleError(message)
    shape = _SHAPES.get(instance.photometric_interpretation or "")
    if shape is None or instance.shown_range is None:
        message = (
            f"image {image.number} is in colour, or nobody knows which of its values are black and white"
        )
        raise NotPossibleError(message)
    return _Gray(image, instance, instance.shown_range, shape)


def _by_series(images: Sequence[_Gray]) -> Iterator[Dataset]:
    for uid in dict.fromkeys(image.instance.series_instance_uid for image in images):
        item = Dataset()
        item.SeriesInstanceUID = uid
        of_series = (image.instance for image in images if image.instance.series_instance_uid == uid)
        item.ReferencedImageSequence = references_to(of_series)
        yield item


def _of(image: _Gray) -> Dataset:
    """Begin an item that is for one of the images."""
    item = Dataset()
    item.ReferencedImageSequence = references_to([image.instance])
    return item


def _area(image: _Gray) -> Dataset:
    """Show the image whole, as large as the screen allows."""
    item = _of(image)
    item.DisplayedAreaTopLeftHandCorner = [1, 1]
    item.DisplayedAreaBottomRightHandCorner = list(size_as_sent(image.line))
    item.PresentationSizeMode = "SCALE TO FIT"
    item.PresentationPixelAspectRatio = [1, 1]
    return item


def _window(image: _Gray) -> Dataset:
    """Say which stored values are black and white: no Modality LUT comes before it.

    Source: PS3.3 C.11.2.1.2.1, LINEAR, which every viewer knows.
    """
    black, white = image.shown_range
    item = _of(image)
    item.WindowCenter = f"{(black + white + 1.0) / 2:.9g}"
    item.WindowWidth = f"{white - black + 1.0:.9g}"
    return item


def _annotations(
    document: ReportDocument, image: _Gray, findings: Sequence[FindingLine]
) -> Iterator[Dataset]:
    """Yield the boxes on one image; nothing where it has none."""
    of_image = [finding for finding in findings if finding.image == image.line.index]
    if of_image:
        item = _of(image)
        item.GraphicLayer = _LAYER
        item.TextObjectSequence = [_text(document, finding, image.line) for finding in of_image]
        item.GraphicObjectSequence = [_rectangle(finding, image.line) for finding in of_image]
        yield item


def _rectangle(finding: FindingLine, image: ImageLine) -> Dataset:
    left, top, right, bottom = _corners(finding, image)
    item = Dataset()
    item.GraphicAnnotationUnits = "PIXEL"
    item.GraphicDimensions = 2
    item.NumberOfGraphicPoints = 5
    item.GraphicData = [left, top, right, top, right, bottom, left, bottom, left, top]
    item.GraphicType = "POLYLINE"
    item.GraphicFilled = "N"
    return item


def _text(document: ReportDocument, finding: FindingLine, image: ImageLine) -> Dataset:
    left, top, _, _ = _corners(finding, image)
    status = document.words.finding_status[finding.status]
    item = Dataset()
    item.AnchorPointAnnotationUnits = "PIXEL"
    item.UnformattedTextValue = f"{line(finding.name)} ({status}, {finding.probability:.2f})"
    item.AnchorPoint = [left, top]
    item.AnchorPointVisibility = "N"
    return item


def _layer(document: ReportDocument) -> Dataset:
    item = Dataset()
    item.GraphicLayer = _LAYER
    item.GraphicLayerOrder = 1
    item.GraphicLayerRecommendedDisplayCIELabValue = _YELLOW
    item.GraphicLayerDescription = line(ai_mark_of(document))
    return item


def _corners(finding: FindingLine, image: ImageLine) -> Region:
    assert finding.box is not None  # noqa: S101  the caller has no others
    return region_of(finding.box, image)
