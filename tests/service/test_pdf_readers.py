"""The PDF of a report, opened by poppler: what people and machines read in it, and that it can be printed."""

import dataclasses
import subprocess
from pathlib import Path

import pytest
from PIL import Image

from shared.domain.orders import Order
from shared.rendering import pdf
from shared.rendering.document import ReportDocument
from shared.rendering.names import in_words
from tests.support.names import EVERY
from tests.support.pictured import AMENDED, PRELIMINARY, WITHDRAWN


def ran(*command: str | Path) -> str:
    """Run a program of poppler, which may complain of nothing."""
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    # It takes a key of the structure tree for one of PDF 1.4's, where it was no boolean.
    complaints = [
        line
        for line in done.stderr.splitlines()
        if line != "Syntax Error: Suspects object is wrong type (boolean)"
    ]
    assert complaints == []
    return done.stdout


@pytest.fixture
def words(tmp_path: Path):
    def read(document: ReportDocument) -> str:
        file = tmp_path / "report.pdf"
        file.write_bytes(pdf.render(document))
        return " ".join(ran("pdftotext", file, "-").split())

    return read


def test_all_that_is_said_is_read(words):
    said = words(AMENDED)
    for part in (
        "AMENDED",
        "Yamada, Tarou (山田 太郎)",
        "Müller, Ánna, Dr.",
        "a.dcm: seems mirrored.",
        "“Cough & fever | <2 weeks>”",
        "Heart: The aorta is wide. No mass.",
        "Amended by Dr. Ada Roe, 2026-01-03 10:00 UTC: The side was wrong.",
        "The mass is known.",
        "version 5 is newer",
        "1 Pneumothorax at the right apex (present, 0.93)",
    ):
        assert part in said
    assert said.count("AMENDED · Page") == 2


@pytest.mark.parametrize(
    "kind", ["Greek", "Thai", "half-width Japanese", "Korean", "Latin-1 and none declared"]
)
def test_a_name_in_another_script_is_read_and_a_damaged_one_is_seen_to_be(words, kind: str):
    name = EVERY[kind].read
    said = words(
        dataclasses.replace(PRELIMINARY, order=dataclasses.replace(PRELIMINARY.order, patient_name=name))
    )
    assert in_words(name) in said


def test_a_letter_that_no_font_has_is_a_number(words):
    order = dataclasses.replace(PRELIMINARY.order, patient_name=EVERY["GB18030 of four bytes"].read)
    assert "王 [U+20000]" in words(dataclasses.replace(PRELIMINARY, order=order))


def test_a_withdrawn_report_says_so_on_every_page(words):
    # At the head, and at the foot of both; across them it is drawn, not written.
    assert words(WITHDRAWN).count("ENTERED IN ERROR") == 3


def test_no_text_is_taken_for_the_template(words):
    attack = '#pagebreak() *bold* _x_ $x^2$ = y @me <here> `code` // no \\ #sys.inputs "[]"'
    order = Order(patient_id=attack)
    said = words(dataclasses.replace(PRELIMINARY, indication=attack, order=order, warnings=[attack]))
    assert (
        said.count(attack) == 1 + 1 + 1 + 2
    )  # indication, patient and warning, and at the foot of two pages


def test_what_cannot_be_shown_is_said(words):
    odd = words(dataclasses.replace(PRELIMINARY, order=Order(patient_name="Roe^ᚠ")))
    assert "Roe, [U+16A0]" in odd
    assert "no glyphs for some characters" in odd
    assert "no glyphs" not in words(PRELIMINARY)


def test_it_prints_on_a4_in_the_language_it_is_written_in(tmp_path: Path):
    file = tmp_path / "report.pdf"
    file.write_bytes(pdf.render(PRELIMINARY))
    told = dict(line.split(":", 1) for line in ran("pdfinfo", file).splitlines())
    assert told["Page size"].strip() == "595.276 x 841.89 pts (A4)"
    assert (told["Tagged"].strip(), told["JavaScript"].strip(), told["Pages"].strip()) == ("yes", "no", "2")
    ran("pdftoppm", "-r", "40", "-png", file, tmp_path / "page")
    for page in sorted(tmp_path.glob("page-*.png")):
        with Image.open(page) as picture:
            grays = picture.convert("L").histogram()
        assert sum(grays[:60]) > 100
        assert sum(grays[250:]) > sum(grays) / 3
