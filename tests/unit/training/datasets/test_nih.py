import pytest

from shared.domain.findings import ViewPosition
from tests.support.dataset_trees.nih import nih
from training.datasets import READERS
from training.datasets.base import DatasetError
from training.table import Record, Region, Split, State

pytestmark = pytest.mark.real_data
READER = READERS["nih"]


def records(root) -> dict[str, Record]:
    return {record.image.rsplit("/", 1)[-1]: record for record in READER.read(root).records}


@pytest.fixture
def root(tmp_path, pictures):
    return nih(tmp_path, pictures)


@pytest.mark.parametrize("year", [2017, 2020])
@pytest.mark.parametrize("archives", [True, False])
def test_every_image_is_a_record_in_either_layout(tmp_path, pictures, year, archives):
    root = nih(tmp_path, pictures, year=year, archives=archives)
    reading = READER.read(root)
    assert not reading.problems
    assert len(reading.records) == 5
    assert all((root / record.image).is_file() for record in reading.records)


def test_listed_labels_are_present_and_all_others_absent(root):
    labels = records(root)["00005567_000.png"].labels
    shown = {"Effusion", "Pleural_Thickening", "Infiltration"}
    assert labels == {label: State(label in shown) for label in READER.labels}


def test_no_finding_is_present_alone(root):
    labels = records(root)["00000002_000.png"].labels
    assert labels == {label: State(label == "No_Finding") for label in READER.labels}


@pytest.mark.parametrize("cell", ["No Finding|Mass", "Mass|Lump"])
def test_a_row_that_contradicts_itself_or_names_something_else_is_left_out(root, cell):
    table = root / "Data_Entry_2017.csv"
    table.write_text(table.read_text().replace("Cardiomegaly|Emphysema", cell))
    reading = READER.read(root)
    assert len(reading.records) == 4
    (problem,) = reading.problems
    assert problem.where == "Data_Entry_2017.csv, row 3"


def test_patients_and_follow_ups_are_told_apart(root):
    found = records(root)
    assert [found[f"00000001_00{k}.png"].patient for k in (0, 1)] == ["nih:1", "nih:1"]
    assert [found[f"00000001_00{k}.png"].study for k in (0, 1)] == ["nih:1/0", "nih:1/1"]


def test_ages_of_the_first_table_are_read_and_impossible_ones_are_none(root):
    found = records(root)
    ages = [found[name].age_years for name in ("00000001_000.png", "00005567_000.png", "00030805_000.png")]
    assert ages == [58, None, pytest.approx(11 / 12)]


def test_sex_and_view_are_read(root):
    record = records(root)["00005567_000.png"]
    assert (record.sex, record.view) == ("F", ViewPosition.AP)


def test_the_official_lists_are_the_split(root):
    splits = [record.split for record in records(root).values()]
    assert splits == [Split.TRAIN] * 3 + [Split.TEST] * 2


def test_without_the_lists_there_is_no_split_and_it_is_said(root):
    (root / "test_list.txt").unlink()
    reading = READER.read(root)
    assert [record.split for record in reading.records] == [Split.TRAIN] * 3 + [None] * 2
    assert [problem.where for problem in reading.problems] == ["test_list.txt"]


def test_an_image_on_both_lists_is_said(root):
    with (root / "test_list.txt").open("a") as names:
        names.write("\n00000001_000.png")
    assert [problem.where for problem in READER.read(root).problems] == ["test_list.txt, 00000001_000.png"]


def test_boxes_are_fractions_of_1024_and_infiltrate_is_infiltration(root):
    first, second = records(root)["00005567_000.png"].boxes
    assert first == Region("Infiltration", 0.25, 0.5, 0.375, 0.5625)
    assert second.name == "Effusion"


@pytest.mark.parametrize(
    "line", ["00005567_000.png,Mass,1000,10,90,10", "00005567_000.png,Lump,1,1,1,1", "x"]
)
def test_a_box_outside_the_image_or_of_nothing_known_is_said(root, line):
    with (root / "BBox_List_2017.csv").open("a") as table:
        table.write(f"{line}\n")
    reading = READER.read(root)
    assert [problem.where for problem in reading.problems] == ["BBox_List_2017.csv, row 4"]
    assert len(records(root)["00005567_000.png"].boxes) == 2


def test_an_archive_that_is_not_there_is_images_that_are_missing(root):
    (root / "images_006" / "images" / "00005567_000.png").unlink()
    reading = READER.read(root)
    assert len(reading.records) == 4
    assert [problem.where for problem in reading.problems] == ["00005567_000.png"]


def test_missing_columns_are_named(root):
    table = root / "Data_Entry_2017.csv"
    table.write_text(table.read_text().replace("Patient Age", "Age").replace("View Position", "View"))
    with pytest.raises(
        DatasetError, match="lacks the columns Patient Age, View Position; it has Image Index"
    ):
        READER.read(root)


def test_another_folder_is_refused(tmp_path):
    with pytest.raises(DatasetError, match=r"holds no Data_Entry_2017_v2020\.csv"):
        READER.read(tmp_path)
