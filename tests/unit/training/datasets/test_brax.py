import pytest

from tests.support.dataset_trees.brax import brax
from training.datasets import READERS
from training.datasets.base import DatasetError
from training.datasets.brax import middle_of
from training.table import State

pytestmark = pytest.mark.real_data
READER = READERS["brax"]


@pytest.mark.parametrize("images", ["png", "dicom"])
@pytest.mark.parametrize("version", ["1.0.0", "1.1.0"])
def test_every_image_is_a_record_in_either_version_and_format(tmp_path, pictures, images, version):
    root = brax(tmp_path, pictures, images=images, version=version)
    reading = READER.read(root)
    assert not reading.problems
    assert len(reading.records) == 4
    assert all((root / record.image).is_file() for record in reading.records)


def test_png_is_taken_where_both_are_there(tmp_path, pictures):
    brax(tmp_path, pictures, images="dicom")
    records = READER.read(brax(tmp_path, pictures)).records
    assert all(record.image.endswith(".png") for record in records)


def test_states_are_as_published_and_blank_is_not_labelled(tmp_path, pictures):
    records = READER.read(brax(tmp_path, pictures)).records
    assert records[2].labels == {
        "Cardiomegaly": State.PRESENT,
        "Edema": State.UNCERTAIN,
        "Pneumonia": State.ABSENT,
        "Support_Devices": State.PRESENT,
    }
    assert records[3].labels == {"Effusion": State.PRESENT}


def test_patients_studies_views_and_sexes_are_read(tmp_path, pictures):
    records = READER.read(brax(tmp_path, pictures)).records
    assert [record.patient for record in records] == ["brax:a1", "brax:a1", "brax:b2", "brax:c3"]
    assert [record.study for record in records] == ["brax:9001", "brax:9001", "brax:9002", "brax:9003"]
    assert [record.view.value for record in records] == ["PA", "LATERAL", "AP", "UNKNOWN"]
    assert [record.sex for record in records] == ["F", "F", "M", ""]
    assert {record.split for record in records} == {None}


@pytest.mark.parametrize(
    ("group", "age"),
    [("60-64", 62.5), ("60 to 64", 62.5), ("85 or more", 85), ("45", 45), ("", None), ("60-", None)],
)
def test_a_group_of_ages_stands_for_its_middle(group, age):
    assert middle_of(group) == age


def test_the_group_itself_is_kept(tmp_path, pictures):
    record = READER.read(brax(tmp_path, pictures)).records[2]
    assert (record.age_years, record.attributes["PatientAge"]) == (85, "85 or more")


def test_a_missing_image_and_a_state_that_is_none_are_said(tmp_path, pictures):
    root = brax(tmp_path, pictures)
    table = root / "master_spreadsheet_update.csv"
    table.write_text(table.read_text().replace("20050101,1,", "20050101,x,", 1))
    next((root / "images" / "id_c3").rglob("*.png")).unlink()
    reading = READER.read(root)
    assert len(reading.records) == 2
    assert [problem.where.rsplit("/", 1)[-1] for problem in reading.problems] == [
        "master_spreadsheet_update.csv, row 2",
        "image-3.1.1.9.png",
    ]


def test_missing_columns_are_named(tmp_path, pictures):
    root = brax(tmp_path, pictures)
    table = root / "master_spreadsheet_update.csv"
    table.write_text(table.read_text().replace("PngPath", "Png"))
    with pytest.raises(DatasetError, match="lacks the columns PngPath"):
        READER.read(root)
