import pytest

from shared.domain.findings import ViewPosition
from tests.support.dataset_trees.vindr_cxr import NAMES, kaggle, vindr_cxr
from training.datasets import READERS
from training.datasets.base import DatasetError
from training.datasets.label_names import NAMES as SPELLINGS
from training.table import Record, Region, Split, State, read, write

pytestmark = pytest.mark.real_data
READER = READERS["vindr_cxr"]


def records(root) -> dict[str, Record]:
    return {record.image.rsplit("/", 1)[-1][0]: record for record in READER.read(root).records}


def replace(path, old: str, new: str, count: int = -1) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, count))


@pytest.fixture
def root(tmp_path, pictures):
    return vindr_cxr(tmp_path, pictures)


@pytest.mark.parametrize("tables", ["annotations", "beside", "."])
def test_both_halves_are_read_wherever_the_tables_lie(tmp_path, pictures, tables):
    root = vindr_cxr(tmp_path, pictures, tables=tables)
    reading = READER.read(root)
    assert not reading.problems
    assert [record.split for record in reading.records] == [Split.TRAIN] * 3 + [Split.TEST] * 2
    assert all((root / record.image).is_file() for record in reading.records)


def test_two_of_three_readers_decide(root):
    labels = records(root)["a"].labels
    assert labels["Cardiomegaly"] is State.PRESENT
    assert labels["Lung_Lesion"] is State.ABSENT  # one of three
    assert labels["Fracture"] is State.PRESENT  # two name different bones
    assert labels["No_Finding"] is State.ABSENT


def test_a_tie_of_readers_is_uncertain(root):
    table = root / "annotations" / "image_labels_train.csv"
    lines = table.read_text().splitlines()
    table.write_text("\n".join(line for line in lines if not line.startswith(f"{'a' * 32},R10")))
    labels = records(root)["a"].labels
    assert labels["Fracture"] is labels["Lung_Lesion"] is State.UNCERTAIN
    assert not {"Nodule", "Mass"} & labels.keys()


def test_nodule_or_mass_says_neither_when_it_is_there_and_denies_both_when_not(root):
    found = records(root)
    assert found["c"].labels["Lung_Lesion"] is State.PRESENT
    assert not {"Nodule", "Mass"} & found["c"].labels.keys()
    assert found["b"].labels["Nodule"] is found["b"].labels["Mass"] is State.ABSENT


def test_the_test_half_is_a_consensus_under_its_own_spelling_of_other_diseases(root):
    record = records(root)["d"]
    assert {label for label, state in record.labels.items() if state is State.PRESENT} == {"Effusion"}
    assert (record.labelled_by, record.attributes) == (
        "consensus",
        {"readers": "1", "votes": "Pleural effusion: 1|Other disease: 1"},
    )


def test_every_column_is_a_name_that_we_know():
    assert set(NAMES) | {"Other disease"} == set(SPELLINGS["vindr-cxr"])


def test_votes_are_kept(root):
    record = records(root)["a"]
    assert record.attributes["readers"] == "3"
    assert "Cardiomegaly: 2" in record.attributes["votes"].split("|")


def test_the_share_of_readers_who_see_a_label_is_kept_and_survives_parquet(root, tmp_path):
    write(tmp_path / "table.parquet", READER.read(root).records)
    found = {one.image.split("/")[1][0]: one.votes for one in read(tmp_path / "table.parquet")}
    # A rib for one reader, a clavicle for the next: two of three see a fracture.
    shares = {label: found["a"][label] for label in ("Cardiomegaly", "Fracture", "Lung_Lesion", "Edema")}
    assert shares == pytest.approx(
        {"Cardiomegaly": 2 / 3, "Fracture": 2 / 3, "Lung_Lesion": 1 / 3, "Edema": 0}
    )
    assert found["b"]["Nodule"] == found["b"]["Mass"] == 0
    assert not {"Nodule", "Mass"} & found["a"].keys()
    assert found["d"] == {}, "a consensus has no readers"


def test_boxes_of_most_readers_become_fractions_of_the_file_s_own_size(root):
    assert records(root)["a"].boxes == (
        Region("Cardiomegaly", 40 / 160, 100 / 200, 120 / 160, 150 / 200),
        Region("Cardiomegaly", 36 / 160, 100 / 200, 124 / 160, 152 / 200),
    )
    assert records(root)["d"].boxes == (Region("Effusion", 0.1, 0.6, 0.4, 0.95),)
    assert records(root)["b"].boxes == ()


def test_a_box_over_the_edge_is_cut(root):
    assert records(root)["c"].boxes[1] == Region("Lung_Lesion", 0.5, 0.25, 1.0, 0.35)


def test_each_image_is_a_patient_of_its_own(root):
    found = records(root)
    assert len({record.patient for record in found.values()}) == 5
    record = found["b"]
    assert (record.view, record.sex, record.age_years) == (ViewPosition.PA, "M", 54)


def test_the_competition_s_table_is_read_by_readers_too(tmp_path, pictures):
    root = kaggle(tmp_path, pictures)
    reading = READER.read(root)
    assert not reading.problems
    found = records(root)
    assert [record.split for record in reading.records] == [Split.TRAIN] * 3
    assert found["a"].labels["Cardiomegaly"] is State.PRESENT
    assert found["b"].labels["No_Finding"] is State.PRESENT
    assert "Pneumonia" not in found["a"].labels  # a finding of the whole image, which it leaves out
    assert [box.name for box in found["c"].boxes] == ["Lung_Lesion", "Lung_Lesion"]


def test_a_class_id_that_does_not_fit_its_name_is_said(tmp_path, pictures):
    root = kaggle(tmp_path, pictures)
    replace(root / "train.csv", "Cardiomegaly,3", "Cardiomegaly,4", 1)
    assert [problem.where for problem in READER.read(root).problems] == ["train.csv, row 2"]


def test_a_half_that_is_not_there_is_said(root):
    (root / "annotations" / "image_labels_test.csv").unlink()
    reading = READER.read(root)
    assert [problem.where for problem in reading.problems] == ["image_labels_test.csv"]
    assert len(reading.records) == 3


def test_labels_without_boxes_are_read(root):
    (root / "annotations" / "annotations_train.csv").unlink()
    reading = READER.read(root)
    assert [problem.where for problem in reading.problems] == ["annotations_train.csv"]
    assert len(reading.records) == 5


@pytest.mark.parametrize("cell", ["", "2", "yes"])
def test_a_cell_that_is_neither_yes_nor_no_is_said(root, cell):
    replace(root / "annotations" / "image_labels_test.csv", f"{'d' * 32},0", f"{'d' * 32},{cell}")
    wheres = [problem.where for problem in READER.read(root).problems]
    assert wheres[0] == "annotations/image_labels_test.csv, row 2"
    assert "d" not in records(root)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("40,100,120,150", "120,100,40,150"),
        ("40,100,120,150", "40,100,,150"),
        (f"{'a' * 32},R8,Card", "x,R8,Card"),
    ],
)
def test_a_box_that_is_none_or_of_no_image_is_said(root, old, new):
    replace(root / "annotations" / "annotations_train.csv", old, new)
    reading = READER.read(root)
    assert len(reading.problems) == 1
    assert len(reading.records) == 5


def test_an_image_that_is_away_or_broken_is_named(root):
    (root / "train" / f"{'a' * 32}.dicom").unlink()
    (root / "test" / f"{'d' * 32}.dicom").write_bytes(b"broken")
    assert [problem.where for problem in READER.read(root).problems] == [
        f"train/{'a' * 32}.dicom",
        f"test/{'d' * 32}.dicom",
    ]


def test_missing_columns_of_all_tables_are_named_together(root):
    replace(root / "annotations" / "image_labels_train.csv", "COPD", "copd")
    replace(root / "annotations" / "annotations_test.csv", "x_min", "x")
    with pytest.raises(DatasetError, match=r"lacks the columns COPD; .*lacks the columns x_min; it has"):
        READER.read(root)


def test_another_folder_is_refused(tmp_path):
    with pytest.raises(DatasetError, match=r"holds no annotations/image_labels_train\.csv"):
        READER.read(tmp_path)
