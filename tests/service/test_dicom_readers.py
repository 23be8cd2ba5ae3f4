"""A report's DICOM objects, opened by dcmtk: what it prints, takes out and draws of them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image

from shared.rendering.dicom import (
    encapsulated_pdf,
    measurement_report,
    presentation_state,
    secondary_capture,
    text_report,
)
from shared.rendering.document import ReportDocument
from shared.rendering.formats import FORMATS
from shared.rendering.pdf import render as paper
from tests.support.dicom_documents import ALL, DOCUMENT, SIGNED
from tests.support.dicom_readers import read_by
from tests.support.dicoms import a_dicom, a_picture
from worker_cnn.decoding import prepare


@pytest.fixture
def kept(tmp_path: Path):
    def keep(content: bytes, name: str = "object.dcm") -> Path:
        file = tmp_path / name
        file.write_bytes(content)
        return file

    return keep


@pytest.mark.parametrize("state", ALL)
def test_dsrdump_reads_the_text_in_every_state(kept, state: str):
    document = ALL[state]
    said = read_by("dsrdump", "+Pl", kept(text_report.render(document)))
    assert said.startswith("Basic Text SR Document\n")
    assert document.sections.impression.splitlines()[0] in said
    verified = {"signed", "amended"}
    assert ("Verification Flag   : VERIFIED" in said) is (state in verified)
    assert ("Preliminary Flag    : FINAL" in said) is (state in verified)


@pytest.mark.parametrize("state", [state for state in ALL if state != "withdrawn"])
def test_dsrdump_reads_the_findings_in_every_state(kept, state: str):
    said = read_by("dsrdump", "+Pl", "-Ec", kept(measurement_report.render(ALL[state])))
    assert said.startswith("Comprehensive 3D SR Document\n")
    assert '(60046008,SCT,"Pleural effusion")' in said


def test_dsrdump_reads_the_boxes_and_the_name_in_three_scripts(kept):
    said = read_by("dsrdump", "+Pl", kept(measurement_report.render(SIGNED)))
    assert "(POLYLINE,1000/1500,1500/1500,1500/2250,1000/2250,1000/1500)" in said
    assert "Yamada^Tarou^^Dr.^III=山田^太郎=やまだ^たろう" in said
    assert "Verifying Observers : 2026-01-02 03:09:00 +00:00, Dr. Ada Roe" in said


@pytest.mark.parametrize("name", ["basic-sr", "dicom-sr"])
def test_dsr2html_makes_a_page_of_it(kept, name: str):
    page = read_by("dsr2html", "+U8", kept(FORMATS[name].render(DOCUMENT)))
    assert "Tarou Yamada" in page
    assert "Possible lung nodule." in page
    assert "Nobody has signed it." in page


@pytest.mark.parametrize("state", ["drafted", "signed", "withdrawn"])
def test_dcm2pdf_takes_the_pdf_out_as_it_was(kept, tmp_path: Path, state: str):
    out = tmp_path / "out.pdf"
    read_by("dcm2pdf", kept(encapsulated_pdf.render(ALL[state])), out)
    assert out.read_bytes().rstrip(b"\0") == paper(ALL[state])


def test_dcmj2pnm_draws_the_picture(kept, tmp_path: Path):
    file, out = kept(secondary_capture.render(DOCUMENT)), tmp_path / "out.ppm"
    read_by("dcmj2pnm", "--write-raw-pnm", file, out)
    assert np.array_equal(np.asarray(Image.open(out)), pydicom.dcmread(file).pixel_array)


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_a_viewer_shows_the_radiograph_under_its_boxes_as_it_was_read(kept, tmp_path: Path, photometric: str):
    image = DOCUMENT.images[0]
    instance = image.instance
    assert instance
    sent = a_dicom(
        a_picture(250, 200),
        SOPInstanceUID=instance.sop_instance_uid,
        SeriesInstanceUID=instance.series_instance_uid,
        StudyInstanceUID=instance.study_instance_uid,
        PhotometricInterpretation=photometric,
        RescaleSlope=2,
        RescaleIntercept=-500,
        WindowCenter=1800,
        WindowWidth=1500,
    )
    seen = prepare(sent, name="film.dcm", size=64)
    shown = replace(instance, photometric_interpretation=photometric, shown_range=seen.attributes.shown_range)
    document: ReportDocument = replace(
        DOCUMENT,
        images=[replace(image, size=(200, 250), instance=shown)],
        findings=[line for line in DOCUMENT.findings if line.image == 0],
    )
    state = kept(presentation_state.render(document), "state.dcm")
    drawn, copied = tmp_path / "drawn.pgm", tmp_path / "copied.dcm"
    read_by("dcmp2pgm", "--pstate", state, "--save-pstate", copied, kept(sent), drawn)
    difference = np.asarray(Image.open(drawn)).astype(int) - seen.preview
    assert np.abs(difference).max() <= 1
    (annotation,) = pydicom.dcmread(copied).GraphicAnnotationSequence
    corners = annotation.GraphicObjectSequence[0].GraphicData
    assert list(corners) == [100, 150, 150, 150, 150, 225, 100, 225, 100, 150]
    assert annotation.TextObjectSequence[0].UnformattedTextValue == "Pleural effusion (present, 0.81)"
