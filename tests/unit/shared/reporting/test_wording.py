"""How surely a finding is spoken of, and in which words."""

import pytest

from shared.domain.findings import Finding, FindingStatus, Place, Side, Zone
from shared.domain.reports import Language, WriterVersion
from shared.reporting.certainty import Certainty, certainty_of
from shared.reporting.lexicon import RANK, Organ, organ_of, weight_of
from shared.reporting.phrases import join_and
from shared.reporting.request import seed_of
from shared.reporting.wording import hedges_of, in_short, reworded
from tests.support.llm_reports import request_for

PRESENT, ABSENT, UNCERTAIN = FindingStatus.PRESENT, FindingStatus.ABSENT, FindingStatus.UNCERTAIN
STATUSES = {"Effusion": PRESENT, "Nodule": UNCERTAIN, "Edema": UNCERTAIN, "Mass": ABSENT}


@pytest.mark.parametrize(
    ("status", "probability", "threshold", "expected"),
    [
        (ABSENT, 0.95, 0.97, Certainty.NOT_DETECTED),
        (UNCERTAIN, 0.49, 0.6, Certainty.POSSIBLE),
        (PRESENT, 0.49, 0.1, Certainty.POSSIBLE),
        (UNCERTAIN, 0.5, 0.6, Certainty.PROBABLE),
        (PRESENT, 0.89, 0.1, Certainty.PROBABLE),
        (UNCERTAIN, 0.95, 0.97, Certainty.PROBABLE),
        (PRESENT, 0.9, 0.1, Certainty.STATED),
    ],
)
def test_a_finding_is_spoken_of_as_surely_as_its_probability_allows(
    status: FindingStatus, probability: float, threshold: float, expected: Certainty
):
    finding = Finding("Effusion", probability, threshold, threshold / 2, status)
    assert certainty_of(finding) is expected


@pytest.mark.parametrize(
    ("language", "said", "expected"),
    [
        # 0.45 is less than an even chance.
        (Language.ENGLISH, "A lung nodule cannot be excluded.", "Possible lung nodule."),
        (
            Language.ENGLISH,
            "There is a pleural effusion. Nodules and edema are suspected.",
            "There is a pleural effusion. Possible lung nodule. Possible pulmonary edema.",
        ),
        (Language.SPANISH, "No se puede descartar un nódulo pulmonar.", "Posible nódulo pulmonar."),
        # What the findings do not carry, what hedges nothing and what cannot be read stay for the verifier.
        (Language.ENGLISH, "A lung mass cannot be excluded.", "A lung mass cannot be excluded."),
        (
            Language.ENGLISH,
            "Possible lung nodule, but no pulmonary edema.",
            "Possible lung nodule, but no pulmonary edema.",
        ),
        (Language.ENGLISH, "The trachea may be midline.", "The trachea may be midline."),
    ],
)
def test_what_a_writer_hedges_is_said_in_the_words_of_the_scale(language: Language, said: str, expected: str):
    assert reworded(said, request_for(STATUSES, language)) == expected


def test_only_what_is_probable_or_possible_has_a_hedge():
    assert hedges_of(request_for(STATUSES, Language.ENGLISH)) == {
        "Nodule": "Possible lung nodule.",
        "Edema": "Possible pulmonary edema.",
    }


BASE = {"Effusion": Place(Side.RIGHT, Zone.BASAL), "Nodule": Place(Side.LEFT)}


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("There is a pleural effusion.", "There is a pleural effusion at the right base."),
        ("Nodules are suspected.", "Possible lung nodule on the left."),
        ("Right pleural effusion.", "Right pleural effusion."),
        # A writer that says another place is not put right: the verifier refuses it.
        ("A nodule is suspected on the right.", "A nodule is suspected on the right."),
        ("There is a pleural effusion", "There is a pleural effusion"),
        ("Pulmonary edema is seen.", "Pulmonary edema is seen."),
    ],
)
def test_what_a_writer_states_without_its_place_gets_it(said: str, expected: str):
    assert reworded(said, request_for(STATUSES, Language.ENGLISH, places=BASE)) == expected


def test_in_short_a_label_is_named_with_how_sure_and_where():
    request = request_for(STATUSES, Language.ENGLISH, places={"Effusion": BASE["Effusion"]})
    short = [in_short(label, request) for label in ("Effusion", "Nodule", "Edema")]
    assert short == [
        "Pleural effusion at the right base.",
        "Possible lung nodule.",
        "Possible pulmonary edema.",
    ]
    assert in_short("Effusion", request_for(STATUSES, Language.SPANISH)) == "Derrame pleural."


@pytest.mark.parametrize(
    ("nouns", "english", "spanish"),
    [
        ([], "", ""),
        (["hernia"], "hernia", "hernia"),
        (["hernia", "masa"], "hernia and masa", "hernia y masa"),
        (["hernia", "masa", "infiltrados"], "hernia, masa and infiltrados", "hernia, masa e infiltrados"),
    ],
)
def test_nouns_are_joined_by_the_languages_and(nouns: list[str], english: str, spanish: str):
    assert join_and(nouns, Language.ENGLISH) == english
    assert join_and(nouns, Language.SPANISH) == spanish


def test_a_label_that_nobody_has_placed_is_spoken_of_with_the_lungs_and_last():
    assert (organ_of("Hernia"), organ_of("Scoliosis")) == (Organ.HEART, Organ.LUNGS)
    assert weight_of("Scoliosis") == len(RANK) > max(map(weight_of, RANK))


def test_the_same_pictures_have_the_same_words_of_the_same_writer_alone():
    request = request_for(STATUSES, Language.ENGLISH, study="pictures")
    assert seed_of(request, WriterVersion("template", "3"), 2) == "pictures:template:3:2"
