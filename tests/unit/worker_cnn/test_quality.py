import numpy as np
import pytest

from shared.bands import Bands
from shared.dicom.attributes import Attributes
from shared.dicom.views import ViewDoubt
from shared.domain.findings import ViewPosition, ViewSource
from shared.imaging import Exposure, summary
from shared.reporting.warnings import ImageWarning
from tests.support.bundles import GATE
from worker_cnn.gate import Verdict
from worker_cnn.quality import TURNS, check, turn_of

GOOD = Exposure(mean=0.5, deviation=0.25, black=0.1, white=0.0, levels=200)


def output(
    *, view: float = 4.0, turn: int = 0, chest: float = 5.0, distance: float = 1.0, mirrored: float = 0.0
) -> Verdict:
    turned = np.zeros(5, np.float32)
    turned[turn] = 9.0
    return Verdict(view, turned, chest, distance, mirrored)


def test_a_chest_radiograph_passes_without_a_word():
    quality = check(GOOD, output(), Attributes(), GATE)
    assert quality.rejection is None
    assert quality.warnings == ()


@pytest.mark.parametrize(
    ("pixels", "words"),
    [
        (np.full((64, 64), 0.4, np.float32), "empty"),
        (np.zeros((64, 64), np.float32), "empty"),
        (np.where(np.arange(4096).reshape(64, 64) % 2, 1.0, 0.0).astype(np.float32), "empty"),
    ],
)
def test_a_picture_with_nothing_on_it_is_refused(pixels, words):
    reason = check(summary(Bands.of(pixels), 64).exposure, output(), Attributes(), GATE).rejection
    assert reason is not None
    assert words in reason.detail


@pytest.mark.parametrize(
    ("mirrored", "orientation", "warned"),
    [
        (1.9, None, False),
        (2.1, None, True),
        (2.1, ("L", "F"), True),
        (-9.0, ("L", "F"), False),
        (9.0, ("R", "F"), False),
        (-2.1, ("R", "F"), True),
    ],
)
def test_a_heart_on_the_right_is_warned_about_first_unless_the_file_says_that_right_is_left(
    mirrored, orientation, warned
):
    gate = GATE.model_copy(update={"mirrored_from": 2.0})
    attributes = Attributes(orientation=orientation, age_years=9.0)
    found = check(GOOD, output(mirrored=mirrored), attributes, gate).warnings
    assert found == (*((ImageWarning.SEEMS_MIRRORED,) if warned else ()), ImageWarning.UNDER_18)
    assert check(GOOD, output(mirrored=mirrored), attributes, GATE).warnings == (ImageWarning.UNDER_18,)


def test_where_the_heart_of_a_turned_picture_lies_is_not_asked():
    gate = GATE.model_copy(update={"mirrored_from": 2.0})
    found = check(GOOD, output(mirrored=9.0, turn=1), Attributes(), gate).warnings
    assert found == (ImageWarning.SEEMS_TURNED_CLOCKWISE,)


def test_a_clipped_picture_is_refused():
    clipped = Exposure(mean=0.5, deviation=0.45, black=0.5, white=0.45, levels=100)
    reason = check(clipped, output(), Attributes(), GATE).rejection
    assert reason is not None
    assert "clipped" in reason.detail


def test_far_from_real_chests_is_refused_whatever_the_head_says():
    far = output(distance=GATE.max_distance_if_sure + 0.1)
    assert check(GOOD, far, Attributes(), GATE).rejection is not None


@pytest.mark.parametrize(("chest", "refused"), [(5.0, False), (0.0, True)])
def test_an_unusual_chest_passes_when_the_head_is_sure_of_it(chest, refused):
    unusual = output(distance=GATE.max_distance + 0.1, chest=chest)
    assert (check(GOOD, unusual, Attributes(), GATE).rejection is not None) is refused


def test_what_the_head_takes_for_no_chest_is_refused_however_near_it_is():
    assert check(GOOD, output(chest=-9.0), Attributes(), GATE).rejection is not None


def test_a_lateral_view_is_refused_with_that_reason():
    reason = check(GOOD, output(), Attributes(view=ViewPosition.LATERAL), GATE).rejection
    assert reason is not None
    assert "lateral" in reason.detail


def test_a_refused_lateral_view_names_the_place_that_says_so():
    attributes = Attributes(view=ViewPosition.LATERAL, view_place="Series Description")
    reason = check(GOOD, output(), attributes, GATE).rejection
    assert reason is not None
    assert "Series Description" in reason.detail


@pytest.mark.parametrize("doubt", list(ViewDoubt))
def test_every_doubt_about_the_view_is_a_warning(doubt):
    (warning,) = check(GOOD, output(), Attributes(view_doubts=(doubt,)), GATE).warnings
    assert warning.value in {"view-contradicted", "oblique", "decubitus", "study-says-lateral"}


def test_the_tag_tells_the_view_before_the_pixels_do():
    quality = check(GOOD, output(view=9.0), Attributes(view=ViewPosition.PA), GATE)
    assert (quality.view, quality.view_source) == (ViewPosition.PA, ViewSource.FILE)


@pytest.mark.parametrize(
    ("logit", "view", "source"),
    [
        (9.0, ViewPosition.AP, ViewSource.IMAGE),
        (-9.0, ViewPosition.PA, ViewSource.IMAGE),
        (0.1, ViewPosition.UNKNOWN, None),
    ],
)
def test_without_a_tag_the_pixels_tell_the_view_when_they_are_sure(logit, view, source):
    quality = check(GOOD, output(view=logit), Attributes(), GATE)
    assert (quality.view, quality.view_source) == (view, source)


def test_the_pixels_tell_no_view_of_what_is_refused():
    quality = check(GOOD, output(view=9.0, chest=-9.0), Attributes(), GATE)
    assert (quality.view, quality.view_source) == (ViewPosition.UNKNOWN, None)


@pytest.mark.parametrize("turn", [1, 2, 3, 4])
def test_a_turned_or_inverted_chest_is_classified_with_a_warning(turn):
    quality = check(GOOD, output(turn=turn), Attributes(), GATE)
    assert quality.rejection is None
    assert quality.warnings == (TURNS[turn],)


def test_an_unsure_turn_is_not_mentioned():
    unsure = output()
    unsure.turned[:] = [1.0, 1.2, 0.0, 0.0, 0.0]
    assert turn_of(unsure)[0] == 1
    assert check(GOOD, unsure, Attributes(), GATE).warnings == ()


@pytest.mark.parametrize(("age", "warned"), [(0.5, True), (17.9, True), (18.0, False), (None, False)])
def test_a_child_brings_a_warning(age, warned):
    warnings = check(GOOD, output(), Attributes(age_years=age), GATE).warnings
    assert (ImageWarning.UNDER_18 in warnings) is warned


def test_another_body_part_in_the_tags_brings_a_warning():
    quality = check(GOOD, output(), Attributes(body_part="SECRETPART"), GATE)
    assert quality.warnings == (ImageWarning.OTHER_BODY_PART,)
    assert check(GOOD, output(), Attributes(body_part="CHEST PA"), GATE).warnings == ()


def test_another_body_part_in_the_tags_is_believed_when_the_pixels_are_not_sure():
    unsure = output(chest=2.0)
    assert check(GOOD, unsure, Attributes(), GATE).rejection is None
    reason = check(GOOD, unsure, Attributes(body_part="HIP"), GATE).rejection
    assert reason is not None
    assert "another body part" in reason.detail
    assert "HIP" not in reason.detail
