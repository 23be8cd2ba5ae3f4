import pytest

from shared.domain.findings import ViewPosition
from tests.support.dataset_trees.open_i import open_i
from training.datasets import READERS
from training.datasets.base import DatasetError
from training.datasets.open_i import header_views, labels_of
from training.table import State

pytestmark = pytest.mark.real_data
READER = READERS["open_i"]


def by_stem(root):
    return {record.image.rsplit("/", 1)[-1].rsplit(".", 1)[0]: record for record in READER.read(root).records}


@pytest.mark.parametrize("images", ["NLMCXR_png", "images", ".", "dicom"])
def test_every_image_of_every_report_is_a_record(tmp_path, pictures, images):
    root = open_i(tmp_path, pictures, images=images)
    reading = READER.read(root)
    assert not reading.problems
    assert len(reading.records) == 7
    assert all((root / record.image).is_file() for record in reading.records)


def test_a_report_is_a_patient_with_all_of_its_images(tmp_path, pictures):
    records = READER.read(open_i(tmp_path, pictures)).records
    assert [record.patient for record in records] == [
        f"open_i:CXR{n}" for n in (1, 1, 10, 10, 100, 100, 1000)
    ]


def test_a_term_is_matched_as_a_whole_after_its_qualifiers_are_cut(tmp_path, pictures):
    labels = by_stem(open_i(tmp_path, pictures))["CXR10_IM-0002-1001"].labels
    assert {label for label, state in labels.items() if state is State.PRESENT} == {"Nodule", "Cardiomegaly"}
    assert "Lung_Opacity" not in labels  # of the thorax: perhaps the lung's
    assert labels["Pneumonia"] is State.ABSENT  # a program's term only
    assert labels["No_Finding"] is State.ABSENT


def test_a_normal_report_has_no_finding_and_all_else_absent(tmp_path, pictures):
    labels = by_stem(open_i(tmp_path, pictures))["CXR1_1_IM-0001-3001"].labels
    assert labels == {label: State(label == "No_Finding") for label in READER.labels}


def test_a_report_that_was_not_indexed_is_not_labelled(tmp_path, pictures):
    record = by_stem(open_i(tmp_path, pictures))["CXR100_IM-0002-1001"]
    assert (record.labels, record.labelled_by) == ({}, "")


@pytest.mark.parametrize(
    ("terms", "label", "state"),
    [
        (["Hydropneumothorax"], "Effusion", State.PRESENT),
        (["Mass/breast"], "Mass", None),
        (["Mass/breast", "Mass/lung/lingula"], "Mass", State.PRESENT),
        (["Cicatrix/lung"], "Pleural_Other", State.ABSENT),
        (["Subcutaneous Emphysema"], "Emphysema", State.ABSENT),
        (["Hernia, Hiatal/large"], "Hernia", State.PRESENT),
        ([], "Mass", None),
    ],
)
def test_labels_of_terms(terms, label, state):
    assert labels_of(terms).get(label) == state


def test_blanks_of_de_identification_are_kept_and_empty_sections_left_out(tmp_path, pictures):
    found = by_stem(open_i(tmp_path, pictures))
    assert found["CXR10_IM-0002-1001"].sections["indication"] == "XXXX-year-old with cough"
    assert set(found["CXR100_IM-0002-1001"].sections) == {"comparison", "indication", "impression", "report"}


def test_a_term_s_space_at_the_end_does_not_matter(tmp_path, pictures):
    record = by_stem(open_i(tmp_path, pictures))["CXR1000_IM-0003-2001"]
    assert record.labels["Effusion"] is State.PRESENT
    assert record.attributes["mesh"] == "Technical Quality of Image Unsatisfactory; Pleural Effusion/left"


def test_views_are_as_the_dicom_headers_state_them(tmp_path, pictures):
    found = by_stem(open_i(tmp_path, pictures))
    assert found["CXR1_1_IM-0001-3001"].view is header_views()["CXR1_IM-0001-3001"] is ViewPosition.PA
    assert {record.view for record in found.values()} > {ViewPosition.PA}


def test_a_report_that_is_no_xml_or_tries_to_expand_entities_is_left_out(tmp_path, pictures):
    root = open_i(tmp_path, pictures)
    bomb = (
        '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><eCitation>&b;</eCitation>'
    )
    (root / "ecgen-radiology" / "1.xml").write_text(bomb)
    (root / "ecgen-radiology" / "10.xml").write_text("<eCitation>")
    reading = READER.read(root)
    assert len(reading.records) == 3
    assert [problem.where for problem in reading.problems] == [
        "ecgen-radiology/1.xml",
        "ecgen-radiology/10.xml",
    ]


def test_a_missing_image_is_said(tmp_path, pictures):
    root = open_i(tmp_path, pictures)
    (root / "NLMCXR_png" / "CXR10_IM-0002-1001.png").unlink()
    assert [problem.where for problem in READER.read(root).problems] == ["CXR10_IM-0002-1001"]


def test_another_folder_is_refused(tmp_path):
    with pytest.raises(DatasetError, match=r"unpack NLMCXR_reports\.tgz"):
        READER.read(tmp_path)
