"""The test set of CheXpert, by study and by image, and CheXlocalize, which has the same images outlined."""

import json

import numpy as np
import pytest

from shared.domain.findings import ViewPosition
from shared.labels import CHEXPERT14
from tests.support.dataset_trees.chexpert_test import TWO_BOXES, chexlocalize, chexpert_test
from tests.unit.training.datasets.test_regions import pixels
from training.datasets import READERS
from training.datasets.base import DatasetError
from training.table import Split, State

pytestmark = pytest.mark.real_data
READER = READERS["chexpert_test"]
OUTLINED = READERS["chexlocalize"]
MASKS = "CheXlocalize/gt_segmentations_test.json"


@pytest.mark.parametrize("table", ["studies", "images"])
@pytest.mark.parametrize("home", [".", "CheXpert", "CheXpert-v1.0"])
def test_every_image_of_a_study_has_the_study_s_labels_by_either_table(tmp_path, pictures, table, home):
    root = chexpert_test(tmp_path, pictures, table=table, home=home)
    reading = READER.read(root)
    assert not reading.problems
    assert len(reading.records) == 4
    assert all((root / record.image).is_file() for record in reading.records)
    frontal, lateral, other, _ = reading.records
    shown = {"Enlarged_Cardiomediastinum", "Cardiomegaly", "Lung_Opacity", "Support_Devices"}
    assert frontal.labels == lateral.labels == {label: State(label in shown) for label in CHEXPERT14}
    assert frontal.study == lateral.study == "chexpert:patient64741/study1" != other.study
    assert {record.split for record in reading.records} == {Split.TEST}


def test_a_view_is_lateral_or_not_known_since_nobody_says_pa_or_ap(tmp_path, pictures):
    records = READER.read(chexpert_test(tmp_path, pictures)).records
    assert [record.view for record in records[:2]] == [ViewPosition.UNKNOWN, ViewPosition.LATERAL]
    assert [record.attributes["Frontal/Lateral"] for record in records[:2]] == ["Frontal", "Lateral"]


def test_studies_and_images_that_are_not_there_are_named(tmp_path, pictures):
    root = chexpert_test(tmp_path, pictures)
    (root / "test/patient64742/study1/view1_frontal.jpg").unlink()
    assert [(p.where, p.reason) for p in READER.read(root).problems] == [
        ("CheXpert-v1.0/test/patient64742/study1", "no image of this study is there")
    ]
    (root / "groundtruth.csv").unlink()
    chexpert_test(root, pictures, table="images")
    (root / "test/patient64742/study1/view1_frontal.jpg").unlink()
    assert [p.where for p in READER.read(root).problems] == ["test/patient64742/study1/view1_frontal.jpg"]


@pytest.mark.parametrize(("old", "new"), [("1,0,0,0,0", "-1,0,0,0,0"), ("1,0,0,0,0", ",0,0,0,0")])
def test_a_table_that_is_not_sure_of_a_label_is_another(tmp_path, pictures, old, new):
    root = chexpert_test(tmp_path, pictures)
    table = root / "groundtruth.csv"
    table.write_text(table.read_text().replace(f"patient64750/study1,{old}", f"patient64750/study1,{new}"))
    reading = READER.read(root)
    assert [problem.where for problem in reading.problems] == ["groundtruth.csv, row 4"]
    assert len(reading.records) == 3


def test_a_missing_column_and_another_folder_are_refused(tmp_path, pictures):
    with pytest.raises(DatasetError, match=r"holds no groundtruth\.csv .* and no test_labels\.csv"):
        READER.read(tmp_path)
    root = chexpert_test(tmp_path, pictures)
    table = root / "groundtruth.csv"
    table.write_text(table.read_text().replace("Lung Lesion", "Lesion"))
    with pytest.raises(DatasetError, match=r"lacks the columns Lung Lesion"):
        READER.read(root)


@pytest.fixture
def outlined(tmp_path, pictures):
    return chexlocalize(tmp_path, pictures)


def test_masks_are_of_what_was_outlined_and_zeros_are_none(outlined):
    reading = OUTLINED.read(outlined)
    assert not reading.problems
    assert [record.split for record in reading.records] == [Split.VALIDATION] + [Split.TEST] * 4
    assert [[mask.name for mask in record.masks] for record in reading.records] == [
        ["Cardiomegaly"],
        ["Lung_Opacity"],
        [],
        [],
        [],
    ]
    drawn = np.zeros((96, 96), bool)
    drawn[10:40, 20:60] = drawn[50:52, 70:75] = True
    assert np.array_equal(pixels(reading.records[0].masks[0]), drawn)


def test_the_patients_are_chexpert_s_and_the_images_those_of_its_test_set(outlined):
    assert OUTLINED.read(outlined).records[0].patient == "chexpert:patient64541"
    test = OUTLINED.read(outlined).records[1:]
    assert [(r.image, r.labels) for r in test] == [(r.image, r.labels) for r in READER.read(outlined).records]


def test_a_half_or_its_masks_may_be_missing_and_it_is_said(outlined):
    (outlined / MASKS).unlink()
    (outlined / "CheXpert" / "val_labels.csv").unlink()
    reading = OUTLINED.read(outlined)
    assert [problem.where for problem in reading.problems] == [
        "val_labels.csv",
        "gt_segmentations_test.json",
    ]
    assert len(reading.records) == 4
    assert not any(record.masks for record in reading.records)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"Lump": {"size": [96, 96], "counts": TWO_BOXES}}, "'Lump' is no finding of this data set"),
        ({"Edema": {"size": [96, 95], "counts": TWO_BOXES}}, "the mask of Edema is left out: .* 96 x 95"),
        ({"Edema": {"counts": TWO_BOXES}}, "the mask of Edema is left out: 'size'"),
        ({"Edema": None}, "the mask of Edema is left out"),
    ],
)
def test_a_mask_that_is_none_is_said_and_the_others_stay(outlined, change, said):
    masks = json.loads((outlined / MASKS).read_text())
    masks["patient64741_study1_view1_frontal"].update(change)
    (outlined / MASKS).write_text(json.dumps(masks))
    reading = OUTLINED.read(outlined)
    (problem,) = reading.problems
    assert problem.where == "gt_segmentations_test.json, patient64741_study1_view1_frontal"
    with pytest.raises(AssertionError, match=said):
        raise AssertionError(problem.reason)
    assert [mask.name for mask in reading.records[1].masks] == ["Lung_Opacity"]


@pytest.mark.parametrize("text", ["{", "[]", '{"a": 1}'])
def test_masks_of_another_form_are_refused(outlined, text):
    (outlined / MASKS).write_text(text)
    with pytest.raises(DatasetError, match=r"gt_segmentations_test\.json is no"):
        OUTLINED.read(outlined)


@pytest.mark.parametrize("name", ["Lung Opacity", "Airspace Opacity"])
def test_what_both_tables_lack_is_named_at_once_and_an_opacity_has_two_names(outlined, name):
    for half in ("val", "test"):
        table = outlined / "CheXpert" / f"{half}_labels.csv"
        table.write_text(table.read_text().replace("Lung Opacity", name))
    assert OUTLINED.read(outlined).records[0].labels["Lung_Opacity"] is State.PRESENT
    for half, column in (("val", "Edema"), ("test", "Fracture")):
        table = outlined / "CheXpert" / f"{half}_labels.csv"
        table.write_text(table.read_text().replace(column, f"the {column}"))
    with pytest.raises(
        DatasetError,
        match=r"val_labels\.csv lacks the columns Edema.*test_labels\.csv lacks the columns Fracture",
    ):
        OUTLINED.read(outlined)


def test_a_folder_without_either_table_is_refused(tmp_path):
    with pytest.raises(DatasetError, match=r"holds neither CheXpert/val_labels\.csv nor"):
        OUTLINED.read(tmp_path)
