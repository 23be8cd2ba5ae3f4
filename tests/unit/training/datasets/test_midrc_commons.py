import pytest

from shared.domain.findings import ViewPosition
from tests.support.dataset_trees.midrc_commons import CASES, midrc_commons
from training.datasets import READERS
from training.datasets.base import DatasetError
from training.table import State

pytestmark = pytest.mark.real_data
READER = READERS["midrc_commons"]


@pytest.fixture
def root(tmp_path, pictures):
    return midrc_commons(tmp_path, pictures)


@pytest.mark.parametrize("tables", [".", "manifests"])
def test_files_are_told_by_the_series_in_their_header(tmp_path, pictures, tables):
    reading = READER.read(midrc_commons(tmp_path, pictures, tables=tables))
    assert not reading.problems
    assert [record.patient for record in reading.records] == [
        f"midrc_commons:10000364-{case}" for case in (1, 1, 2)
    ]
    assert [record.study.rpartition("/")[2] for record in reading.records] == ["1.8.1", "1.8.2", "1.8.3"]
    assert [record.view for record in reading.records] == [
        ViewPosition.AP,
        ViewPosition.PA,
        ViewPosition.LATERAL,
    ]


def test_sex_and_age_are_the_case_s_and_above_89_is_90(root):
    records = READER.read(root).records
    assert [(record.sex, record.age_years) for record in records] == [("F", 63), ("F", 63), ("M", 90)]


def test_a_test_of_the_patient_is_the_label_and_it_is_said_whose_word_it_is(root):
    records = READER.read(root).records
    assert [record.attributes["covid19_positive"] for record in records] == ["Yes", "Yes", "No"]
    assert [record.labels for record in records] == [
        {"COVID-19": State.PRESENT},
        {"COVID-19": State.PRESENT},
        {"COVID-19": State.ABSENT},
    ]
    assert {record.labelled_by for record in records} == {"test of the patient"}


def test_a_patient_who_was_not_tested_has_no_label(root):
    (root / CASES).write_text((root / CASES).read_text().replace("\tYes\n", "\tNot Reported\n", 1))
    first, *_ = READER.read(root).records
    assert (first.labels, first.labelled_by) == ({}, "")


def test_files_of_no_series_no_case_and_no_image_are_said(root):
    (root / CASES).write_text("\n".join((root / CASES).read_text().splitlines()[:2]))
    (root / "cr_series_file.tsv").unlink()
    (root / "images" / "1.9.2" / "1.9.2.1.dcm").write_bytes(b"broken")
    reasons = [problem.reason for problem in READER.read(root).problems]
    assert reasons[0] == "no manifest of series has the series of this file"
    assert "corrupt or cut off" in reasons[1]
    assert reasons[2] == "the manifest of cases does not have 10000364-2"


def test_missing_manifests_and_columns_are_named(root, tmp_path):
    (root / CASES).write_text((root / CASES).read_text().replace("\tsex", "\tgender"))
    with pytest.raises(DatasetError, match="lacks the columns sex; it has type, project_id"):
        READER.read(root)
    for name in ("cr_series_file.tsv", "dx_series_file.tsv"):
        (root / name).unlink()
    with pytest.raises(DatasetError, match=r"holds no cr_series\*\.tsv"):
        READER.read(root)
    with pytest.raises(DatasetError, match=r"holds no case\*\.tsv"):
        READER.read(tmp_path / "images")
