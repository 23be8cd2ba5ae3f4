import pytest

from shared.domain.findings import ViewPosition
from tests.support.dataset_trees.chexpert import chexpert
from training.datasets import READERS
from training.datasets.base import DatasetError
from training.table import Split, State

pytestmark = pytest.mark.real_data
READER = READERS["chexpert"]


@pytest.mark.parametrize("tables", ["beside", "inside", "above", "batches"])
@pytest.mark.parametrize("small", [False, True])
def test_every_image_is_a_record_wherever_the_tables_lie(tmp_path, pictures, tables, small):
    root = chexpert(tmp_path, pictures, tables=tables, small=small)
    reading = READER.read(root)
    assert not reading.problems
    assert len(reading.records) == 7
    assert all((root / record.image).is_file() for record in reading.records)


def test_the_folder_of_the_release_is_a_root_too(tmp_path, pictures):
    chexpert(tmp_path, pictures)
    reading = READER.read(tmp_path / "CheXpert-v1.0")
    assert not reading.problems
    assert reading.records[0].image == "train/patient00001/study1/view1_frontal.jpg"


def test_two_releases_side_by_side_are_not_mixed(tmp_path, pictures):
    chexpert(tmp_path, pictures)
    chexpert(tmp_path, pictures, small=True)
    missing = "CheXpert-v1.0/train/patient00001/study1/view1_frontal.jpg"
    (tmp_path / missing).unlink()
    reading = READER.read(tmp_path)
    assert [problem.where for problem in reading.problems] == [missing]
    assert {record.image.split("/")[0] for record in reading.records} == {"CheXpert-v1.0"}


def read(tmp_path, pictures):
    return READER.read(chexpert(tmp_path, pictures)).records


def test_uncertain_stays_uncertain_and_blank_is_not_labelled(tmp_path, pictures):
    assert read(tmp_path, pictures)[1].labels == {
        "Cardiomegaly": State.UNCERTAIN,
        "Lung_Opacity": State.PRESENT,
        "Edema": State.UNCERTAIN,
        "Consolidation": State.UNCERTAIN,
        "Atelectasis": State.UNCERTAIN,
        "Effusion": State.UNCERTAIN,
        "Fracture": State.PRESENT,
    }


def test_no_finding_beside_devices_is_kept_as_published(tmp_path, pictures):
    labels = read(tmp_path, pictures)[0].labels
    assert (labels["No_Finding"], labels["Support_Devices"]) == (State.PRESENT, State.PRESENT)


def test_patient_and_study_come_from_the_path(tmp_path, pictures):
    records = read(tmp_path, pictures)[1:4]
    assert {record.patient for record in records} == {"chexpert:patient00002"}
    assert [record.study.rsplit("/")[-1] for record in records] == ["study2", "study1", "study1"]


def test_views_are_as_stated_and_a_frontal_lateral_is_unknown(tmp_path, pictures):
    views = [record.view for record in read(tmp_path, pictures)]
    ap, lateral, unknown, pa = (ViewPosition(name) for name in ("AP", "LATERAL", "UNKNOWN", "PA"))
    assert views == [ap, ap, ap, lateral, ap, unknown, pa]


def test_age_0_and_sex_unknown_are_not_given(tmp_path, pictures):
    record = read(tmp_path, pictures)[4]
    assert (record.sex, record.age_years) == ("", None)


def test_the_tables_are_the_split_and_say_who_labelled(tmp_path, pictures):
    records = read(tmp_path, pictures)
    assert [(r.split, r.labelled_by) for r in records] == [(Split.TRAIN, "text mining")] * 6 + [
        (Split.VALIDATION, "radiologists")
    ]


def test_a_missing_table_and_a_missing_image_are_said(tmp_path, pictures):
    root = chexpert(tmp_path, pictures)
    (root / "CheXpert-v1.0" / "valid.csv").unlink()
    (root / "CheXpert-v1.0" / "train" / "patient00001" / "study1" / "view1_frontal.jpg").unlink()
    reading = READER.read(root)
    assert len(reading.records) == 5
    assert [problem.where for problem in reading.problems] == [
        "CheXpert-v1.0/train/patient00001/study1/view1_frontal.jpg",
        "valid.csv",
    ]


def test_a_state_that_is_none_and_a_path_of_nobody_are_said(tmp_path, pictures):
    root = chexpert(tmp_path, pictures)
    table = root / "CheXpert-v1.0" / "train.csv"
    table.write_text(table.read_text().replace("AP,1.0", "AP,2.0").replace("patient24428", "somebody"))
    reading = READER.read(root)
    assert len(reading.records) == 5
    assert [problem.where for problem in reading.problems] == [
        "CheXpert-v1.0/train.csv, row 2",
        "CheXpert-v1.0/train.csv, row 6",
    ]


def test_all_missing_columns_of_both_tables_are_named_at_once(tmp_path, pictures):
    root = chexpert(tmp_path, pictures)
    for name, column in (("train", "Sex"), ("valid", "AP/PA")):
        table = root / "CheXpert-v1.0" / f"{name}.csv"
        table.write_text(table.read_text().replace(f"{column},", f"the {column},", 1))
    with pytest.raises(
        DatasetError, match=r"train\.csv lacks the columns Sex;.*valid\.csv lacks the columns AP/PA;"
    ):
        READER.read(root)


def test_another_folder_is_refused(tmp_path):
    with pytest.raises(DatasetError, match=r"holds neither train\.csv nor valid\.csv"):
        READER.read(tmp_path)
