import pytest

from shared.domain.findings import ViewPosition
from shared.labels import CHESTXRAY14
from tests.support.dataset_trees.nih_google import nih_google_all
from training.datasets import READERS
from training.datasets.base import DatasetError, Problem
from training.table import Split, State

pytestmark = pytest.mark.real_data
READER = READERS["nih_google_all"]
TABLE = "all_findings_expert_labels/test_labels.csv"


@pytest.mark.parametrize("prefix", ["", "all_findings_expert_labels_"])
def test_each_image_is_a_test_image_of_a_patient_of_nih_s_with_all_fifteen_labels(tmp_path, pictures, prefix):
    reading = READER.read(nih_google_all(tmp_path, pictures, prefix=prefix))
    assert not reading.problems
    found = {record.image.rsplit("/", 1)[-1]: record for record in reading.records}
    assert {name: [k for k, state in one.labels.items() if state] for name, one in found.items()} == {
        "00000211_006.png": ["Atelectasis", "Cardiomegaly", "Pleural_Thickening"],
        "00029560_000.png": ["No_Finding"],
        "00013625_014.png": [],  # abnormal by something beyond the 14, and in the form of the single readers
    }
    first = found["00000211_006.png"]
    assert (first.patient, first.study, first.view) == ("nih:211", "nih:211/6", ViewPosition.PA)
    assert found["00029560_000.png"].study == "nih:29560/0"
    for record in found.values():
        assert set(record.labels) == set(READER.labels)
        assert set(record.labels.values()) <= {State.PRESENT, State.ABSENT}
        assert record.split is Split.TEST
    assert [first.labels[label] for label in CHESTXRAY14[:3]] == [1, 1, 0]


def test_what_is_missing_or_strange_is_said(tmp_path, pictures):
    root = nih_google_all(tmp_path, pictures)
    table = root / TABLE
    table.write_text(
        table.read_text().replace("211,YES,YES,", "211,YES,MAYBE,").replace("29560,NO", "29560,")
    )
    (root / "images_001" / "images" / "00013625_014.png").unlink()
    assert READER.read(root).problems == [
        Problem(f"{TABLE}, row 2", "Atelectasis is 'MAYBE', not YES or NO"),
        Problem(f"{TABLE}, row 3", "Abnormal is '', not YES or NO"),
        Problem("00013625_014.png", "the image is not there"),
    ]


def test_another_table_is_refused_by_its_columns(tmp_path, pictures):
    root = nih_google_all(tmp_path, pictures)
    (root / TABLE).write_text("Image Index,Fracture\n")
    with pytest.raises(DatasetError, match="lacks the columns Image ID, Patient ID, Abnormal"):
        READER.read(root)
    (root / TABLE).unlink()
    with pytest.raises(DatasetError, match="holds no all_findings_expert_labels"):
        READER.read(root)
