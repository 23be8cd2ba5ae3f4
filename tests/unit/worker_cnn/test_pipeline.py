import json
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from shared.bands import Bands, Pixels
from shared.bundles import CAM_WEIGHTS, CARD, GRAPH, Bundle, load_bundle
from shared.dicom.attributes import Attributes
from shared.domain.findings import FindingStatus, Place, Side, ViewPosition, Zone
from shared.errors import UnusableImageError
from shared.gates import load_gate
from shared.imaging import summary
from shared.reporting.warnings import ImageWarning
from tests.support.bundles import GATE, SIZE, tiny_card, write_tiny_bundle, write_tiny_gate
from tests.support.devices import DEVICE
from worker_cnn.decoding import PreparedImage
from worker_cnn.gate import load_models
from worker_cnn.pipeline import ImageAnalysis, analyse
from worker_cnn.previews import heatmap_png, radiograph_png
from worker_cnn.reading import read, unbatched


@pytest.fixture
def bundle(tmp_path):
    """Return a bundle whose maps may say where, however even they are."""
    card = tiny_card({GRAPH: "", CAM_WEIGHTS: ""})
    labels = [one.model_copy(update={"side_from": 0.5, "zone_from": 0.3}) for one in card.labels]
    return load_bundle(write_tiny_bundle(tmp_path / "tiny", labels=labels))


def analysis_of(pixels: Pixels, bundle: Bundle, attributes: Attributes | None = None) -> ImageAnalysis:
    made = summary(Bands.of(pixels), SIZE)
    prepared = PreparedImage(
        made.model_input,
        made.preview,
        attributes or Attributes(),
        made.exposure,
        *pixels.shape,
    )
    gate = load_gate(write_tiny_gate(bundle.folder.parent / "gate"))
    sight = unbatched(load_models(bundle, gate, device=DEVICE, threads=1), GATE, side=SIZE)
    return analyse(read(prepared, sight), bundle, index=3)


def bright_corner() -> Pixels:
    pixels: Pixels = np.random.default_rng(0).uniform(0.55, 0.8, (96, 96)).astype(np.float32)
    pixels[:24, 72:] = 1.0
    return pixels


def test_a_chest_gets_findings_a_preview_and_heatmaps_for_what_is_not_absent(bundle):
    analysis = analysis_of(bright_corner(), bundle)
    assert analysis.rejection is None
    effusion, mass = analysis.findings
    assert (effusion.status, effusion.image) == (FindingStatus.PRESENT, 3)
    assert mass.status is FindingStatus.ABSENT
    assert analysis.heatmap_pngs.keys() == {"Effusion"}
    assert analysis.model == bundle.version


def test_a_box_surrounds_what_was_bright(bundle):
    box = analysis_of(bright_corner(), bundle).findings[0].box
    assert box is not None
    assert box.left < 0.875 < box.right
    assert box.top < 0.125 < box.bottom
    assert box.left > 0.5
    assert box.bottom < 0.5


def test_a_finding_s_place_is_the_patient_s(bundle):
    corner = bright_corner()
    for pixels, orientation, place in (
        (corner, None, Place(Side.LEFT, Zone.UPPER, as_displayed=True)),
        (corner[:, ::-1], None, Place(Side.RIGHT, Zone.UPPER, as_displayed=True)),
        (corner, ("R", "F"), Place(Side.RIGHT, Zone.UPPER)),
        (corner, ("L", "F"), Place(Side.LEFT, Zone.UPPER)),
        (corner, ("F", "L"), None),
    ):
        findings = analysis_of(
            np.ascontiguousarray(pixels), bundle, Attributes(orientation=orientation)
        ).findings
        assert [finding.place for finding in findings] == [place, None], "the second is absent"


def test_a_place_is_not_said_unless_the_card_lets_it_be(tmp_path):
    bundle = load_bundle(write_tiny_bundle(tmp_path / "tiny"))
    assert [finding.place for finding in analysis_of(bright_corner(), bundle).findings] == [None, None]


def test_every_picture_that_an_unmeasured_classifier_read_says_so(tmp_path, bundle):
    card = json.loads((bundle.folder / CARD).read_text())
    (bundle.folder / CARD).write_text(json.dumps(card | {"metrics": None}))
    unmeasured = load_bundle(bundle.folder)
    assert analysis_of(bright_corner(), unmeasured).warnings[0] is ImageWarning.UNMEASURED
    dark = np.random.default_rng(2).uniform(0.0, 0.05, (64, 64)).astype(np.float32)
    assert ImageWarning.UNMEASURED not in analysis_of(dark, unmeasured).warnings, "it has not read that one"
    assert ImageWarning.UNMEASURED not in analysis_of(bright_corner(), bundle).warnings


def test_the_pictures_are_png_with_the_ratio_of_the_image(bundle):
    pixels = np.random.default_rng(1).uniform(0.5, 1.0, (60, 90)).astype(np.float32)
    analysis = analysis_of(pixels, bundle)
    shown = Image.open(BytesIO(analysis.preview_png))
    assert (shown.format, shown.mode, shown.size) == ("PNG", "L", (90, 60))
    for picture in analysis.heatmap_pngs.values():
        overlay = Image.open(BytesIO(picture))
        assert overlay.convert("RGBA").getchannel("A").getextrema() == (0, 255)
        assert overlay.width / overlay.height == pytest.approx(1.5, rel=0.01)


def test_a_refused_picture_has_a_reason_a_preview_and_no_findings(bundle):
    analysis = analysis_of(np.random.default_rng(2).uniform(0.0, 0.05, (64, 64)).astype(np.float32), bundle)
    assert isinstance(analysis.rejection, UnusableImageError)
    assert analysis.findings == ()
    assert analysis.heatmap_pngs == {}
    assert analysis.preview_png.startswith(b"\x89PNG")


def test_the_attributes_that_are_needed_downstream_are_kept_and_no_others(bundle):
    attributes = Attributes(
        age_years=60.0, sex="F", view=ViewPosition.AP, transfer_syntax_uid="1.2", shown_range=(0.0, 255.0)
    )
    analysis = analysis_of(bright_corner(), bundle, attributes)
    assert analysis.view is ViewPosition.AP
    assert analysis.attributes == {"age_years": 60.0, "sex": "F", "shown_range": (0.0, 255.0)}


def test_a_radiograph_keeps_every_gray_level():
    gray = np.random.default_rng(3).integers(0, 256, (120, 80), dtype=np.uint8)
    assert np.array_equal(np.asarray(Image.open(BytesIO(radiograph_png(gray)))), gray)


def test_the_hotter_the_brighter_and_the_less_transparent():
    heat = np.arange(256, dtype=np.uint8).reshape(16, 16)
    colours = np.asarray(Image.open(BytesIO(heatmap_png(heat))).convert("RGBA")).reshape(256, 4).astype(int)
    assert np.array_equal(colours[:, 3], np.arange(256))
    assert np.all(np.diff(colours[:, :3].sum(axis=1)) >= -3)
    assert colours[128, :3] == pytest.approx((187, 55, 84), abs=1)  # inferno, half way


def test_an_empty_picture_cannot_be_encoded():
    with pytest.raises(ValueError, match="cannot be encoded"):
        radiograph_png(np.zeros((0, 0), np.uint8))
