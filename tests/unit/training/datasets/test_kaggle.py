"""RSNA's and SIIM-ACR's challenges on Kaggle, whose images are NIH's."""

import zipfile
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from shared.domain.findings import ViewPosition
from tests.support.dataset_trees.kaggle import MAPPING, NAMES, UIDS, rsna_pneumonia, siim_acr
from tests.unit.training.datasets.test_regions import pixels
from training.datasets import READERS
from training.datasets.base import DatasetError, Problem
from training.datasets.csv_tables import open_table
from training.datasets.regions import relative_runs
from training.datasets.rsna_pneumonia import annotated
from training.datasets.siim_acr import masks_by_image
from training.table import Record, Region, State

pytestmark = pytest.mark.real_data
RSNA = READERS["rsna_pneumonia"]
SIIM = READERS["siim_acr"]


def wheel() -> Path:
    """Return the folder of tables in torchxrayvision's package."""
    spec = find_spec("torchxrayvision")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "data"


@pytest.fixture
def rsna(tmp_path, pictures):
    return rsna_pneumonia(tmp_path, pictures)


def of_rsna(root) -> list[Record]:
    return list(RSNA.read(root).records)


def test_an_opacity_like_pneumonia_is_both_and_another_abnormal_image_says_nothing_of_opacities(rsna):
    assert not RSNA.read(rsna).problems
    assert [record.labels for record in of_rsna(rsna)] == [
        {"Pneumonia": State.ABSENT, "Lung_Opacity": State.ABSENT, "No_Finding": State.PRESENT},
        {"Pneumonia": State.PRESENT, "Lung_Opacity": State.PRESENT, "No_Finding": State.ABSENT},
        {"Pneumonia": State.ABSENT, "No_Finding": State.ABSENT},
    ]


def test_boxes_are_fractions_of_the_image(rsna):
    assert of_rsna(rsna)[1].boxes == (
        Region("Pneumonia", 0.25, 0.125, 0.5, 0.625),
        Region("Pneumonia", 0.625, 0.125, 0.875, 0.625),
    )


def test_the_mapping_makes_them_patients_of_nih(rsna):
    assert [(record.patient, record.study) for record in of_rsna(rsna)] == [
        ("nih:13", "nih:13/8"),
        ("nih:13", "nih:13/26"),
        ("nih:30805", "nih:30805/0"),
    ]
    assert [record.view for record in of_rsna(rsna)] == [ViewPosition.PA, ViewPosition.AP, ViewPosition.AP]


def test_without_the_mapping_or_the_classes_it_is_said(rsna):
    (rsna / MAPPING).unlink()
    (rsna / "stage_2_detailed_class_info.csv").unlink()
    reading = RSNA.read(rsna)
    assert [problem.where for problem in reading.problems] == ["stage_2_detailed_class_info.csv", MAPPING]
    assert [record.patient for record in reading.records] == [f"rsna_pneumonia:{name}" for name in NAMES]
    assert [record.labels for record in reading.records] == [
        {"Pneumonia": State.ABSENT},
        {"Pneumonia": State.PRESENT, "Lung_Opacity": State.PRESENT, "No_Finding": State.ABSENT},
        {"Pneumonia": State.ABSENT},
    ]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (",,,,,0\n", ",,,,,1\n", "Target '1' does not go with the other cells"),
        (",,,,,0\n", ",,,,,2\n", "Target '2' does not go with the other cells"),
        ("80.0,16.0,32.0,64.0,1", ",,,,0", "Target '0' does not go with the other cells"),
        ("80.0,16.0", "1640.0,16.0", "a box is left out: "),
    ],
)
def test_rows_that_contradict_themselves_are_said(rsna, old, new, said):
    table = rsna / "stage_2_train_labels.csv"
    table.write_text(table.read_text().replace(old, new, 1))
    (problem,) = [one for one in RSNA.read(rsna).problems if "class" not in one.where]
    assert problem.reason.startswith(said)


def test_classes_and_mappings_of_another_form_are_said(rsna):
    table = rsna / "stage_2_detailed_class_info.csv"
    table.write_text(table.read_text().replace(",Normal", ",Lung Opacity") + "other,Normal\n")
    assert [problem.reason for problem in RSNA.read(rsna).problems] == [
        "'Lung Opacity' does not go with Target 0",
        "stage_2_train_labels.csv does not have the image other",
    ]
    (rsna / MAPPING).write_text('[{"img_id": "x"}]')
    with pytest.raises(DatasetError, match="is no list of subset_img_id and img_id"):
        RSNA.read(rsna)


def test_images_that_are_away_and_another_folder_are_named(rsna):
    (rsna / "stage_2_train_images" / f"{NAMES[0]}.dcm").unlink()
    (rsna / "stage_2_train_images" / f"{NAMES[1]}.dcm").write_bytes(b"broken")
    reading = RSNA.read(rsna)
    assert len(reading.records) == 1
    assert [problem.where for problem in reading.problems] == [
        f"stage_2_train_images/{name}.dcm" for name in NAMES[:2]
    ]
    with pytest.raises(DatasetError, match=r"holds no stage_2_train_labels\.csv"):
        RSNA.read(rsna / "stage_2_train_images")


def test_the_real_table_has_the_published_images_and_boxes(tmp_path):
    with zipfile.ZipFile(wheel() / "kaggle_stage_2_train_labels.csv.zip") as packed:
        packed.extractall(tmp_path)
    problems: list[Problem] = []
    images = annotated(open_table(tmp_path, "stage_2_train_labels.csv"), problems)
    assert not problems
    assert (len(images), sum(image.target for image in images.values())) == (26_684, 6_012)
    assert sum(len(image.boxes) for image in images.values()) == 9_555


@pytest.fixture
def siim(tmp_path, pictures):
    return siim_acr(tmp_path, pictures)


@pytest.mark.parametrize("table", ["train-rle.csv", "stage_2_train.csv"])
def test_an_image_has_all_its_masks_or_is_without_pneumothorax(tmp_path, pictures, table):
    reading = SIIM.read(siim_acr(tmp_path, pictures, table=table))
    assert not reading.problems
    records = {record.image.rsplit("/", 1)[-1]: record for record in reading.records}
    assert [records[f"{uid}.dcm"].labels["Pneumothorax"] for uid in UIDS] == [0, 1, 1]
    assert [len(records[f"{uid}.dcm"].masks) for uid in UIDS] == [0, 2, 1]
    drawn = pixels(records[f"{UIDS[1]}.dcm"].masks[1])
    assert drawn[200:300, 100:102].all()
    assert drawn.sum() == 200
    assert np.argwhere(pixels(records[f"{UIDS[2]}.dcm"].masks[0])).tolist() == [[1023, 1023]]
    assert records[f"{UIDS[0]}.dcm"].patient == "siim_acr:17d40"


def test_what_is_missing_or_contradicts_itself_is_said(siim):
    with (siim / "train-rle.csv").open("a") as table:
        table.write(f"{UIDS[0]},0 1\n{UIDS[2]},0 1048577\nother,-1\n")
    reading = SIIM.read(siim)
    assert [Path(record.image).stem for record in reading.records] == UIDS[1:]
    said = [(problem.where.rsplit("/", 1)[-1], problem.reason) for problem in reading.problems]
    assert [(where, reason.partition(":")[0]) for where, reason in said] == [
        (f"{UIDS[0]}.dcm", "train-rle.csv, row 2"),
        ("train-rle.csv, row 7", "a mask is left out"),
        ("other.dcm", "the image is not there"),
    ]
    with pytest.raises(DatasetError, match=r"holds no train-rle\.csv"):
        SIIM.read(siim / "dicom-images-train")


def test_the_real_table_has_the_published_images_and_each_mask_fits_its_image(tmp_path):
    name = "siim-pneumothorax-train-rle.csv.gz"
    (tmp_path / name).symlink_to(wheel() / name)
    images = masks_by_image(open_table(tmp_path, "siim-pneumothorax-train-rle.csv"))
    texts = [[row.cells["EncodedPixels"] for row in rows] for rows in images.values()]
    assert (len(images), sum(cells != ["-1"] for cells in texts)) == (12_047, 2_669)
    drawn = [cell for cells in texts for cell in cells if cell != "-1"]
    assert len(drawn) == 3_576
    for cell in drawn[::50]:
        relative_runs("Pneumothorax", cell, rows=1024, columns=1024)
