"""From where on a side or a zone may be said: the statistics, on maps that are right as often as wished."""

import numpy as np
import pytest

from shared.bundles import CAM_WEIGHTS, GRAPH, Card
from shared.domain.findings import Side, Zone
from tests.support.bundles import tiny_card
from training.exporting.readme import places, readme
from training.scoring.placing import Seen, decided, placing, said_from, seen, side_of, with_places, zone_of

CARD = tiny_card({GRAPH: "", CAM_WEIGHTS: ""})


def maps(
    right: int, wrong: int, *, concentration: float = 0.9, label: str = "Effusion", first: int = 0
) -> list[Seen]:
    """Return so many maps, of as many patients."""
    return [Seen(label, f"p{first + k}", concentration, right=k < right) for k in range(right + wrong)]


def outline(top: float, bottom: float, left: float, right: float) -> np.ndarray:
    shown = np.zeros((100, 100), bool)
    shown[int(top * 100) : int(bottom * 100), int(left * 100) : int(right * 100)] = True
    return shown


@pytest.mark.parametrize(
    ("shown", "side", "zone"),
    [
        (outline(0.1, 0.3, 0.1, 0.4), Side.RIGHT, Zone.UPPER),
        (outline(0.4, 0.55, 0.55, 0.9), Side.LEFT, Zone.MIDDLE),
        (outline(0.7, 0.9, 0.3, 0.55), Side.RIGHT, Zone.LOWER),
        (outline(0.2, 0.5, 0.3, 0.7), None, None),
    ],
)
def test_an_outline_is_where_four_fifths_of_it_are(shown, side, zone):
    assert (side_of(shown), zone_of(shown)) == (side, zone)


def test_a_map_is_right_where_the_outline_is_and_wrong_where_that_is_on_both():
    heat = np.zeros((10, 10), np.float32)
    heat[8, 1], heat[1, 8] = 0.75, 0.25
    there = seen(heat, outline(0.7, 0.9, 0.1, 0.4), label="Effusion", patient="p")
    assert there == (Seen("Effusion", "p", 0.75, right=True), Seen("Effusion", "p", 0.75, right=True))
    both = seen(heat, outline(0.7, 0.9, 0.1, 0.9), label="Effusion", patient="p")
    assert both == (Seen("Effusion", "p", 0.75, right=False), Seen("Effusion", "p", 0.75, right=True))
    empty = seen(np.zeros((4, 4), np.float32), outline(0.7, 0.9, 0.1, 0.4), label="Effusion", patient="p")
    assert empty == (Seen("Effusion", "p", 0.0, right=False), Seen("Effusion", "p", 0.0, right=False))
    assert seen(heat, outline(0.7, 0.9, 0.1, 0.4), label="Cardiomegaly", patient="p") is None


@pytest.mark.parametrize(
    ("right", "wrong", "enough"), [(58, 0, False), (59, 0, True), (91, 1, False), (92, 1, True)]
)
def test_it_is_said_when_95_in_100_are_surely_right(right, wrong, enough):
    assert (said_from(maps(right, wrong)) == 0.9) is enough


def test_it_is_said_from_the_least_concentration_on_from_which_enough_is_right():
    found = [
        *maps(80, 0, concentration=0.9),
        *maps(20, 1, concentration=0.8, first=100),
        *maps(10, 10, concentration=0.7, first=200),
    ]
    assert said_from(found) == 0.8
    assert said_from([]) is None


def test_of_maps_that_are_equally_concentrated_none_is_said_before_the_others():
    assert said_from([*maps(60, 0), *maps(0, 30, first=60)]) is None


def test_what_is_right_by_chance_of_one_patient_alone_is_not_said():
    """Of 59 maps that are right each is needed: with any patient left out there are too few."""
    assert said_from(maps(59, 0)) == 0.9
    assert decided(maps(59, 0)) == (None, None)
    chosen, left_out = decided(maps(70, 0))
    assert chosen == 0.9
    assert left_out is not None
    assert (left_out.maps, left_out.right, left_out.high) == (70, 70, 1.0)
    assert 0.9 < left_out.low < 0.95


def test_figures_are_of_all_and_of_the_more_concentrated():
    found = placing([*maps(3, 1, concentration=0.85), *maps(1, 3, concentration=0.55, first=4)])
    assert found.patients == 8
    steps = {step.concentration: (step.right, step.maps) for step in found.steps}
    assert steps == {0.0: (4, 8), 0.5: (4, 8), 0.6: (3, 4), 0.7: (3, 4), 0.8: (3, 4), 0.9: (0, 0)}
    assert (found.steps[-1].low, found.steps[-1].high) == (0.0, 1.0)
    assert (found.steps[0].low, found.steps[0].high) == (0.157, 0.843), "Clopper and Pearson's of 4 of 8"


def card_of(sides: list[Seen], zones: list[Seen]) -> Card:
    pairs = list(zip(sides, zones, strict=True))
    return with_places(CARD, pairs, table="boxes", not_of=3, command="measure")


def test_a_label_with_few_maps_takes_what_all_labels_together_allow():
    sides = [*maps(90, 0), *maps(12, 0, label="Mass", first=200)]
    zones = [*maps(45, 45), *maps(12, 0, label="Mass", first=200)]
    card = card_of(sides, zones)
    effusion, mass = card.labels
    assert (effusion.side_from, effusion.zone_from) == (0.9, None)
    assert (mass.side_from, mass.zone_from) == (0.9, None)
    assert effusion.side is not None
    assert effusion.side.left_out is not None
    assert card.placings is not None
    assert (card.placings.side.patients, card.placings.not_of) == (102, 3)
    assert card.placings.zone.left_out is None


@pytest.mark.parametrize("own", [(9, 0), (11, 1)], ids=["too few", "too often wrong"])
def test_a_label_that_is_wrong_or_rare_itself_says_nothing(own):
    found = [*maps(300, 0), *maps(*own, label="Mass", first=400)]
    effusion, mass = card_of(found, found).labels
    assert effusion.side_from == 0.9
    assert (mass.side_from, mass.zone_from) == (None, None)


def test_a_label_that_was_not_outlined_has_no_figures():
    mass = card_of(maps(90, 0), maps(90, 0)).labels[1]
    assert (mass.side_from, mass.zone_from, mass.side, mass.zone) == (None, None, None, None)


def test_the_card_says_it_to_people():
    assert places(CARD) == ""
    card = card_of(maps(90, 0), maps(45, 45))
    assert Card.model_validate_json(card.model_dump_json()) == card
    text = readme(card)
    assert "| 0.9 | 90 of 90 (0.96 to 1.00) | 45 of 90 (0.39 to 0.61) |" in text
    assert "the side that was said was right: 90 of 90" in text
    assert "the zone that was said" not in text
    row = next(line for line in text.splitlines() if line.startswith("| Effusion | 90 |"))
    assert row.endswith(
        "| 90 of 90 (0.96 to 1.00) | 0.90 | 45 of 90 (0.39 to 0.61) | 45 of 90 (0.39 to 0.61) | never |"
    )
