"""Where a map points, and when that is said."""

import numpy as np
import pytest

from shared.bundles import Label
from shared.dicom.attributes import Attributes
from shared.domain.findings import Place, Side, Zone
from shared.labels import LABELS
from shared.reporting.warnings import ImageWarning
from worker_cnn.heatmaps import Map
from worker_cnn.places import PLACED, Bearings, PointedAt, bearings_of, place_of, pointed_at

SURE = Label(id="Effusion", side_from=0.8, zone_from=0.7)
USUAL = Bearings(left=Side.RIGHT, as_displayed=True)


def spot(x: float, y: float) -> Map:
    """Return a map of 20 x 30 cells with its only heat around a point, in shares of width and height."""
    heat = np.zeros((20, 30), np.float32)
    row, column = int(y * 20), int(x * 30)
    heat[max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2] = 1.0
    return heat


@pytest.mark.parametrize(
    ("x", "side"), [(0.1, Side.RIGHT), (0.4, Side.RIGHT), (0.6, Side.LEFT), (0.95, Side.LEFT)]
)
@pytest.mark.parametrize(
    ("y", "zone"),
    [(0.05, Zone.UPPER), (0.2, Zone.UPPER), (0.48, Zone.MIDDLE), (0.75, Zone.LOWER), (0.97, Zone.LOWER)],
)
def test_a_box_in_each_zone_is_said_to_be_there(x, y, side, zone):
    assert pointed_at(spot(x, y)) == PointedAt(side, 1.0, zone, 1.0)
    assert place_of(spot(x, y), SURE, USUAL) == Place(side, zone, as_displayed=True)


def test_a_mirrored_map_is_of_the_other_side():
    heat = spot(0.2, 0.5) + 0.1
    there, mirrored = pointed_at(heat), pointed_at(heat[:, ::-1])
    assert there is not None
    assert mirrored is not None
    assert (there.side, mirrored.side) == (Side.RIGHT, Side.LEFT)
    assert there.side_share == pytest.approx(mirrored.side_share)
    assert there.zone is mirrored.zone
    assert there.zone_share == pytest.approx(mirrored.zone_share)


def test_the_concentration_is_the_share_of_the_map():
    heat = np.zeros((10, 10), np.float32)
    heat[1, 1], heat[8, 1], heat[8, 8] = 0.5, 0.2, 0.3
    found = pointed_at(heat)
    assert found is not None
    assert (found.side, found.zone) == (Side.RIGHT, Zone.UPPER), (
        "the lower right cells are as many, and the first wins"
    )
    assert found.side_share == pytest.approx(0.7)
    assert found.zone_share == pytest.approx(0.5)


def test_an_empty_map_points_nowhere():
    assert pointed_at(np.zeros((5, 5), np.float32)) is None
    assert place_of(np.zeros((5, 5), np.float32), SURE, USUAL) is None


@pytest.mark.parametrize(
    ("side_from", "zone_from", "said"),
    [
        (0.75, 0.75, Place(Side.RIGHT, Zone.LOWER)),
        (0.76, 0.75, Place(zone=Zone.LOWER)),
        (0.75, 0.76, Place(Side.RIGHT)),
        (None, 0.1, Place(zone=Zone.LOWER)),
        (0.1, None, Place(Side.RIGHT)),
        (0.9, 0.9, None),
        (None, None, None),
    ],
)
def test_what_is_less_concentrated_than_the_card_asks_is_not_said(side_from, zone_from, said):
    heat = np.zeros((10, 10), np.float32)
    heat[8, 1], heat[1, 8] = 0.75, 0.25
    label = Label(id="Effusion", side_from=side_from, zone_from=zone_from)
    assert place_of(heat, label, Bearings(Side.RIGHT, as_displayed=False)) == said


@pytest.mark.parametrize("label", sorted(set(LABELS) - PLACED - {"No_Finding"}))
def test_what_has_no_side_has_none_whatever_the_card_says(label):
    assert place_of(spot(0.1, 0.9), Label(id=label, side_from=0.0, zone_from=0.0), USUAL) is None


def test_only_known_labels_have_places():
    assert set(LABELS) > PLACED
    assert not PLACED & {"Cardiomegaly", "Enlarged_Cardiomediastinum", "Edema", "Hernia", "Support_Devices"}


@pytest.mark.parametrize(
    ("orientation", "bearings"),
    [
        (None, Bearings(Side.RIGHT, as_displayed=True)),
        (("L", "F"), Bearings(Side.RIGHT, as_displayed=False)),
        (("LA", "FR"), Bearings(Side.RIGHT, as_displayed=False)),
        (("R", "F"), Bearings(Side.LEFT, as_displayed=False)),
        (("L", "H"), None),
        (("F", "L"), None),
        (("A", "F"), None),
    ],
)
def test_a_file_says_how_its_picture_lies(orientation, bearings):
    assert bearings_of(Attributes(orientation=orientation), ()) == bearings


def test_a_picture_that_its_file_calls_mirrored_has_its_sides_the_other_way_round():
    mirrored = bearings_of(Attributes(orientation=("R", "F")), ())
    assert mirrored is not None
    assert place_of(spot(0.1, 0.9), SURE, mirrored) == Place(Side.LEFT, Zone.LOWER)


@pytest.mark.parametrize("laterality", ["R", "L"])
def test_a_picture_of_one_side_has_no_sides(laterality):
    assert bearings_of(Attributes(laterality=laterality), ()) == Bearings(None, as_displayed=True)
    assert bearings_of(Attributes(laterality="B"), ()) == USUAL


@pytest.mark.parametrize(
    ("kept", "warnings"),
    [
        (USUAL, ("was-inverted", "window-not-used", "padding-is-white", "other-body-part")),
        (
            Bearings(None, as_displayed=True),
            (
                "was-turned-clockwise",
                "was-turned-upside-down",
                "was-turned-anticlockwise",
                "seems-mirrored",
                "oblique",
            ),
        ),
        (
            None,
            (
                *(
                    "seems-turned-clockwise",
                    "seems-upside-down",
                    "seems-turned-anticlockwise",
                    "seems-inverted",
                ),
                *("view-contradicted", "study-says-lateral", "decubitus", "under-18"),
            ),
        ),
    ],
    ids=["side and zone", "zone alone", "nothing"],
)
def test_every_warning_leaves_a_picture_its_places_or_takes_them(kept, warnings):
    for warning in warnings:
        assert bearings_of(Attributes(), [ImageWarning(warning), ImageWarning.WAS_INVERTED]) == kept, warning


def test_without_a_sure_side_the_zone_is_said_alone():
    assert place_of(spot(0.1, 0.9), SURE, Bearings(None, as_displayed=True)) == Place(
        zone=Zone.LOWER, as_displayed=True
    )
