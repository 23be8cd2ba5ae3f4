"""What each sentence is graded, and what each policy makes of it."""

import pytest

from shared.domain.findings import FindingStatus, Place, Side, Zone
from shared.domain.reports import Departures, Grade, Language, Policy
from shared.reporting.departures import in_words
from shared.reporting.policies import refusals
from shared.reporting.request import Prose
from shared.reporting.verifier import HeldProse, grade
from tests.support.llm_reports import request_for

PRESENT, ABSENT, UNCERTAIN = FindingStatus.PRESENT, FindingStatus.ABSENT, FindingStatus.UNCERTAIN
STATUSES = {"Effusion": PRESENT, "Nodule": UNCERTAIN, "Pneumothorax": ABSENT, "Mass": ABSENT}
GOOD = "There is a pleural effusion. Possible lung nodule."


def held(findings: str, *, impression: str = GOOD, language: Language = Language.ENGLISH) -> HeldProse:
    return grade(Prose(findings, impression), request_for(STATUSES, language))


@pytest.mark.parametrize(
    ("text", "expected", "labels"),
    [
        ("There is a pleural effusion.", Grade.SUPPORTED, ("Effusion",)),
        ("No pneumothorax.", Grade.SUPPORTED, ("Pneumothorax",)),
        ("Suspected lung nodule.", Grade.SUPPORTED, ("Nodule",)),
        ("No pleural effusion.", Grade.CONTRADICTS, ("Effusion",)),
        # A mass may be the same shadow as the nodule that was found.
        ("No lung mass.", Grade.CONTRADICTS, ("Mass",)),
        ("There is a pneumothorax.", Grade.UNSUPPORTED, ("Pneumothorax",)),
        ("Possible pneumothorax.", Grade.UNSUPPORTED, ("Pneumothorax",)),
        ("There is a lung nodule.", Grade.UNSUPPORTED, ("Nodule",)),
        ("Possible pleural effusion.", Grade.UNSUPPORTED, ("Effusion",)),
        ("There is a fracture.", Grade.UNSUPPORTED, ("Fracture",)),
        ("No fracture.", Grade.UNSUPPORTED, ("Fracture",)),
        ("Large pleural effusion.", Grade.UNREAD, ("Effusion",)),
        ("The trachea is midline.", Grade.UNREAD, ()),
        # The loudest of what one sentence says.
        ("There is a fracture, but no pleural effusion.", Grade.CONTRADICTS, ("Fracture", "Effusion")),
    ],
)
def test_a_sentence_has_the_loudest_grade_of_what_it_says(text, expected, labels):
    sentence = held(text).sentences[0]
    assert sentence.text == text
    assert (sentence.grade, sentence.labels) == (expected, labels)


@pytest.mark.parametrize(
    ("added", "strict", "refused", "marked"),
    [
        ("No pneumothorax.", True, True, True),
        ("Suspected lung nodule.", False, True, True),
        ("No pleural effusion.", False, False, True),
        ("There is a pneumothorax.", False, False, True),
        ("There is a lung nodule.", False, False, True),
        # Of what the classifier does not know, and of what nobody can read, it cannot be the judge.
        ("There is a fracture.", False, True, True),
        ("The trachea is midline.", False, True, True),
        # These are no reports, whoever wrote them.
        ("There is a pneumothorax", False, False, False),
        ("The trachea is midline. The trachea is midline.", False, False, False),
        ("word " * 200 + "end.", False, False, False),
    ],
)
def test_each_policy_lets_out_what_its_writer_may_say(added, strict, refused, marked):
    impression = f"{GOOD} {added}"
    report = held(GOOD, impression=impression)
    answers = (
        refusals(report, Policy.STRICT, Departures.MARK) == (),
        refusals(report, Policy.GROUNDED, Departures.REFUSE) == (),
        refusals(report, Policy.GROUNDED, Departures.MARK) == (),
    )
    assert answers == (strict, refused, marked), report


def test_a_grounded_report_names_everything_that_was_detected_in_whatever_words():
    named = held("Large left pleural effusion.", impression="Possible lung nodule.")
    assert refusals(named, Policy.GROUNDED, Departures.REFUSE) == ()
    silent = held("Large left pleural effusion.", impression="The trachea is midline.")
    assert refusals(silent, Policy.GROUNDED, Departures.REFUSE) == ("Nodule is not mentioned",)
    assert refusals(silent, Policy.GROUNDED, Departures.MARK) == ()
    assert next(iter(in_words(silent, Language.ENGLISH))) == (
        "Detected by the classifier, and not mentioned in this report: lung nodule."
    )


@pytest.mark.parametrize(
    ("language", "said", "told"),
    [
        (
            Language.ENGLISH,
            "No pleural effusion. There is a pneumothorax. There is a fracture. The trachea is midline.",
            [
                "This report denies what the classifier detected: pleural effusion.",
                "This report states what the classifier did not detect: pneumothorax.",
                "1 sentence of this report contradicts the findings.",
                "2 sentences of this report are not supported by the findings.",
                "1 sentence of this report was not checked against the findings.",
            ],
        ),
        (
            Language.SPANISH,
            "No hay derrame pleural. Hay un neumotórax. Hay una fractura. La tráquea está centrada.",
            [
                "Este informe niega lo que el clasificador detectó: derrame pleural.",
                "Este informe afirma lo que el clasificador no detectó: neumotórax.",
                "1 frase de este informe contradice los hallazgos.",
                "2 frases de este informe no están respaldadas por los hallazgos.",
                "1 frase de este informe no se ha comprobado con los hallazgos.",
            ],
        ),
    ],
)
def test_the_reader_is_told_the_loudest_first(language, said, told):
    nodule = {Language.ENGLISH: "Possible lung nodule.", Language.SPANISH: "Posible nódulo pulmonar."}
    report = held(said, impression=nodule[language], language=language)
    assert list(in_words(report, language)) == told


def test_what_is_stated_beyond_the_findings_is_named_the_gravest_first():
    request = request_for(
        dict.fromkeys(("Hernia", "Mass", "Pneumothorax"), FindingStatus.ABSENT), Language.ENGLISH
    )
    said = "There is a hiatal hernia. Possible lung mass. There is a pneumothorax."
    told = list(in_words(grade(Prose(said, said), request), Language.ENGLISH))
    assert told[0].endswith("did not detect: pneumothorax, lung mass and diaphragmatic (hiatal) hernia.")


def test_nothing_is_told_where_all_is_supported():
    assert list(in_words(held(GOOD), Language.ENGLISH)) == []


@pytest.mark.parametrize(
    ("findings", "impression", "reason"),
    [
        (GOOD, "", "impression: is empty"),
        (GOOD, GOOD.replace("nodule", "no\u0323dul\u0323\u0325e"), "impression: has letters with marks"),
        (
            GOOD,
            "There is a pleural effusion. Possible lung nodule",
            "impression: does not end with a full stop",
        ),
        (GOOD, f"{GOOD} Possible lung nodule.", "impression: repeats 'possible lung nodule.'"),
        (f"{GOOD} {'No mass. ' * 60}", GOOD, "findings: is too long"),
        (
            GOOD,
            f"{GOOD} No pneumothorax without pleural effusion.",
            "impression: no clear meaning: 'No pneumothorax without pleural effusion.'",
        ),
        (
            GOOD,
            f"{GOOD} Suspected lung nodule.",
            "impression: is not in the words of the scale: 'Suspected lung",
        ),
        (GOOD, "There is a pleural effusion.", "impression: Nodule (possible) is not mentioned"),
    ],
)
def test_the_strict_policy_says_what_it_refuses(findings: str, impression: str, reason: str):
    reasons = refusals(held(findings, impression=impression), Policy.STRICT, Departures.REFUSE)
    assert any(given.startswith(reason) for given in reasons), reasons


RIGHT_BASE = Place(Side.RIGHT, Zone.BASAL)


@pytest.mark.parametrize(
    ("text", "place", "expected"),
    [
        ("There is a pleural effusion at the right base.", RIGHT_BASE, Grade.SUPPORTED),
        ("Right pleural effusion.", RIGHT_BASE, Grade.SUPPORTED),
        ("There is a pleural effusion.", RIGHT_BASE, Grade.SUPPORTED),
        ("Left pleural effusion.", RIGHT_BASE, Grade.CONTRADICTS),
        ("Bilateral pleural effusions.", RIGHT_BASE, Grade.UNSUPPORTED),
        ("Right pleural effusion.", Place(Side.BOTH), Grade.UNSUPPORTED),
        ("Pleural effusion at the right apex.", RIGHT_BASE, Grade.UNSUPPORTED),
        ("Right pleural effusion.", None, Grade.UNSUPPORTED),
        ("Right pleural effusion.", Place(None, Zone.BASAL), Grade.UNSUPPORTED),
        # To deny it on the other side is no contradiction.
        ("No pleural effusion on the left.", RIGHT_BASE, Grade.SUPPORTED),
        ("No pleural effusion on the right.", RIGHT_BASE, Grade.CONTRADICTS),
        ("No pleural effusion on the left.", None, Grade.CONTRADICTS),
        ("No pneumothorax on the left.", None, Grade.SUPPORTED),
    ],
)
def test_where_a_finding_is_said_to_be_is_held_against_where_it_was_found(text, place, expected):
    request = request_for(STATUSES, Language.ENGLISH, places={"Effusion": place} if place else {})
    assert grade(Prose(text, GOOD), request).sentences[0].grade is expected


def test_a_writer_that_knows_the_findings_alone_says_where_each_is():
    request = request_for(STATUSES, Language.ENGLISH, places={"Effusion": RIGHT_BASE})
    placed = "Pleural effusion at the right base. Possible lung nodule."
    reasons = refusals(grade(Prose(GOOD, placed), request), Policy.STRICT, Departures.REFUSE)
    assert reasons == ("findings: where Effusion is, is not said",)
    assert refusals(grade(Prose(placed, placed), request), Policy.STRICT, Departures.REFUSE) == ()
