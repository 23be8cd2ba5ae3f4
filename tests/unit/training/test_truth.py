"""What follows from what a data set says, on CheXpert's own table and on one that is made here.

The published train.csv lies in torchxrayvision's wheel, which the development environment has.
"""

import csv
import gzip
from collections import Counter
from importlib.metadata import distribution
from typing import NamedTuple

import numpy as np
import pytest

from shared.blanks import Blank
from shared.domain.findings import ViewPosition
from shared.labels import CHESTXRAY14, CHEXPERT14, LABELS
from training.datasets.cells import states_of
from training.datasets.label_names import NAMES
from training.policies import targets_of
from training.recipe import Policy, load_recipe
from training.table import Record, Split, State
from training.truth import MARKS_MENTIONS, told

PRESENT, ABSENT, UNCERTAIN = State.PRESENT, State.ABSENT, State.UNCERTAIN

IRVIN_TABLE_1 = {
    "No_Finding": (16_627, 0, 171_014),
    "Enlarged_Cardiomediastinum": (9_020, 10_148, 168_473),
    "Cardiomegaly": (23_002, 6_597, 158_042),
    "Lung_Lesion": (6_856, 1_071, 179_714),
    "Lung_Opacity": (92_669, 4_341, 90_631),
    "Edema": (48_905, 11_571, 127_165),
    "Consolidation": (12_730, 23_976, 150_935),
    "Pneumonia": (4_576, 15_658, 167_407),
    "Atelectasis": (29_333, 29_377, 128_931),
    "Pneumothorax": (17_313, 2_663, 167_665),
    "Effusion": (75_696, 9_419, 102_526),
    "Pleural_Other": (2_441, 1_771, 183_429),
    "Fracture": (7_270, 484, 179_887),
    "Support_Devices": (105_831, 898, 80_912),
}
"""Studies of the training set: positive, uncertain, negative (arXiv 1901.07031, table 1)."""


def record(dataset="chexpert", *, labelled_by="text mining", **labels: State) -> Record:
    patient = f"{dataset}:1"
    view = ViewPosition.PA
    return Record(dataset, "a.png", patient, patient, view, labels, Split.TEST, labelled_by=labelled_by)


def only(one: Record, blank: Blank) -> dict[str, State]:
    (found,) = told([one], blank=blank)
    return dict(found.labels)


class TrainCsv(NamedTuple):
    """The published train.csv: its distinct rows of labels, and how often each is there."""

    kinds: list[Record]
    studies: list[int]
    frontal: list[int]


@pytest.fixture(scope="module")
def train_csv() -> TrainCsv:
    path = distribution("torchxrayvision").locate_file("torchxrayvision/data/chexpert_train.csv.gz")
    with gzip.open(str(path), "rt", encoding="utf-8", newline="") as file:
        rows = csv.reader(file)
        names = next(rows)[5:]
        images = [(row[0].rsplit("/", 1)[0], row[4], tuple(row[5:])) for row in rows]
    studies = Counter({study: cells for study, _, cells in images}.values())
    frontal = Counter(cells for _, view, cells in images if view in {"AP", "PA"})
    states = [states_of(dict(zip(names, cells, strict=True)), NAMES["chexpert"]) for cells in studies]
    counts = ([times[cells] for cells in studies] for times in (studies, frontal))
    return TrainCsv([record(**each) for each in states], *counts)


def test_with_blanks_as_negatives_the_studies_are_those_of_irvin_s_table(train_csv):
    found = {label: Counter[State]() for label in CHEXPERT14}
    for one, times in zip(told(train_csv.kinds, blank=Blank.ZEROS), train_csv.studies, strict=True):
        for label, state in one.labels.items():
            found[label][state] += times
    assert {
        label: (states[PRESENT], states[UNCERTAIN], states[ABSENT]) for label, states in found.items()
    } == IRVIN_TABLE_1


def test_irvin_s_network_is_taught_by_every_frontal_image(train_csv):
    data = load_recipe("chexpert_ones").data

    def taught(blank: Blank) -> tuple[int, int]:
        targets = targets_of(told(train_csv.kinds, blank=blank), ("Atelectasis",), data.policy)
        target, known, times = targets.targets[:, 0] > 0, targets.known[:, 0] > 0, train_csv.frontal
        return int(np.dot(known & target, times)), int(np.dot(known & ~target, times))

    assert data.blank is Blank.ZEROS
    assert taught(data.blank) == (59_579, 191_010 - 59_579)
    # All that is left otherwise is what is denied, in words (1,025 images) or by "No Finding".
    assert taught(Blank.IGNORE) == (59_579, 17_621)


@pytest.mark.parametrize(
    "name", ["chexpert_ones", "chexpert_multiclass", "chexpert_self_trained", "deep_auc"]
)
def test_the_recipes_whose_authors_take_blanks_for_negatives_say_so(name):
    assert load_recipe(name).data.blank is Blank.ZEROS


@pytest.mark.parametrize("dataset", sorted(MARKS_MENTIONS))
def test_a_blank_is_negative_where_the_labeller_only_marks_mentions(dataset):
    one = record(dataset, Edema=UNCERTAIN, Fracture=PRESENT)
    assert only(one, Blank.IGNORE) == {"Edema": UNCERTAIN, "Fracture": PRESENT}
    assert only(one, Blank.ZEROS) == dict.fromkeys(CHEXPERT14, ABSENT) | {
        "Edema": UNCERTAIN,
        "Fracture": PRESENT,
    }


@pytest.mark.parametrize(
    "one",
    [record("nih", Mass=PRESENT), record("padchest", Mass=PRESENT), record("mimic_cxr", labelled_by="")],
    ids=["not in NIH", "not in PadChest", "not where no labeller was"],
)
def test_other_blanks_stay_unknown(one):
    assert only(one, Blank.ZEROS) == one.labels


@pytest.mark.parametrize("blank", list(Blank))
def test_no_finding_denies_what_its_data_set_annotates_and_the_record_does_not_say(blank):
    one = record("nih", No_Finding=PRESENT, Mass=UNCERTAIN)
    denied = dict.fromkeys(CHESTXRAY14, ABSENT)  # not Fracture: NIH never looked for one
    assert only(one, blank) == denied | {"No_Finding": PRESENT, "Mass": UNCERTAIN}


def test_chexpert_s_no_finding_says_nothing_of_devices():
    said = only(record("chexpert", No_Finding=PRESENT), Blank.IGNORE)
    assert said.keys() == set(CHEXPERT14) - {"Support_Devices"}


def test_a_chest_without_a_finding_may_have_a_button_on_it():
    said = only(record("somewhere else", No_Finding=PRESENT), Blank.IGNORE)
    assert said.keys() == LABELS.keys() - {"Support_Devices", "Foreign_Object"}


def test_no_finding_that_is_not_sure_denies_nothing():
    one = record("chexpert", No_Finding=UNCERTAIN)
    assert only(one, Blank.IGNORE) == {"No_Finding": UNCERTAIN}
    assert only(record("chexpert", No_Finding=ABSENT), Blank.IGNORE) == {"No_Finding": ABSENT}


def test_uncertain_stays_uncertain_whatever_becomes_of_blanks():
    (one,) = told([record(Edema=UNCERTAIN)], blank=Blank.ZEROS)
    targets = targets_of([one], ("Edema", "Mass", "Effusion"), Policy.IGNORE)
    assert targets.known.tolist() == [[0, 0, 1]]  # Mass is no label of CheXpert
    assert targets.uncertain.tolist() == [[1, 0, 0]]
