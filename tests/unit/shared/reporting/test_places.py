"""Where a finding is: written in one phrase, read in several."""

import pytest

from shared.domain.findings import FindingStatus, Place, Side, Zone
from shared.domain.reports import Language
from shared.reporting.labeller import Mention, read
from shared.reporting.places import PHRASES, in_place, is_within

EVERY_PLACE = [
    Place(side, zone)
    for side in (None, *Side)
    for zone in (None, *Zone)
    if side is not None or zone is not None
]
NOUN = {Language.ENGLISH: "pleural effusion", Language.SPANISH: "derrame pleural"}


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("place", EVERY_PLACE, ids=lambda place: f"{place.side}-{place.zone}")
def test_a_place_is_read_as_it_is_written(place: Place, language: Language):
    (sentence,) = read(f"{NOUN[language]} {in_place(place, language)}.", language)
    assert sentence.mentions == (Mention("Effusion", FindingStatus.PRESENT, place),)


@pytest.mark.parametrize("language", Language)
def test_what_can_be_read_of_a_place_is_every_place(language: Language):
    assert set(PHRASES[language].values()) == set(EVERY_PLACE)


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("Right pleural effusion.", [Place(Side.RIGHT)]),
        ("Right-sided pleural effusion.", [Place(Side.RIGHT)]),
        ("Bibasal atelectasis.", [Place(Side.BOTH, Zone.BASAL)]),
        ("Right pleural effusion at the base.", [Place(Side.RIGHT, Zone.BASAL)]),
        ("Left pleural effusion and right pneumothorax are seen.", [Place(Side.LEFT), Place(Side.RIGHT)]),
        ("Pneumothorax and pleural effusion are seen on the left.", [Place(Side.LEFT)] * 2),
        (
            "Right pneumothorax and pleural effusion are seen on the left.",
            [Place(Side.RIGHT), Place(Side.LEFT)],
        ),
        ("Pneumothorax is suspected at the left apex.", [Place(Side.LEFT, Zone.APICAL)]),
        ("Pneumothorax is not seen on the left.", [Place(Side.LEFT)]),
        ("The heart is enlarged.", [None]),
        ("Support devices are in place on the left.", [Place(Side.LEFT)]),
    ],
)
def test_each_label_has_the_place_that_is_said_of_it(text: str, places: list[Place | None]):
    (sentence,) = read(text, Language.ENGLISH)
    assert [mention.place for mention in sentence.mentions] == places


@pytest.mark.parametrize(
    "text",
    [
        "Right pleural effusion on the left.",
        "Basal pneumothorax at the right apex.",
        "Right.",
        "On the left.",
    ],
)
def test_a_place_that_contradicts_itself_or_is_of_nothing_is_not_read(text: str):
    (sentence,) = read(text, Language.ENGLISH)
    assert not sentence.readable


@pytest.mark.parametrize(
    ("said", "known", "expected"),
    [
        (None, None, True),
        (None, Place(Side.LEFT), True),
        (Place(Side.LEFT), None, False),
        (Place(Side.LEFT), Place(Side.LEFT, Zone.UPPER), True),
        (Place(Side.LEFT, Zone.UPPER), Place(Side.LEFT), False),
        (Place(Side.LEFT), Place(Side.BOTH), False),
    ],
)
def test_no_more_may_be_said_of_a_place_than_is_known(said, known, expected):
    assert is_within(said, known) is expected
