"""What a reader of the page must not miss: whose study it is, what is warned about, what the picture is."""

import json
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pydicom
import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]  # ships no types
from pydicom.uid import generate_uid
from sqlalchemy import text

from shared.records.database import Database
from shared.settings import DatabaseSettings
from tests.end_to_end.conftest import OpenTab
from tests.support.browser import Tab
from tests.support.stack import FullStack, wait_until

INDICATION = "Cough\n\nIMPRESSION\nNormal"
UNDER_18 = "under 18"
_TOP = "element => element.getBoundingClientRect().top"


def a_film(samples: Path, **tags: Any) -> bytes:
    dataset = pydicom.dcmread(samples / "chest-4.dcm")
    dataset.SOPInstanceUID = generate_uid()
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    for keyword, value in tags.items():
        setattr(dataset, keyword, value)
    file = BytesIO()
    dataset.save_as(file)
    return file.getvalue()


@pytest.fixture(scope="module")
def child(stack: FullStack, samples: Path) -> str:
    """Return the id of a completed study of a child, sent with a file that is no image."""
    film = a_film(
        samples,
        SpecificCharacterSet="ISO_IR 100",
        PatientID="4711-Ä",
        PatientSex="F",
        PatientAge="009Y",
        StudyDate="20260302",
        PatientName="Niño^María^^",
        PatientBirthDate="20170102",
        AccessionNumber="ACC-42",
        PatientOrientation=["L", "F"],
    )
    files = [("files", ("child.dcm", film)), ("files", ("README.txt", b"Open the viewer."))]
    with httpx.Client(base_url=stack.url, timeout=60) as client:
        answer = client.post("/v1/studies", files=files, data={"indication": INDICATION})
        assert answer.status_code == 202, answer.text
        path = answer.json()["links"]["self"]
        wait_until(
            lambda: client.get(path).json()["status"] == "completed", timeout=180, what="the child's report"
        )
    study_id: str = answer.json()["id"]
    _say_where_the_first_was_seen(stack, study_id)
    return study_id


def _say_where_the_first_was_seen(stack: FullStack, study_id: str) -> None:
    """Give the first sentence of a report what a writer that sees the image would have told of it."""
    region = {"image": 0, "box": {"left": 0.1, "top": 0.2, "right": 0.3, "bottom": 0.4}}
    statement = text(
        "UPDATE reports SET sentences = jsonb_set(sentences, '{0,regions}', CAST(:regions AS jsonb))"
        " WHERE study_id = :study"
    )
    database = Database(DatabaseSettings(url=stack.infra_environment()["CXR_DATABASE_URL"]))
    with database.session() as session:
        session.execute(statement, {"regions": json.dumps([region]), "study": study_id})
    database.close()


@pytest.fixture
def reading(open_tab: OpenTab, child: str) -> Tab:
    tab = open_tab(
        permissions=["clipboard-read", "clipboard-write"], locale="en-GB", timezone_id="Asia/Tokyo"
    )
    tab.open(f"#/studies/{child}")
    tab.wait_until_final()
    tab.wait_for_radiograph()
    tab.settle()
    return tab


def test_the_head_says_whose_study_it_is_and_warns_first(reading: Tab) -> None:
    head = reading.page.locator(".study-head")
    patient = " ".join(head.locator(".patient").inner_text().split())
    assert patient == (
        "Patient id 4711-Ä Sex Female Age 9 years Study date 2 Mar 2026"
        " Name Niño, María Born 2 Jan 2017 Accession ACC-42"
    )
    warnings = head.locator(".warnings")
    assert UNDER_18 in warnings.inner_text()
    assert "1 Warning" in warnings.inner_text()
    assert "README.txt" in head.locator(".set-aside").inner_text()
    assert UNDER_18 in reading.section("impression").split(".")[0]
    report = reading.page.locator("#report")
    assert report.locator("h3").first.inner_text() == "Indication (as given by the sender)"
    assert reading.section("indication") == INDICATION


def test_a_copied_report_says_how_it_stands_then_warns_and_quotes_the_indication(reading: Tab) -> None:
    reading.page.get_by_role("button", name="Copy").click()
    reading.page.locator(".toast", has_text="Report copied").wait_for()
    copied = reading.page.evaluate("navigator.clipboard.readText()").splitlines()
    assert copied[:3] == ["Preliminary: not signed", "", "WARNINGS"]
    assert UNDER_18 in copied[3]
    assert copied.count("IMPRESSION") == 1, "the indication's own headings are no headings of the report"


def test_the_picture_is_shown_bare_and_says_what_it_is(reading: Tab) -> None:
    heatmap = reading.page.get_by_role("button", name="Heatmap", exact=True)
    assert heatmap.get_attribute("aria-pressed") == "false"
    assert (
        "Preview 472 \u00d7 472 of 472 \u00d7 472" in reading.page.locator(".frame .north-west").inner_text()
    )
    letters = {
        edge: reading.page.locator(f".frame .at-{edge}").inner_text()
        for edge in ("left", "right", "top", "bottom")
    }
    assert letters == {"left": "R", "right": "L", "top": "H", "bottom": "F"}


def test_paper_has_the_patient_the_picture_and_a_date_with_its_zone_on_white(reading: Tab) -> None:
    page = reading.page
    page.emulate_media(media="print", color_scheme="dark")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    head = page.locator(".study-head").inner_text()
    assert "4711-Ä" in head
    assert UNDER_18 in head
    assert "GMT+9" in head
    assert str(page.evaluate("new Date().getFullYear()")) in head
    picture = page.locator(".key-image canvas")
    assert picture.is_visible()
    gray = "c => c.getContext('2d').getImageData(c.width / 2, c.height / 2, 1, 1).data[3]"
    assert picture.evaluate(gray) == 255
    assert page.locator("#radiograph").is_hidden()
    grounds = page.evaluate(
        "['body', '#report', '.warnings'].map((at) =>"
        " getComputedStyle(document.querySelector(at)).backgroundColor)"
    )
    assert set(grounds) == {"rgb(255, 255, 255)"}
    tops = [page.locator(at).evaluate(_TOP) for at in (".warnings", "#report", ".key-image")]
    assert tops == sorted(tops)


def test_a_sentence_shows_on_the_picture_what_it_rests_on(reading: Tab, stack: FullStack, child: str) -> None:
    report = httpx.get(f"{stack.url}/v1/studies/{child}/report", timeout=30).json()
    seen, *resting = [one for one in report["sentences"] if one["regions"] or one["evidence"]]
    buttons = reading.page.locator("#report .sentence")
    assert buttons.all_inner_texts() == [sentence["text"] for sentence in (seen, *resting)]
    beside = [
        f"{one['name']} {one['found']} uncertain agree".lower()
        for one in report["assessments"]
        if one["said"] == "uncertain"
    ]
    shown = reading.page.locator(".assessments tbody tr").all_inner_texts()
    assert [" ".join(row.split()).lower() for row in shown] == beside != []
    selected = reading.page.locator(".finding:has([aria-pressed=true])")
    legend = reading.page.locator(".south-west").get_by_text("Where the report's writer says it saw this")
    selected.locator("button").click()
    bare = reading.pixels()
    buttons.first.click()
    legend.wait_for()
    assert (selected.count(), reading.pixels() != bare) == (0, True)
    reading.page.get_by_role("button", name="Box", exact=True).click()
    assert (reading.pixels(), legend.is_hidden()) == (bare, True)
    for at, sentence in enumerate(resting, start=1):
        if at > 1:
            buttons.nth(at).press("Enter")
        else:
            buttons.nth(at).click()
        labels = [evidence["label"] for evidence in sentence["evidence"]]
        assert selected.get_attribute("data-label") in labels


def test_a_person_s_sentences_are_marked_where_the_findings_do_not_support_them(
    open_tab: OpenTab, stack: FullStack, samples: Path
) -> None:
    invented, unread, author = "There is a pneumothorax.", "The trachea is midline.", "Dr. Ada Roe"
    tab = open_tab(permissions=["clipboard-read", "clipboard-write"])
    study_id = tab.submit(samples / "chest-1.png")
    completed = tab.page.locator("#status").inner_text()
    path = f"{stack.url}/v1/studies/{study_id}/report"
    report = httpx.get(path, timeout=30)
    sections = report.json()["sections"]
    wanted = {
        "technique": sections["technique"],
        "findings": f"{sections['findings']} {invented} {unread}",
        "impression": sections["impression"],
    }
    body = {"author": {"name": author}, "sections": wanted}
    changed = httpx.put(path, json=body, headers={"If-Match": report.headers["etag"]}, timeout=30)
    assert changed.status_code == 200, changed.text

    tab.page.reload()
    tab.wait_until_final()
    assert tab.page.locator("#status").inner_text() == completed, "a changed report completes nothing anew"
    shown = tab.page.locator("#report")
    marks = shown.locator("mark").all_text_contents()
    assert marks == [f"not supported by the findings: {invented}", f"not checked: {unread}"]
    assert f"Written by a person, {author}, from version 1" in shown.inner_text()
    assert "version 2" in shown.locator(".report-facts").inner_text()
    assert report.json()["writer"]["id"] not in shown.inner_text()
    tab.page.get_by_role("button", name="Copy").click()
    tab.page.locator(".toast", has_text="Report copied").wait_for()
    copied = tab.page.evaluate("navigator.clipboard.readText()")
    assert f"[NOT SUPPORTED BY THE FINDINGS: {invented}]" in copied
    assert f"[NOT CHECKED: {unread}]" in copied


def test_the_list_names_the_patient_and_marks_the_warning(tab: Tab, child: str) -> None:
    tab.open()
    row = tab.page.locator(f'.study-row[href="#/studies/{child}"]')
    row.wait_for()
    words = row.inner_text()
    assert "4711-Ä" in words
    assert "Female, 9 years" in words
    assert "2026" in words
    mark = row.locator(".row-warning")
    assert "Warning" in mark.inner_text()
    assert UNDER_18 in (mark.get_attribute("title") or "")


def test_a_critical_finding_is_said_first_by_word_and_sign(tab: Tab, child: str, samples: Path) -> None:
    study_id = tab.submit(samples / "chest-1.png")
    said = tab.page.locator(".study-head").get_by_role("alert")
    assert said.inner_text() == "Critical: Diaphragmatic hernia"
    assert said.locator("svg.mark-critical").is_visible()
    assert said.evaluate(_TOP) < tab.page.locator("#status").evaluate(_TOP)
    assert [found["impact"] for found in Axe().run(tab.page).response["violations"]] == []
    tab.page.locator("summary", has_text="Timeline").click()
    assert "Critical finding: Hernia" in tab.page.locator(".timeline").inner_text()
    tab.open()
    row = tab.page.locator(f'.study-row[href="#/studies/{study_id}"]')
    row.wait_for()
    assert row.locator(".row-critical").inner_text() == "Critical: Diaphragmatic hernia"
    assert row.locator("svg.mark-critical").is_visible()
    assert "Urgent" in row.inner_text()
    tab.page.get_by_label("Critical only").check()
    calm = tab.page.locator(f'.study-row[href="#/studies/{child}"]')
    calm.wait_for(state="detached")
    assert row.is_visible()
    tab.page.get_by_label("Critical only").uncheck()
    calm.wait_for()


def test_files_of_two_patients_are_sent_as_two_studies_or_as_one_on_purpose(tab: Tab, samples: Path) -> None:
    def film(patient: str) -> tuple[str, bytes]:
        content = a_film(samples, PatientID=patient, StudyInstanceUID=generate_uid())
        return f"{patient}.dcm", content

    films = [film("A-1"), film("B-2")]
    for button in ("Send as 2 studies", "It is meant: send as one study"):
        tab.refusals_expected = 1
        tab.open()
        tab.drop_bytes(films)
        tab.send()
        tab.page.get_by_role("alert").get_by_text("A-1.dcm / B-2.dcm").wait_for()
        tab.page.get_by_role("button", name=button).click()
        if "2" in button:
            tab.page.get_by_text("of 2 finished").wait_for()
            tab.page.locator(".study-row").nth(1).wait_for()
            assert tab.page.locator(".study-row").count() == 2
        else:
            tab.page.wait_for_url("**/#/studies/*")
            tab.page.get_by_role("group", name="Images").get_by_role("button").nth(1).wait_for()


def test_studies_that_look_alike_are_found_when_the_reader_asks(
    tab: Tab, stack: FullStack, samples: Path
) -> None:
    with stack.client() as sender:
        asked, twin = (sender.submit(samples / "chest-6-jpeg2000.dcm", wait=180).id for _ in range(2))
    tab.open(f"#/studies/{asked}")
    tab.wait_until_final()
    assert not any("/similar?" in answer.url for answer in tab.responses)
    similar = tab.page.locator("#similar")
    similar.get_by_text("Similar studies").click()
    row = similar.locator("li", has=tab.page.locator(f'a[href="#/studies/{twin}"]'))
    row.wait_for()
    assert "distance 0.00" in row.inner_text()
    assert "No report of it is signed." in row.inner_text()
    wait_until(
        lambda: row.locator("img").evaluate("image => image.naturalWidth") > 0, timeout=30, what="the picture"
    )
    assert Axe().run(tab.page, context="#similar").response["violations"] == []
    row.locator("a").click()
    tab.page.wait_for_url(f"**/#/studies/{twin}")
