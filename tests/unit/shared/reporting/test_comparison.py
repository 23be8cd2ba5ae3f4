"""What a report says of the study before."""

from datetime import date

import pytest

from shared.domain.findings import Finding, FindingStatus, Place, Side, Zone
from shared.domain.priors import Prior
from shared.domain.reports import Language
from shared.domain.studies import StudyId, new_id
from shared.reporting.comparison import Change, Comparison, changes_of, compare, none_available
from shared.reporting.lexicon import RANK

ENGLISH, SPANISH = Language.ENGLISH, Language.SPANISH
RIGHT, LEFT = Place(Side.RIGHT, Zone.LOWER), Place(Side.LEFT, Zone.LOWER)


def found(label: str, probability: float, place: Place | None = None) -> Finding:
    """Build a finding that is present from 0.3 and uncertain from 0.2."""
    status = FindingStatus.PRESENT if probability >= 0.3 else FindingStatus.UNCERTAIN
    return Finding(
        label,
        probability,
        threshold=0.3,
        uncertain_from=0.2,
        status=FindingStatus.ABSENT if probability < 0.2 else status,
        place=place,
    )


def prior(*findings: Finding, taken_on: date | None = date(2025, 3, 1), same: bool = True) -> Prior:
    return Prior(StudyId(new_id()), taken_on, date(2025, 3, 4), same_classifier=same, findings=findings)


def said(now: list[Finding], then: list[Finding], language: Language = ENGLISH) -> tuple[str, ...]:
    """Return what is said after the sentence that names the earlier study."""
    comparison = compare(now, prior(*then), language)
    assert comparison is not None
    return comparison.sentences[1:]


def changed(now: list[Finding], then: list[Finding]) -> dict[str, Change]:
    return changes_of({one.label: one for one in now}, {one.label: one for one in then})


def test_nothing_is_said_without_an_earlier_study():
    assert compare([found("Mass", 0.9)], None, ENGLISH) is None


def test_that_there_is_no_earlier_study_is_said_in_every_language():
    assert [none_available(language).sentences for language in Language] == [
        ("None available.",),
        ("Ninguna disponible.",),
    ]


@pytest.mark.parametrize(
    ("language", "taken_on", "name"),
    [
        (ENGLISH, date(2025, 3, 1), "Chest radiograph of 2025-03-01."),
        (ENGLISH, None, "Chest radiograph received on 2025-03-04."),
        (SPANISH, date(2025, 3, 1), "Radiografía de tórax del 2025-03-01."),
        (SPANISH, None, "Radiografía de tórax recibida el 2025-03-04."),
    ],
)
def test_the_earlier_study_is_named_by_its_day(language: Language, taken_on: date | None, name: str):
    comparison = compare([], prior(taken_on=taken_on), language)
    assert comparison is not None
    assert comparison.sentences == (name,)


@pytest.mark.parametrize(
    ("language", "why"),
    [
        (ENGLISH, "Another version of the classifier read it, so the findings are not compared."),
        (SPANISH, "La leyó otra versión del clasificador, por lo que los hallazgos no se comparan."),
    ],
)
def test_what_another_version_of_the_classifier_found_is_not_compared(language: Language, why: str):
    comparison = compare([found("Mass", 0.95)], prior(found("Mass", 0.05), same=False), language)
    assert comparison is not None
    assert comparison.sentences[1:] == (why,)


@pytest.mark.parametrize(
    ("now", "then", "english", "spanish"),
    [
        (0.95, 0.05, "New: pneumothorax.", "De nueva aparición: neumotórax."),
        (0.6, 0.05, "New: probable pneumothorax.", "De nueva aparición: probable neumotórax."),
        (0.05, 0.4, "No longer detected: possible pneumothorax.", "Ya no detectado: posible neumotórax."),
        (0.95, 0.92, "Unchanged: pneumothorax.", "Sin cambios: neumotórax."),
        (0.95, 0.4, "More likely than before: pneumothorax.", "Más probable que antes: neumotórax."),
        (0.4, 0.95, "Less likely than before: pneumothorax.", "Menos probable que antes: neumotórax."),
        (0.05, 0.1, "Nothing was detected then or now.", "No se detectó nada entonces ni ahora."),
        # Another word of the scale, and next to no change.
        (0.52, 0.48, "Unchanged: probable pneumothorax.", "Sin cambios: probable neumotórax."),
        (0.6, 0.4, "Unchanged: probable pneumothorax.", "Sin cambios: probable neumotórax."),
        (0.7, 0.4, "More likely than before: pneumothorax.", "Más probable que antes: neumotórax."),
        (0.21, 0.19, "No clear change: possible pneumothorax.", "Sin cambios claros: posible neumotórax."),
        (0.19, 0.21, "No clear change: possible pneumothorax.", "Sin cambios claros: posible neumotórax."),
        # Certain then and now, and the odds of neither can be divided by.
        (1.0, 1.0, "Unchanged: pneumothorax.", "Sin cambios: neumotórax."),
        (1.0, 0.0, "New: pneumothorax.", "De nueva aparición: neumotórax."),
        (0.0, 1.0, "No longer detected: pneumothorax.", "Ya no detectado: neumotórax."),
    ],
)
def test_a_change_is_told_by_the_words_of_the_scale(now: float, then: float, english: str, spanish: str):
    pair = [found("Pneumothorax", now)], [found("Pneumothorax", then)]
    assert (said(*pair), said(*pair, SPANISH)) == ((english,), (spanish,))


@pytest.mark.parametrize(
    ("now", "then", "expected"),
    [
        (LEFT, RIGHT, Change.ELSEWHERE),
        (Place(zone=Zone.LOWER), Place(zone=Zone.APICAL), Change.ELSEWHERE),
        (Place(Side.BOTH), RIGHT, Change.ELSEWHERE),
        (RIGHT, RIGHT, Change.MORE_LIKELY),
        # What is not known is no other place.
        (RIGHT, None, Change.MORE_LIKELY),
        (None, RIGHT, Change.MORE_LIKELY),
        (Place(Side.RIGHT), Place(zone=Zone.LOWER), Change.MORE_LIKELY),
        # A side that no file says may be the other one.
        (Place(Side.LEFT, as_displayed=True), RIGHT, Change.MORE_LIKELY),
        (LEFT, Place(Side.RIGHT, as_displayed=True), Change.MORE_LIKELY),
    ],
)
def test_a_finding_in_another_place_is_said_to_be(now: Place | None, then: Place | None, expected: Change):
    assert changed([found("Effusion", 0.95, now)], [found("Effusion", 0.6, then)]) == {"Effusion": expected}


def test_another_place_is_said_as_surely_as_the_finding_is():
    now, then = found("Effusion", 0.6, LEFT), found("Effusion", 0.95, RIGHT)
    assert said([now], [then]) == ("Different location or extent: probable pleural effusion.",)
    assert said([now], [then], SPANISH) == ("Distinta localización o extensión: probable derrame pleural.",)


def test_what_may_be_the_same_shadow_is_neither_new_nor_gone():
    now = [found("Pneumonia", 0.05), found("Consolidation", 0.95)]
    then = [found("Pneumonia", 0.95), found("Consolidation", 0.05)]
    assert said(now, then) == ("Consolidation now and pneumonia then may be the same finding.",)
    assert said(now, then, SPANISH) == (
        "Consolidación pulmonar ahora y neumonía entonces pueden corresponder al mismo hallazgo.",
    )


def test_what_may_be_the_same_shadow_as_several_is_said_once_for_each_group_of_them():
    labels = ("Pneumonia", "Consolidation", "Infiltration", "Mass", "Nodule")
    now = [found(label, 0.05 if label in {"Pneumonia", "Mass"} else 0.95) for label in labels]
    then = [found(label, 0.95 if label in {"Pneumonia", "Mass"} else 0.05) for label in labels]
    comparison = compare(now, prior(*then), ENGLISH)
    assert comparison is not None
    assert [(one.text, one.labels) for one in comparison.statements[1:]] == [
        ("Lung nodule now and lung mass then may be the same finding.", ("Nodule", "Mass")),
        (
            "Consolidation and pulmonary infiltrate now and pneumonia then may be the same finding.",
            ("Consolidation", "Infiltration", "Pneumonia"),
        ),
    ]


def test_a_shadow_that_still_has_one_of_its_names_is_not_gone():
    now = [found("Pneumonia", 0.05), found("Consolidation", 0.95)]
    then = [found("Pneumonia", 0.95), found("Consolidation", 0.95)]
    assert changed(now, then) == {"Consolidation": Change.UNCHANGED}


def test_two_names_in_two_places_are_two_shadows():
    now = [found("Nodule", 0.05), found("Mass", 0.95, LEFT)]
    then = [found("Nodule", 0.95, RIGHT), found("Mass", 0.05)]
    assert changed(now, then) == {"Nodule": Change.GONE, "Mass": Change.NEW}


def test_only_labels_that_were_looked_for_in_both_are_compared():
    now = [found("Effusion", 0.95), found("Mass", 0.95), found("Pneumonia", 0.95), found("No_Finding", 0.9)]
    then = [found("Effusion", 0.95), found("Edema", 0.95), found("Consolidation", 0.95)]
    assert said(now, then) == ("Unchanged: pleural effusion.",)
    assert said([found("Mass", 0.95)], [found("Edema", 0.95)]) == ()


def test_what_has_changed_comes_first_and_the_gravest_of_it():
    now = {"Cardiomegaly": 0.95, "Effusion": 0.95, "Pneumothorax": 0.95, "Mass": 0.95, "Fracture": 0.05}
    then = {"Cardiomegaly": 0.95, "Effusion": 0.3, "Pneumothorax": 0.05, "Mass": 0.05, "Fracture": 0.95}
    comparison = compare(
        [found(label, sure) for label, sure in now.items()],
        prior(*(found(label, sure) for label, sure in then.items())),
        ENGLISH,
    )
    assert comparison is not None
    assert [(one.text, one.change) for one in comparison.statements[1:]] == [
        ("New: pneumothorax and lung mass.", Change.NEW),
        ("More likely than before: pleural effusion.", Change.MORE_LIKELY),
        ("No longer detected: fracture.", Change.GONE),
        ("Unchanged: cardiomegaly.", Change.UNCHANGED),
    ]


@pytest.mark.parametrize("language", Language)
def test_a_study_beside_itself_has_not_changed(language: Language):
    findings = [found(label, 0.95, RIGHT) for label in RANK]
    comparison = compare(findings, prior(*findings), language)
    assert isinstance(comparison, Comparison)
    assert {one.change for one in comparison.statements[1:]} == {Change.UNCHANGED}
