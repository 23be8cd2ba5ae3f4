"""What the labeller reads in a sentence, and what it refuses to read."""

from collections.abc import Sequence

import pytest

from shared.domain.findings import FindingStatus
from shared.domain.reports import Language
from shared.labels import LABELS, NO_FINDING
from shared.reporting.labeller import read, split_sentences
from shared.reporting.lexicon import LEXICONS, RANK

PRESENT, ABSENT, UNCERTAIN = FindingStatus.PRESENT, FindingStatus.ABSENT, FindingStatus.UNCERTAIN


def said(
    text: str, language: Language = Language.ENGLISH, labels: Sequence[str] = ()
) -> list[tuple[str, FindingStatus]]:
    return [
        (mention.label, mention.status)
        for sentence in read(text, language, labels=labels)
        for mention in sentence.mentions
    ]


READ = [
    ("No pleural effusion or pneumothorax.", [("Effusion", ABSENT), ("Pneumothorax", ABSENT)]),
    (
        "No nodule, lung mass, or consolidation is seen.",
        [("Nodule", ABSENT), ("Mass", ABSENT), ("Consolidation", ABSENT)],
    ),
    # On a chest radiograph these are of the lung and of the pleura, unless another word stands beside them.
    ("There is a mass.", [("Mass", PRESENT)]),
    ("Possible masses, but no effusion.", [("Mass", UNCERTAIN), ("Effusion", ABSENT)]),
    (
        "No consolidation, effusion, or pneumothorax.",
        [("Consolidation", ABSENT), ("Effusion", ABSENT), ("Pneumothorax", ABSENT)],
    ),
    ("There is cardiomegaly without pulmonary edema.", [("Cardiomegaly", PRESENT), ("Edema", ABSENT)]),
    ("Possible pneumonia, but no pleural effusion.", [("Pneumonia", UNCERTAIN), ("Effusion", ABSENT)]),
    ("Pneumothorax cannot be excluded.", [("Pneumothorax", UNCERTAIN)]),
    ("Nodules and opacities are suspected.", [("Nodule", UNCERTAIN), ("Lung_Opacity", UNCERTAIN)]),
    ("Support devices are in place.", [("Support_Devices", PRESENT)]),
    ("COVID-19 pneumonia is possible.", [("COVID-19", UNCERTAIN)]),
    ("No radiopaque foreign body is seen.", [("Foreign_Object", ABSENT)]),
    ("Foreign objects are seen.", [("Foreign_Object", PRESENT)]),
    ("The heart is not enlarged; no pulmonary oedema.", [("Cardiomegaly", ABSENT), ("Edema", ABSENT)]),
    ("There is fibrosis, and there is no fracture.", [("Fibrosis", PRESENT), ("Fracture", ABSENT)]),
    ("There may be a hiatal hernia.", [("Hernia", UNCERTAIN)]),
    ("Probable diaphragmatic (hiatal) hernia.", [("Hernia", UNCERTAIN)]),
    ("Pneumonia is probable.", [("Pneumonia", UNCERTAIN)]),
    ("1. Cardiomegaly.\n2. Possible nodule.", [("Cardiomegaly", PRESENT), ("Nodule", UNCERTAIN)]),
]
READ_IN_SPANISH = [
    ("No se observa derrame pleural ni neumotórax.", [("Effusion", ABSENT), ("Pneumothorax", ABSENT)]),
    ("No se puede descartar una neumonía.", [("Pneumonia", UNCERTAIN)]),
    ("Se observan una masa pulmonar e infiltrados.", [("Mass", PRESENT), ("Infiltration", PRESENT)]),
    ("Hay una masa.", [("Mass", PRESENT)]),
    ("No se observa derrame ni neumotórax.", [("Effusion", ABSENT), ("Pneumothorax", ABSENT)]),
    ("Cardiomegalia sin edema pulmonar.", [("Cardiomegaly", PRESENT), ("Edema", ABSENT)]),
    ("Hay enfisema, pero no se observa fractura.", [("Emphysema", PRESENT), ("Fracture", ABSENT)]),
    ("La silueta cardiaca no esta aumentada de tamano.", [("Cardiomegaly", ABSENT)]),
    ("Probable hernia de hiato.", [("Hernia", UNCERTAIN)]),
    ("Neumonía por COVID-19 no puede descartarse.", [("COVID-19", UNCERTAIN)]),
    ("Se observan cuerpos extraños metálicos.", [("Foreign_Object", PRESENT)]),
    ("No se observan objetos extraños.", [("Foreign_Object", ABSENT)]),
]


@pytest.mark.parametrize(("text", "expected"), READ)
def test_english_is_read(text, expected):
    assert said(text) == expected


@pytest.mark.parametrize(("text", "expected"), READ_IN_SPANISH)
def test_spanish_is_read(text, expected):
    assert said(text, Language.SPANISH) == expected


@pytest.mark.parametrize(
    "text",
    [
        "No pneumothorax, cardiomegaly is present.",
        "No pneumothorax and cardiomegaly is present.",
        "Possible nodule and cardiomegaly.",
        "No suspected pneumothorax.",
        "No pneumothorax without effusion.",
        "No. Pneumothorax.",
        "Pneumothorax or cardiomegaly.",
        "Pneumothorax is no.",
        "Is pneumonia, no pneumonia.",
    ],
)
def test_what_can_be_read_two_ways_is_not_read(text):
    assert any(not sentence.readable for sentence in read(text, Language.ENGLISH))


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Left lower lobe pneumonia.", "side or zone"),
        ("Pneumothorax is unchanged.", "comparison with a prior"),
        ("A 12mm nodule.", "measurement"),
        ("Severe emphysema.", "severity"),
        ("A pacemaker is seen.", "device"),
        ("The patient has pneumonia.", "patient data"),
        ("Repeat radiograph.", "recommendation"),
        ("I see pneumonia.", "talk"),
        ("Purple pneumonia.", "unknown word"),
    ],
)
def test_a_word_that_no_finding_carries_is_named_by_its_kind(text, kind):
    (sentence,) = read(text, Language.ENGLISH)
    assert kind in {found for _, found in sentence.strange}


@pytest.mark.parametrize(
    "text",
    [
        "The lungs are clear.",
        "No other abnormality is detected.",
        "No acute cardiopulmonary abnormality.",
        "The heart size is normal.",
        "A hernia is present.",
        "There is a mediastinal mass.",
        "No mass effect.",
        "No pericardial effusion.",
    ],
)
def test_what_no_label_stands_for_is_not_read(text):
    (sentence,) = read(text, Language.ENGLISH)
    assert sentence.strange
    assert not sentence.mentions


def test_a_label_of_a_foreign_classifier_is_understood_by_its_own_id():
    assert said("Scoliosis is seen.", labels=["Scoliosis"]) == [("Scoliosis", PRESENT)]
    assert said("No aortic elongation.", labels=["Aortic_Elongation"]) == [("Aortic_Elongation", ABSENT)]


def test_every_label_of_the_vocabulary_has_its_words_in_every_language():
    assert set(RANK) == set(LABELS) - {NO_FINDING}
    for lexicon in LEXICONS.values():
        assert set(lexicon.terms) == set(RANK)


def test_a_full_stop_without_a_space_does_not_hide_a_sentence():
    assert split_sentences("No effusion.Pneumothorax.") == ["No effusion.Pneumothorax."]
    assert said("No effusion.Pneumothorax.") == []


def test_a_number_that_counts_nothing_stays_where_it_stands():
    assert split_sentences("1. No effusion.\n3. No nodule.") == ["No effusion.", "3.", "No nodule."]
    assert split_sentences("- No effusion.\n1. No nodule.") == ["No effusion.", "No nodule."]


def test_a_phrase_has_one_meaning():
    with pytest.raises(ValueError, match="'pleural effusion' has two meanings in the en lexicon"):
        read("No pleural effusion.", Language.ENGLISH, labels=["Pleural_Effusion"])
