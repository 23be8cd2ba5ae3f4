import pytest

from shared.domain.findings import ViewPosition
from tests.support.dataset_trees.chexpert import chexpert
from tests.support.dataset_trees.chexpert_plus import chexpert_plus
from training.datasets import READERS
from training.datasets.base import DatasetError
from training.table import Split, State

pytestmark = pytest.mark.real_data
READER = READERS["chexpert_plus"]


@pytest.mark.parametrize("images", ["PNG", "DICOM/Uncompressed"])
def test_every_image_is_a_record_in_either_format(tmp_path, pictures, images):
    root = chexpert_plus(tmp_path, pictures, images=images)
    reading = READER.read(root)
    assert not reading.problems
    assert len(reading.records) == 3
    assert all(record.image.startswith(f"{images}/") for record in reading.records)


def test_labels_join_by_a_path_whose_ending_differs(tmp_path, pictures):
    records = READER.read(chexpert_plus(tmp_path, pictures)).records
    assert records[0].image.endswith(".png")
    assert records[0].labels == {"Effusion": State.PRESENT, "Pneumonia": State.UNCERTAIN}
    assert records[2].labels == {"No_Finding": State.PRESENT}


def test_labels_of_the_impression_go_before_those_of_the_report(tmp_path, pictures):
    root = chexpert_plus(tmp_path, pictures)
    (root / "chexbert_labels" / "report_fixed.json").write_text("")
    (root / "chexbert_labels" / "findings_fixed.json").write_text("")
    assert READER.read(root).records[0].labelled_by == "CheXbert on the impression"


def test_labels_of_the_findings_are_better_than_none(tmp_path, pictures):
    records = READER.read(chexpert_plus(tmp_path, pictures, labels="findings")).records
    assert records[0].labelled_by == "CheXbert on the findings"


def test_without_labels_it_is_said(tmp_path, pictures):
    root = chexpert_plus(tmp_path, pictures)
    (root / "chexbert_labels" / "impression_fixed.json").unlink()
    reading = READER.read(root)
    assert [(record.labels, record.labelled_by) for record in reading.records] == [({}, "")] * 3
    assert [problem.where for problem in reading.problems] == ["chexbert_labels"]


def test_a_broken_line_of_labels_is_said_by_its_number(tmp_path, pictures):
    root = chexpert_plus(tmp_path, pictures)
    with (root / "chexbert_labels" / "impression_fixed.json").open("a") as lines:
        lines.write('{"path_to_image": "train/pat\n[1]\n')
    where = [problem.where for problem in READER.read(root).problems]
    assert where == [f"chexbert_labels/impression_fixed.json, line {number}" for number in (4, 5)]


def test_sections_get_their_names_and_empty_ones_are_left_out(tmp_path, pictures):
    first, _, last = READER.read(chexpert_plus(tmp_path, pictures)).records
    assert first.sections["indication"] == "Cough, question of pneumonia."
    assert first.sections["impression"] == '1. Small left pleural effusion, "new".'
    assert first.sections["report"].startswith("RADIOGRAPHIC EXAMINATION")
    assert set(first.sections) == {"report", "indication", "impression"}
    assert last.sections == {"findings": "The lungs are clear."}
    assert first.language == "en"


def test_people_views_and_splits_are_read(tmp_path, pictures):
    first, lateral, last = READER.read(chexpert_plus(tmp_path, pictures)).records
    assert (first.sex, first.age_years, first.split) == ("F", 68, Split.TRAIN)
    assert (lateral.view, last.view) == (ViewPosition.LATERAL, ViewPosition.PA)
    assert (last.split, first.attributes["race"]) == (Split.VALIDATION, "Other")


def test_a_patient_is_the_same_person_as_in_chexpert(tmp_path, pictures):
    plus = READER.read(chexpert_plus(tmp_path / "plus", pictures)).records
    first = READERS["chexpert"].read(chexpert(tmp_path / "first", pictures)).records
    assert {r.patient for r in plus} == {"chexpert:patient00001", "chexpert:patient64541"}
    assert {r.study for r in plus} < {r.study for r in first}


def test_a_chunk_that_is_not_unpacked_is_images_that_are_missing(tmp_path, pictures):
    root = chexpert_plus(tmp_path, pictures)
    (root / "PNG" / "valid" / "patient64541" / "study1" / "view1_frontal.png").unlink()
    reading = READER.read(root)
    assert [problem.where for problem in reading.problems] == ["valid/patient64541/study1/view1_frontal.jpg"]


def test_a_path_that_leads_out_of_the_folder_is_not_followed(tmp_path, pictures):
    root = chexpert_plus(tmp_path / "set", pictures)
    pictures.write(tmp_path / "secret.dcm")
    (root / "PNG" / "train" / "patient00001" / "study1" / "view1_frontal.png").unlink()
    table = root / "df_chexpert_plus_240401.csv"
    table.write_text(
        table.read_text().replace("train/patient00001/study1/view1_frontal.dcm", "../secret.dcm")
    )
    reading = READER.read(root)
    assert [problem.where for problem in reading.problems] == ["train/patient00001/study1/view1_frontal.jpg"]


def test_missing_columns_are_named(tmp_path, pictures):
    root = chexpert_plus(tmp_path, pictures)
    table = root / "df_chexpert_plus_240401.csv"
    table.write_text(table.read_text().replace("section_impression", "impression"))
    with pytest.raises(DatasetError, match="lacks the columns section_impression"):
        READER.read(root)
