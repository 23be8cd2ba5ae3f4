import pytest

from shared.domain.findings import ViewPosition
from tests.support.dataset_trees.mimic_cxr import IMAGES, mimic_cxr, radiologist_labels
from training.datasets import READERS
from training.datasets.base import DatasetError
from training.table import Split, State

pytestmark = pytest.mark.real_data
READER = READERS["mimic_cxr"]


@pytest.mark.parametrize("packed", [True, False])
def test_the_jpg_release_is_read_packed_or_not(tmp_path, pictures, packed):
    root = mimic_cxr(tmp_path, pictures, packed=packed)
    reading = READER.read(root)
    assert not reading.problems
    assert [record.image.rsplit("/", 1)[-1] for record in reading.records] == [
        f"{row[2]}.jpg" for row in IMAGES
    ]
    assert not any(record.sections for record in reading.records)


def test_the_dicom_release_alone_has_images_and_reports_and_says_what_it_lacks(tmp_path, pictures):
    reading = READER.read(mimic_cxr(tmp_path, pictures, release="dicom"))
    assert len(reading.records) == 5
    assert [problem.where for problem in reading.problems] == [
        "mimic-cxr-2.0.0-metadata.csv.gz",
        "mimic-cxr-2.0.0-split.csv.gz",
        "mimic-cxr-2.0.0-chexpert.csv.gz or mimic-cxr-2.0.0-negbio.csv.gz",
    ]
    assert (
        reading.records[0]
        .sections["findings"]
        .startswith("The lungs are clear of focal consolidation. There is a")
    )


@pytest.fixture
def both(tmp_path, pictures):
    mimic_cxr(tmp_path, pictures, release="dicom")
    return mimic_cxr(tmp_path, pictures)


def test_both_releases_in_one_folder_give_one_record_an_image(both):
    reading = READER.read(both)
    assert not reading.problems
    assert len(reading.records) == 5
    assert all(record.image.endswith(".jpg") and record.language == "en" for record in reading.records)


def test_reports_in_their_own_folder_are_found(both, tmp_path):
    for text in list((both / "files").rglob("*.txt")):
        moved = tmp_path / "mimic-cxr-reports" / text.relative_to(both)
        moved.parent.mkdir(parents=True, exist_ok=True)
        text.rename(moved)
    assert all(record.sections["comparison"] == "None." for record in READER.read(both).records)


def test_a_study_s_labels_are_those_of_each_of_its_images(both):
    first, second, other, *_ = READER.read(both).records
    said = {
        "Lung_Opacity": State.UNCERTAIN,
        "Effusion": State.PRESENT,
        "Pneumonia": State.ABSENT,
    }
    assert first.labels == second.labels == said
    assert first.study == second.study != other.study
    assert {first.patient, other.patient} == {"mimic_cxr:10000032"}


def test_a_study_without_a_row_is_not_labelled(both):
    record = READER.read(both).records[2]
    assert (record.labels, record.labelled_by) == ({}, "")


def test_negbio_is_taken_where_chexpert_is_not_there(both):
    assert READER.read(both).records[0].labelled_by == "text mining (CheXpert)"
    (both / "mimic-cxr-2.0.0-chexpert.csv.gz").unlink()
    assert READER.read(both).records[0].labelled_by == "text mining (NegBio)"


def test_a_radiologist_s_labels_are_a_test_set_of_their_own_and_the_mined_ones_stay(both):
    mined = READER.read(both).records
    radiologist_labels(both)
    assert READER.read(both).records == mined
    reading = READERS["mimic_cxr_test"].read(both)
    assert not reading.problems
    (record,) = reading.records
    assert record.labelled_by == "radiologist, from the report"
    assert (record.labels["Cardiomegaly"], record.labels["Lung_Opacity"]) == (State.ABSENT, State.PRESENT)
    assert record.labels["Effusion"] is State.UNCERTAIN
    assert len(record.labels) == 14
    assert (record.image, record.patient, record.split) == (mined[4].image, mined[4].patient, Split.TEST)
    assert record.sections == mined[4].sections


def test_without_the_radiologist_s_table_there_is_no_such_test_set(both):
    with pytest.raises(DatasetError, match=r"holds no mimic-cxr-2\.1\.0-test-set-labeled\.csv"):
        READERS["mimic_cxr_test"].read(both)


def test_labels_of_another_patient_s_study_are_not_taken(both):
    packed = both / "mimic-cxr-2.0.0-chexpert.csv.gz"
    packed.unlink()
    plain = "subject_id,study_id," + ",".join(f"{name}" for name in NAMES)
    (both / "mimic-cxr-2.0.0-chexpert.csv").write_text(f"{plain}\n99,51029426{',1.0' * 14}\n")
    reading = READER.read(both)
    assert reading.records[3].labels == {}
    assert [problem.where for problem in reading.problems] == ["mimic-cxr-2.0.0-metadata.csv.gz, row 5"]


NAMES = (
    "Atelectasis",
    "Cardiomegaly",
    "Consolidation",
    "Edema",
    "Enlarged Cardiomediastinum",
    "Fracture",
    "Lung Lesion",
    "Lung Opacity",
    "No Finding",
    "Pleural Effusion",
    "Pleural Other",
    "Pneumonia",
    "Pneumothorax",
    "Support Devices",
)


def test_views_and_splits_are_as_published(both):
    records = READER.read(both).records
    assert [record.view.value for record in records] == ["PA", "LATERAL", "UNKNOWN", "AP", "LATERAL"]
    assert [record.split for record in records] == [Split.TRAIN] * 3 + [Split.VALIDATION, Split.TEST]
    assert records[2].view is ViewPosition.UNKNOWN


def test_a_missing_image_is_named_by_its_place(both):
    subject, study, dicom, *_ = IMAGES[3]
    place = f"files/p{subject[:2]}/p{subject}/s{study}/{dicom}"
    for end in ("jpg", "dcm"):
        (both / f"{place}.{end}").unlink()
    assert [problem.where for problem in READER.read(both).problems] == [place]


def test_a_table_that_was_cut_off_is_said_and_not_half_read(both):
    table = both / "mimic-cxr-2.0.0-metadata.csv.gz"
    table.write_bytes(table.read_bytes()[:-20])
    with pytest.raises(DatasetError, match=r"metadata\.csv\.gz cannot be read .*; get it again"):
        READER.read(both)


def test_another_folder_is_refused(tmp_path):
    with pytest.raises(DatasetError, match=r"holds no mimic-cxr-2\.0\.0-metadata\.csv or"):
        READER.read(tmp_path)
