"""The report on paper: what archives and readers that read aloud ask of a PDF."""

import dataclasses
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

import pdfua
import pikepdf
import pytest

from shared.domain.orders import NO_ORDER
from shared.domain.reports import Language
from shared.rendering import pdf
from shared.rendering.document import ImageLine, ReportDocument
from shared.rendering.formats import FORMATS
from tests.support.pictured import AMENDED, FINAL, PRELIMINARY, SIZE, WITHDRAWN, a_radiograph

SPANISH = dataclasses.replace(PRELIMINARY, language=Language.SPANISH)
BARE = dataclasses.replace(
    PRELIMINARY, order=NO_ORDER, indication=None, warnings=[], critical=[], pictures={}, sentences=()
)
FOUR = dataclasses.replace(
    PRELIMINARY,
    images=[ImageLine(index, PRELIMINARY.images[0].view, used=True, size=SIZE) for index in range(4)],
    pictures={index: a_radiograph() for index in range(4)},
)
LONG = dataclasses.replace(
    PRELIMINARY,
    sections=dataclasses.replace(PRELIMINARY.sections, findings="No pneumothorax is detected. \n" * 80),
)


def signed_by(name: str) -> ReportDocument:
    """Return a report whose author, in its metadata too, has a name."""
    return dataclasses.replace(FINAL, attestations=[dataclasses.replace(FINAL.attestations[0], name=name)])


def opened(document: ReportDocument) -> pikepdf.Pdf:
    return pikepdf.open(BytesIO(pdf.render(document)))


def elements(element: pikepdf.Object) -> Iterator[pikepdf.Dictionary]:
    """Walk the structure tree."""
    children: pikepdf.Object = element.get("/K", pikepdf.Array())
    for child in children if isinstance(children, pikepdf.Array) else [children]:
        if isinstance(child, pikepdf.Dictionary) and "/S" in child:
            yield child
            yield from elements(child)


@pytest.mark.parametrize(
    ("document", "pages"),
    [
        (PRELIMINARY, 2),
        (FINAL, 2),
        (AMENDED, 2),
        (WITHDRAWN, 2),
        (SPANISH, 2),
        (BARE, 1),
        (FOUR, 2),
        (LONG, 3),
    ],
    ids=["preliminary", "final", "amended", "withdrawn", "spanish", "bare", "four images", "long"],
)
def test_it_is_an_archive_copy_that_can_be_read_aloud(document: ReportDocument, pages: int, tmp_path: Path):
    file = tmp_path / "report.pdf"
    file.write_bytes(pdf.render(document))
    assert pdfua.validate(str(file)).findings == ()
    with pikepdf.open(file) as paper:
        assert len(paper.pages) == pages
        root = paper.Root
        assert root.Lang == document.language.value
        assert root.MarkInfo.Marked
        assert root.ViewerPreferences.DisplayDocTitle
        assert root.OutputIntents[0].S == "/GTS_PDFA1"
        told = paper.open_metadata()
        assert (told["pdfaid:part"], told["pdfaid:conformance"], told["pdfuaid:part"]) == ("2", "A", "1")
        assert told["dc:title"] == document.words.title
        assert told["pdf:Keywords"] == f"{document.status.value}, {document.ai_mark.value}"
        assert told["xmp:CreateDate"] == "2026-01-02T03:04:05+00:00"
        fonts = [
            item for item in paper.objects if isinstance(item, pikepdf.Dictionary) and "/FontName" in item
        ]
        assert fonts
        assert all({"/FontFile2", "/FontFile3"} & set(font.keys()) for font in fonts)


@pytest.mark.parametrize(("document", "count"), [(PRELIMINARY, 3), (FOUR, 5), (BARE, 0)])
def test_every_picture_is_told_in_words(document: ReportDocument, count: int):
    with opened(document) as paper:
        figures = [item for item in elements(paper.Root.StructTreeRoot) if item.S == "/Figure"]
        assert len(figures) == count
        assert all(str(figure.Alt).startswith("Radiograph ") for figure in figures)


def test_the_same_report_gives_the_same_bytes_to_many_at_once():
    documents = [PRELIMINARY, FINAL] * 4
    with ThreadPoolExecutor(8) as pool:
        papers = list(pool.map(pdf.render, documents))
    assert len(set(papers)) == 2
    assert papers[0] == papers[2]


@pytest.mark.parametrize(
    "name", ["山田^太郎", "김^철수", "Папандопуло", "Ωνάσης", "محمد", "שרה", "สมชาย", "अनुराग", "Ångström😀"]
)
def test_a_name_of_any_living_script_is_set_as_it_is(name: str):
    with opened(signed_by(name)) as paper:
        assert paper.open_metadata()["dc:creator"] == [name]


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("Ada ᚠ", "Ada [U+16A0]"),
        ("Ada\u202eRoe", "Ada[U+202E]Roe"),
        ("Ada\x07", "Ada[U+0007]"),
        ("Ada\ue000", "Ada[U+E000]"),
        ("Ada\ud800", "Ada[U+D800]"),
        ("Ada\nRoe", "Ada Roe"),
    ],
    ids=["no font has it", "turns text round", "control", "private", "half a pair", "a line's end"],
)
def test_what_cannot_be_shown_stands_as_its_number(name: str, written: str):
    with opened(signed_by(name)) as paper:
        assert paper.open_metadata()["dc:creator"] == [written]


def test_a_report_is_had_as_pdf_by_its_name_and_by_its_media_type():
    form = FORMATS["pdf"]
    assert (form.media_type, form.extension, form.by_accept, form.pictures) == (
        "application/pdf",
        "pdf",
        True,
        True,
    )
