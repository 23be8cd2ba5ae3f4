"""What each sentence is graded, and what each policy makes of it."""

from dataclasses import replace

import pytest

from shared.domain.findings import FindingStatus
from shared.domain.reports import Departures, Grade, Language, Policy, Section
from shared.reporting.departures import in_words
from shared.reporting.fixed import nothing_detected, with_fixed_parts
from shared.reporting.policies import refusals
from shared.reporting.verifier import HeldReport, grade
from tests.support.llm_reports import request_for

PRESENT, ABSENT, UNCERTAIN = FindingStatus.PRESENT, FindingStatus.ABSENT, FindingStatus.UNCERTAIN
STATUSES = {"Effusion": PRESENT, "Nodule": UNCERTAIN, "Pneumothorax": ABSENT, "Mass": ABSENT}
GOOD = "There is a pleural effusion. Possible lung nodule."


def held(findings: str, *, impression: str = GOOD, language: Language = Language.ENGLISH) -> HeldReport:
    request = request_for(STATUSES, language)
    return grade(with_fixed_parts(request, findings, impression), request)


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
        ("Large left pleural effusion.", Grade.UNREAD, ("Effusion",)),
        ("The trachea is midline.", Grade.UNREAD, ()),
        # The loudest of what one sentence says.
        ("There is a fracture, but no pleural effusion.", Grade.CONTRADICTS, ("Fracture", "Effusion")),
    ],
)
def test_a_sentence_has_the_loudest_grade_of_what_it_says(text, expected, labels):
    sentence = held(text).sentences[1]
    assert sentence.text == text
    assert (sentence.grade, sentence.labels) == (expected, labels)


def test_every_sentence_of_the_three_sections_is_graded_and_what_rules_write_is_supported():
    technique, effusion, nodule, denial, *impression = held(GOOD).graded()
    assert (technique.section, technique.text) == (Section.TECHNIQUE, "Chest radiograph, view not stated.")
    assert (effusion.labels, nodule.labels) == (("Effusion",), ("Nodule",))
    assert denial.text == "Looked for and not detected: pneumothorax."
    assert (denial.section, denial.labels) == (Section.FINDINGS, ("Pneumothorax",))
    assert [sentence.section for sentence in impression] == [Section.IMPRESSION] * 2
    assert {sentence.grade for sentence in held(GOOD).sentences} == {Grade.SUPPORTED}


def test_the_report_of_a_study_without_findings_is_supported():
    request = request_for({"Effusion": ABSENT, "Mass": ABSENT}, Language.ENGLISH)
    report = grade(nothing_detected(request), request)
    assert [(sentence.grade, sentence.labels) for sentence in report.sentences[1:]] == [
        (Grade.SUPPORTED, ("Effusion", "Mass"))
    ] * 2
    assert refusals(report, Policy.STRICT, Departures.REFUSE) == ()


def test_where_all_that_was_looked_for_was_detected_nothing_is_denied():
    # A mass may be the same shadow as the nodule.
    request = request_for({"Effusion": PRESENT, "Nodule": UNCERTAIN, "Mass": ABSENT}, Language.ENGLISH)
    report = grade(with_fixed_parts(request, GOOD, GOOD), request)
    said = [(sentence.section, sentence.labels) for sentence in report.sentences[1:]]
    both = [("Effusion",), ("Nodule",)]
    assert said == [
        (section, labels) for section in (Section.FINDINGS, Section.IMPRESSION) for labels in both
    ]
    assert refusals(report, Policy.STRICT, Departures.REFUSE) == ()


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


def test_the_parts_that_rules_write_stay_in_a_grounded_report():
    request = request_for(STATUSES, Language.ENGLISH)
    good = with_fixed_parts(request, GOOD, GOOD)
    for bad in (replace(good, technique="Lateral view."), replace(good, findings=GOOD)):
        assert refusals(grade(bad, request), Policy.GROUNDED, Departures.MARK)


@pytest.mark.parametrize(
    ("language", "said", "first", "second", "third"),
    [
        (
            Language.ENGLISH,
            "No pleural effusion. There is a pneumothorax. There is a fracture. The trachea is midline.",
            "1 sentence of this report contradicts the findings.",
            "2 sentences of this report are not supported by the findings.",
            "1 sentence of this report was not checked against the findings.",
        ),
        (
            Language.SPANISH,
            "No hay derrame pleural. Hay un neumotórax. Hay una fractura. La tráquea está centrada.",
            "1 frase de este informe contradice los hallazgos.",
            "2 frases de este informe no están respaldadas por los hallazgos.",
            "1 frase de este informe no se ha comprobado con los hallazgos.",
        ),
    ],
)
def test_the_reader_is_told_the_loudest_first(language, said, first, second, third):
    nodule = {Language.ENGLISH: "Possible lung nodule.", Language.SPANISH: "Posible nódulo pulmonar."}
    report = held(said, impression=nodule[language], language=language)
    assert list(in_words(report, language)) == [first, second, third]


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


def test_where_nothing_was_detected_the_strict_policy_lets_out_what_the_rule_writes_alone():
    request = request_for({"Effusion": ABSENT, "Mass": ABSENT}, Language.ENGLISH)
    other = replace(nothing_detected(request), impression="No pleural effusion.")
    reasons = refusals(grade(other, request), Policy.STRICT, Departures.REFUSE)
    assert reasons[0] == "says something else than that nothing was detected"
