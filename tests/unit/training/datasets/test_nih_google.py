from collections import Counter
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.support.dataset_trees.nih_google import nih_google
from training.datasets import READERS
from training.datasets.base import DatasetError, Problem
from training.datasets.nih_google import labels_of, rows_of
from training.table import Split, State

pytestmark = pytest.mark.real_data
READER = READERS["nih_google"]
ONE = "google2019_nih-chest-xray-labels.csv"


@pytest.mark.parametrize(
    ("table", "prefix"), [("one", ""), ("two", ""), ("two", "four_findings_expert_labels_")]
)
def test_all_forms_give_the_same_records_under_nih_s_patients(tmp_path, pictures, table, prefix):
    reading = READER.read(nih_google(tmp_path, pictures, table=table, prefix=prefix))
    assert not reading.problems
    found = {record.image.rsplit("/", 1)[-1]: record for record in reading.records}
    first, nodule = found["00000013_008.png"], found["00000211_010.png"]
    assert (first.patient, first.study, first.view, first.age_years) == ("nih:13", "nih:13/8", "AP", 60)
    assert {name: record.split for name, record in found.items()} == {
        "00000013_008.png": Split.TEST,
        "00000013_026.png": Split.TEST,
        "00000211_010.png": Split.VALIDATION,
    }
    assert {name: [k for k, state in one.labels.items() if state] for name, one in found.items()} == {
        "00000013_008.png": ["Lung_Opacity"],
        "00000013_026.png": ["Pneumothorax"],
        "00000211_010.png": ["Fracture", "Lung_Lesion"],
    }
    assert set(first.labels) == set(READER.labels)
    assert {"Nodule", "Mass"}.isdisjoint(nodule.labels)


def test_the_real_table_has_the_published_test_half_and_two_images_more_in_the_other(tmp_path):
    spec = find_spec("torchxrayvision")
    assert spec is not None
    assert spec.origin is not None
    (tmp_path / f"{ONE}.gz").symlink_to(Path(spec.origin).parent / "data" / f"{ONE}.gz")
    problems: list[Problem] = []
    rows = list(rows_of(tmp_path, problems))
    assert not problems
    splits = [split for _, split in rows]
    assert (splits.count(Split.TEST), splits.count(Split.VALIDATION)) == (1_962, 2_412 + 2)
    present = Counter(
        label for row, _ in rows for label, state in labels_of(row.cells).items() if state is State.PRESENT
    )
    assert present == {"Fracture": 186, "Pneumothorax": 238, "Lung_Opacity": 2_166, "Lung_Lesion": 605}
    parts = {part: {row.cells["Patient ID"] for row, split in rows if split is part} for part in Split}
    assert not parts[Split.TEST] & parts[Split.VALIDATION]


def test_what_is_missing_or_strange_is_said(tmp_path, pictures):
    root = nih_google(tmp_path, pictures)
    table = root / "four_findings_expert_labels" / "test_labels.csv"
    (root / "four_findings_expert_labels" / "validation_labels.csv").unlink()
    table.write_text(table.read_text().replace("NO,YES,NO,NO", "NO,HEDGE,NO,NO"))
    (root / "images_001" / "images" / "00000013_008.png").unlink()
    reading = READER.read(root)
    assert [(problem.where, problem.reason) for problem in reading.problems] == [
        ("four_findings_expert_labels/validation_labels.csv", "the table is not there"),
        ("00000013_008.png", "the image is not there"),
        ("four_findings_expert_labels/test_labels.csv, row 3", "Pneumothorax is 'HEDGE', not YES or NO"),
    ]


def test_a_part_of_another_name_is_said_and_columns_are_named(tmp_path, pictures):
    root = nih_google(tmp_path, pictures, table="one")
    table = root / ONE
    table.write_text(table.read_text().replace(",val", ",train"))
    assert READER.read(root).problems[0].reason == "Set Id is 'train', not val or test"
    table.write_text(table.read_text().replace("Set Id", "Set"))
    with pytest.raises(DatasetError, match="lacks the columns Set Id"):
        READER.read(root)
    with pytest.raises(DatasetError, match=r"holds no google2019_nih-chest-xray-labels\.csv"):
        READER.read(tmp_path / "images_001")
