"""The samples show nobody, say so, and are what their README says."""

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.uid import ExplicitVRLittleEndian, JPEG2000Lossless, JPEGLSLossless, RLELossless

from samples import path
from samples.make import SAMPLES, mark
from samples.synthesis import SIDE, Aligned, ChestModel, draw, learn, nearest
from worker_cnn.decoding import prepare

DICOM_SAMPLES = {
    "chest-4.dcm": (ExplicitVRLittleEndian, "MONOCHROME2"),
    "chest-4-rle.dcm": (RLELossless, "MONOCHROME2"),
    "chest-5-monochrome1-jpegls.dcm": (JPEGLSLossless, "MONOCHROME1"),
    "chest-6-jpeg2000.dcm": (JPEG2000Lossless, "MONOCHROME2"),
}


def test_every_sample_is_there_and_all_are_small():
    files = {file.name: file.stat().st_size for file in path("").glob("chest-*")}
    assert set(files) == {sample.file for sample in SAMPLES}
    assert sum(files.values()) < 4_000_000


@pytest.mark.parametrize("name", DICOM_SAMPLES)
def test_a_dicom_sample_is_marked_synthetic_in_its_tags(name):
    dataset = pydicom.dcmread(path(name))
    assert (dataset.file_meta.TransferSyntaxUID, dataset.PhotometricInterpretation) == DICOM_SAMPLES[name]
    assert str(dataset.PatientName).startswith("SYNTHETIC")
    assert dataset.ImageType[0] == "DERIVED"
    assert dataset.BurnedInAnnotation == "YES"
    assert "no patient" in dataset.ImageComments
    for uid in (dataset.SOPInstanceUID, dataset.StudyInstanceUID, dataset.SeriesInstanceUID):
        assert uid.startswith("2.25.")
        assert uid.is_valid


def test_samples_do_not_share_their_ids():
    uids = [pydicom.dcmread(path(name), stop_before_pixels=True).SOPInstanceUID for name in DICOM_SAMPLES]
    assert len(set(uids)) == len(uids)


@pytest.mark.parametrize(
    ("name", "mode"), [("chest-1.png", "L"), ("chest-2-16bit.png", "I;16"), ("chest-3.jpg", "L")]
)
def test_a_sample_picture_is_marked_synthetic_in_its_comment(name, mode):
    with Image.open(path(name)) as image:
        assert image.mode == mode
        comment = image.info["comment" if name.endswith(".jpg") else "Comment"]
    assert comment in {"Synthetic, belongs to no patient", b"Synthetic, belongs to no patient"}


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.file)
def test_every_sample_has_its_mark_burnt_in(sample):
    shown = prepare(path(sample.file).read_bytes(), name=sample.file, size=64).preview
    corner = np.float32(shown[-28:-6, 6:118])
    letters = mark(np.full((472, 472), 0.5, np.float32))[-28:-6, 6:118]
    assert np.corrcoef(corner.ravel(), letters.ravel())[0, 1] > 0.95


@pytest.fixture(scope="module")
def aligned() -> Aligned:
    random = np.random.default_rng(7)
    y, x = np.mgrid[:SIDE, :SIDE] / SIDE
    films = [
        np.sin(random.uniform(20, 60) * x) * np.cos(random.uniform(20, 60) * y)
        + random.normal(0, 0.1, (SIDE, SIDE))
        for _ in range(14)
    ]
    flows = random.normal(0, 1, (14, 256, 256, 2))
    covered = np.ones((14, SIDE, SIDE), np.float32)
    return Aligned(np.stack(films).astype(np.float32), covered, flows.astype(np.float32))


@pytest.fixture(scope="module")
def model(aligned) -> ChestModel:
    return learn(aligned)


def test_a_draw_is_the_same_for_the_same_seed_and_another_for_another(model):
    first, again, other = draw(model, 1), draw(model, 1), draw(model, 2)
    assert first.shape == (472, 472)
    assert 0 <= first.min() < first.max() <= 1
    assert np.array_equal(first, again)
    assert np.corrcoef(first.ravel(), other.ravel())[0, 1] < 0.99


def test_likeness_is_one_for_a_copy_and_less_for_a_draw(aligned, model):
    copy = nearest(aligned.films[3], aligned.films)
    drawn = nearest(draw(model, 1), aligned.films)
    assert copy.gray == pytest.approx(1)
    assert copy.texture == pytest.approx(1)
    assert drawn.texture < 0.9
