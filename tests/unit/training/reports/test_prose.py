from random import Random

import pytest

from shared.domain.findings import FindingStatus
from shared.domain.reports import Language
from training.reports.prose import ProseReader, read_prose
from training.writer.examples import draw_request
from worker_llm.writers.template import write_by_rule

YES, NO = FindingStatus.PRESENT, FindingStatus.ABSENT


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Moderate left effusion with bibasilar atelectases.", {"Effusion": YES, "Atelectasis": YES}),
        (
            "The lungs are clear of air space disease, effusion or pneumothorax.",
            {"Lung_Opacity": NO, "Effusion": NO, "Pneumothorax": NO},
        ),
        ("Heart size appears mildly enlarged.", {"Cardiomegaly": YES}),
        ("The heart is not enlarged.", {"Cardiomegaly": NO}),
        ("Borderline heart.", {"Cardiomegaly": YES}),
        ("Small pericardial effusion.", {}),
        ("A right hydropneumothorax.", {"Effusion": YES, "Pneumothorax": YES}),
        ("The effusions have resolved.", {"Effusion": NO}),
        ("An infiltrate cannot be excluded.", {"Infiltration": YES}),
        ("Cannot exclude an infiltrate.", {"Infiltration": YES}),
        ("Removal of the catheter.", {"Support_Devices": NO}),
        ("A nodular opacity.", {"Lung_Opacity": YES}),
        ("No effusion. Later, a small effusion.", {"Effusion": YES}),
        ("A small effusion. Now no effusion.", {"Effusion": YES}),
        ("", {}),
    ],
)
def test_a_label_is_affirmed_denied_or_not_named(text, said):
    assert read_prose(text) == said


def test_without_names_of_real_reports_it_knows_our_lexicon_alone():
    plain = ProseReader(own_names=False)
    assert plain.read("A small hydropneumothorax, no pleural effusion, pneumonia.") == {
        "Effusion": NO,
        "Pneumonia": NO,  # NegEx carries a denial on to the end of a clause
    }


def test_what_the_rules_write_is_read_as_it_was_meant():
    random = Random(3)
    drawn = (draw_request(random, held_out=False) for _ in range(400))
    for request in (one for one in drawn if one.language is Language.ENGLISH):
        sections = write_by_rule(request)
        read = read_prose(f"{sections.findings} {sections.impression}")
        affirmed = {label for label, status in read.items() if status is YES}
        assert affirmed == set(request.detected()), sections
        assert {label for label, status in read.items() if status is NO} <= set(request.certainties())
