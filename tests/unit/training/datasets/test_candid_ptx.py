import numpy as np
import pytest

from tests.support.dataset_trees.candid_ptx import REPORT, ROOT, candid_ptx
from tests.unit.training.datasets.test_regions import pixels
from training.datasets import READERS
from training.datasets.base import DatasetError
from training.table import Record, State

pytestmark = pytest.mark.real_data
READER = READERS["candid_ptx"]


def records(root) -> dict[str, Record]:
    return {record.image.rsplit(".", 1)[-1]: record for record in READER.read(root).records}


@pytest.fixture
def root(tmp_path, pictures):
    return candid_ptx(tmp_path, pictures)


@pytest.mark.parametrize("folder", ["dataset", "dataset1/dataset", "chest_radiographs"])
@pytest.mark.parametrize("fractures", ["acute_rib_fracture.csv", "Rib_fracture_mask_rle.csv"])
def test_files_without_an_ending_are_found_and_rows_of_one_image_are_one_record(
    tmp_path, pictures, folder, fractures
):
    root = candid_ptx(tmp_path, pictures, folder=folder, fractures=fractures)
    reading = READER.read(root)
    assert not reading.problems
    assert [record.image for record in reading.records] == [f"{folder}/{ROOT}{k}" for k in (1, 2, 3, 4)]
    assert records(root)["2"].labels["Fracture"] is State.PRESENT


def test_a_mask_is_present_minus_one_is_absent_and_blank_is_not_known(root):
    states = [record.labels.get("Pneumothorax") for record in records(root).values()]
    assert states == [State.PRESENT, State.ABSENT, None, State.ABSENT]


def test_masks_of_several_rows_are_all_kept_in_column_order(root):
    first, second = records(root)["1"].masks
    drawn = pixels(first)
    assert (first.name, drawn.shape) == ("Pneumothorax", (1024, 1024))
    assert drawn[200:300, 100:102].all()
    assert drawn.sum() == 200
    assert np.argwhere(pixels(second)).tolist() == [[0, 0]]


def test_a_tube_and_a_fracture_are_there_where_outlined_and_absent_where_minus_one_or_no_row_is(root):
    found = records(root)
    assert [found[name].labels.get("Support_Devices") for name in "1234"] == [0, 0, 0, 1]
    assert [mask.name for mask in found["4"].masks] == ["Support_Devices", "Support_Devices"]
    assert [found[name].labels.get("Fracture") for name in "1234"] == [0, 1, 0, 0]


def test_a_tube_without_an_outline_or_without_a_table_is_not_known(root):
    table = root / "chest_tube.csv"
    table.write_text(table.read_text().replace("tube,-1", "tube,"))
    (root / "acute_rib_fracture.csv").unlink()
    found = records(root)
    assert [found[name].labels.get("Support_Devices") for name in "1234"] == [None, 0, 0, 1]
    assert not any("Fracture" in record.labels for record in found.values())


def test_the_patient_is_what_the_file_was_called_and_a_study_is_of_one_patient(root):
    found = records(root)
    assert [found[name].patient for name in ("1", "2", "3")] == [f"candid_ptx:P000{k}" for k in (1, 1, 2)]
    assert found["1"].study == "candid_ptx:P0001/S1"


def test_a_study_is_read_from_the_file_where_the_table_has_none(tmp_path, pictures):
    root = candid_ptx(tmp_path, pictures, studies=False)
    assert records(root)["1"].study == "candid_ptx:P0001/2.25.2"


def test_the_report_is_whole_with_its_lines_and_quotes(root):
    found = records(root)
    assert (found["1"].sections, found["1"].language) == ({"report": REPORT}, "en")
    assert found["2"].sections["report"] == 'The lungs are "clear".'
    assert (found["3"].sections, found["3"].language) == ({}, "")


def test_sex_and_age_come_from_the_header(root):
    assert (records(root)["1"].sex, records(root)["1"].age_years) == ("F", 40)


def add(root, line: str) -> None:
    with (root / "Pneumothorax_reports.csv").open("a") as table:
        table.write(f"{line}\n")


def test_an_image_of_two_patients_is_left_out(root):
    add(root, f"{ROOT}4,S4,-1,P0009_1.dcm,")
    reading = READER.read(root)
    assert len(reading.records) == 3
    assert [problem.reason for problem in reading.problems] == ["its patient is not known: P0003, P0009"]


def test_a_mask_beside_minus_one_is_no_label(root):
    add(root, f"{ROOT}4,S4,0 1,P0003_1.dcm,")
    reading = READER.read(root)
    assert "Pneumothorax" not in records(root)["4"].labels
    assert "has none: no label" in reading.problems[0].reason


def test_a_mask_that_runs_out_of_the_image_is_left_out_and_the_label_stays(root):
    add(root, f"{ROOT}3,S3,1048570 20,P0002_1.dcm,")
    reading = READER.read(root)
    assert records(root)["3"].labels["Pneumothorax"] is State.PRESENT
    assert not records(root)["3"].masks
    assert "do not describe a mask of 1024 x 1024" in reading.problems[0].reason


@pytest.mark.parametrize("content", [None, b"", b"not DICOM at all" * 20])
def test_an_image_that_is_away_or_broken_is_named(root, content):
    path = root / "dataset" / f"{ROOT}2"
    path.unlink() if content is None else path.write_bytes(content)
    reading = READER.read(root)
    assert len(reading.records) == 3
    (problem,) = reading.problems
    assert problem.where == f"Pneumothorax_reports.csv, row 4 ({ROOT}2)"


def test_tables_may_be_missing_or_name_other_images(root):
    (root / "acute_rib_fracture.csv").unlink()
    with (root / "chest_tube.csv").open("a") as table:
        table.write("9.9,tube,0 1\n")
    assert [problem.where for problem in READER.read(root).problems] == [
        "chest_tube.csv, row 5",
        "acute_rib_fracture.csv",
    ]


def test_missing_columns_and_another_folder_are_refused(root, tmp_path):
    (root / "chest_tube.csv").write_text("SOPInstanceUID,mask_rle\n")
    with pytest.raises(DatasetError, match=r"chest_tube\.csv lacks the columns anon_SOPUID"):
        READER.read(root)
    with pytest.raises(DatasetError, match=r"holds no Pneumothorax_reports\.csv"):
        READER.read(tmp_path / "dataset")
