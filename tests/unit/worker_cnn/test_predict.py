import numpy as np
import pytest

from shared.bundles import CAM_WEIGHTS, GRAPH
from shared.domain.findings import Box, FindingStatus, Place, Side
from tests.support.bundles import tiny_card
from worker_cnn.predict import findings_of, probabilities_of, sigmoid, status_of

CARD = tiny_card({GRAPH: "", CAM_WEIGHTS: ""})


def test_every_label_gets_a_finding_with_its_image():
    findings = findings_of(np.array([3.0, -3.0], np.float32), CARD, image=2, boxes={}, places={})
    assert [(f.label, f.status, f.image) for f in findings] == [
        ("Effusion", FindingStatus.PRESENT, 2),
        ("Mass", FindingStatus.ABSENT, 2),
    ]


def test_a_box_and_a_place_go_to_their_own_label():
    box, place = Box(0.1, 0.1, 0.2, 0.2), Place(Side.LEFT)
    first, second = findings_of(
        np.zeros(2, np.float32), CARD, image=0, boxes={"Mass": box}, places={"Effusion": place}
    )
    assert (first.box, first.place) == (None, place)
    assert (second.box, second.place) == (box, None)


@pytest.mark.parametrize(
    ("probability", "status"),
    [
        (0.39, FindingStatus.ABSENT),
        (0.40, FindingStatus.UNCERTAIN),
        (0.59, FindingStatus.UNCERTAIN),
        (0.60, FindingStatus.PRESENT),
    ],
)
def test_a_status_starts_at_its_threshold(probability, status):
    assert status_of(probability, CARD.labels[0]) is status


def test_a_higher_logit_is_a_higher_probability():
    card = CARD.model_copy(
        update={
            "labels": tuple(label.model_copy(update={"slope": 0.7, "offset": -1.2}) for label in CARD.labels)
        }
    )
    logits = np.linspace(-5.0, 5.0, 21, dtype=np.float32)
    values = [probabilities_of(np.array([logit, 0.0], np.float32), card)[0] for logit in logits]
    assert values == sorted(values)
    assert len(set(values)) == len(values)


def test_extreme_logits_stay_probabilities():
    assert sigmoid(1e6) == 1.0
    assert sigmoid(-1e6) == 0.0
    assert sigmoid(0.0) == 0.5


def test_a_card_with_another_number_of_labels_is_refused():
    with pytest.raises(ValueError, match="zip"):
        probabilities_of(np.zeros(3, np.float32), CARD)
