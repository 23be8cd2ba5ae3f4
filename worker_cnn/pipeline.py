"""What one image shows: from a decoded file and the graph's output to findings and pictures.

    reading --refused--> the reason
            --else-----> calibrated findings; where the classifier says where, a heatmap, a box and a place
                         for each that is not absent

Pure: no I/O. `tasks.py` feeds it and stores what it returns.
"""

from collections.abc import Collection
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from shared.bundles import Bundle
from shared.dicom.attributes import Attributes
from shared.domain.embeddings import Embedding
from shared.domain.findings import Box, Finding, FindingStatus, ModelVersion, Place, ViewPosition, ViewSource
from shared.errors import BadInputError
from shared.reporting.warnings import ImageWarning
from worker_cnn import heatmaps
from worker_cnn.decoding import PreparedImage
from worker_cnn.places import bearings_of, place_of
from worker_cnn.predict import findings_of, probabilities_of, status_of
from worker_cnn.previews import heatmap_png, radiograph_png
from worker_cnn.reading import Reading
from worker_cnn.runtime import ImageOutput, label_weights

_KEPT_ATTRIBUTES: Final = frozenset(
    {
        "modality",
        "body_part",
        "age_years",
        "sex",
        "sop_class_uid",
        "sop_instance_uid",
        "study_instance_uid",
        "series_instance_uid",
        "pixel_spacing_mm",
        "orientation",
        "photometric_interpretation",
        "shown_range",
    }
)


@dataclass(frozen=True, slots=True)
class ImageAnalysis:
    """What was made of one image.

    Attributes:
        view: as the file says, else as read from the pixels.
        view_source: which of the two; None where the view is unknown.
        findings: one for every label of the model; none when the image was rejected.
        rejection: why the image was not classified; its preview is still there to look at.
        warnings: codes of what the reader of the findings should know.
        size: width and height of the whole image, as its preview shows it.
        preview_png: the image for people, 8-bit gray.
        heatmap_pngs: an overlay for each label that is present or uncertain; none without a feature map.
        attributes: of a DICOM file, those that are needed downstream.
        embedding: the image's vector; None where it was rejected, or nothing makes one.
    """

    view: ViewPosition
    view_source: ViewSource | None
    findings: tuple[Finding, ...]
    rejection: BadInputError | None
    warnings: tuple[ImageWarning, ...]
    size: tuple[int, int]
    preview_png: bytes
    heatmap_pngs: dict[str, bytes]
    model: ModelVersion
    attributes: dict[str, Any] = field(default_factory=dict)
    embedding: Embedding | None = None


@dataclass(frozen=True, slots=True)
class Looked:
    """Where the labels are that are not absent, each by label.

    Attributes:
        pictures: overlays as PNG.
    """

    boxes: dict[str, Box] = field(default_factory=dict)
    places: dict[str, Place] = field(default_factory=dict)
    pictures: dict[str, bytes] = field(default_factory=dict)


def analyse(reading: Reading, bundle: Bundle, *, index: int) -> ImageAnalysis:
    """Say what one image shows.

    Args:
        reading: what the gate and the classifier said.
        bundle: the classifier.
        index: of the image in its study.
    """
    prepared, judged, output, done = reading.prepared, reading.quality, reading.output, reading.done
    warnings = (*(() if done is None else (done,)), *judged.warnings, *prepared.warnings)
    findings: tuple[Finding, ...] = ()
    looked = Looked()
    if judged.rejection is None and output is not None:
        looked = _look_closer(prepared, output, bundle, warnings)
        findings = findings_of(
            output.logits, bundle.card, image=index, boxes=looked.boxes, places=looked.places
        )
        if not bundle.card.is_measured:
            warnings = (ImageWarning.UNMEASURED, *warnings)
    return ImageAnalysis(
        view=judged.view,
        view_source=judged.view_source,
        findings=findings,
        rejection=judged.rejection,
        warnings=warnings,
        size=(prepared.columns, prepared.rows),
        preview_png=radiograph_png(prepared.preview),
        heatmap_pngs=looked.pictures,
        model=bundle.version,
        attributes=_kept(prepared.attributes),
        embedding=reading.embedding,
    )


def _look_closer(
    prepared: PreparedImage, output: ImageOutput, bundle: Bundle, warnings: Collection[ImageWarning]
) -> Looked:
    """Look where the labels are that are not absent; nowhere without a feature map."""
    looked = Looked()
    if output.feature_map is None:
        return looked
    rows, columns = prepared.preview.shape
    weights = label_weights(bundle)
    bearings = bearings_of(prepared.attributes, warnings)
    probabilities = probabilities_of(output.logits, bundle.card)
    for label, probability, own in zip(bundle.card.labels, probabilities, weights, strict=True):
        if status_of(probability, label) is FindingStatus.ABSENT:
            continue
        heat = heatmaps.activation(output.feature_map, own, rows=rows, columns=columns)
        looked.pictures[label.id] = heatmap_png(heatmaps.overlay(heat, rows=rows, columns=columns))
        box = heatmaps.box_of(heat)
        if box is not None:
            looked.boxes[label.id] = box
        place = None if bearings is None else place_of(heat, label, bearings)
        if place is not None:
            looked.places[label.id] = place
    return looked


def _kept(attributes: Attributes) -> dict[str, Any]:
    values = asdict(attributes)
    return {name: values[name] for name in sorted(_KEPT_ATTRIBUTES) if values[name] is not None}
