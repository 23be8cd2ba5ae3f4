"""The page as a person uses it: files go in, the study moves, findings and a report come out."""

import csv
import os
import re
import zipfile
from pathlib import Path

import httpx
import pytest

from tests.end_to_end.conftest import ask
from tests.support.browser import Tab
from tests.support.stack import FullStack, wait_until

ROOT = Path(__file__).resolve().parents[2]
DATA = os.environ.get("CXR_TEST_DATA")
RADIOGRAPHS = [
    ROOT / "samples" / "chest-1.png",
    ROOT / "samples" / "chest-5-monochrome1-jpegls.dcm",
    *([min(Path(DATA).glob("images/nih/*.jpg"))] if DATA else []),
]


@pytest.mark.real_data
@pytest.mark.parametrize("radiograph", RADIOGRAPHS, ids=lambda path: path.name)
def test_a_chosen_radiograph_becomes_a_report_before_the_eyes_of_its_sender(
    tab: Tab, stack: FullStack, radiograph: Path, tmp_path: Path
) -> None:
    study_id = tab.submit(radiograph)
    tab.wait_for_radiograph()
    report = ask(stack, f"/v1/studies/{study_id}/report").json()
    for name, text in report["sections"].items():
        if not text:
            assert tab.page.locator(f"[data-section={name}]").count() == 0
        else:
            assert tab.section(name) == text
    findings = ask(stack, f"/v1/studies/{study_id}/findings").json()["findings"]
    rows = tab.page.locator(".finding")
    assert rows.count() == len(findings)
    for finding in findings:
        row = tab.page.locator(f'[data-label="{finding["label"]}"]').inner_text()
        assert finding["name"] in row
        assert f"{finding['probability']:.2f}" in row
        assert finding["status"].capitalize() in row
    assert report["writer"]["id"] in tab.page.locator("#report").inner_text()
    tab.page.screenshot(path=tmp_path / "study.png")
    seen = tab.page.evaluate("window.statuses")
    assert seen[-1].startswith("Completed after")
    assert len(seen) > 1, "the study was not seen on its way"
    assert any("event-stream" in answer.headers.get("content-type", "") for answer in tab.responses)


def test_an_open_study_shows_its_images_as_they_come(tab: Tab, stack: FullStack) -> None:
    image, other = (ROOT / "samples" / name for name in ("chest-1.png", "chest-3.jpg"))
    with stack.client() as sender:
        study_id = sender.open_study(close_after=3600, expected_images=2).id
        tab.open(f"#/studies/{study_id}")
        status = tab.page.locator("#status")
        status.get_by_text("Open, 0 of 2 images so far").wait_for()
        assert "No image has come yet." in tab.page.locator("main").inner_text()
        sender.add_images(study_id, image)
        status.get_by_text("Open, 1 of 2 images so far").wait_for()
        tab.open()
        row = tab.page.locator(f'a[href="#/studies/{study_id}"]')
        row.get_by_text("Open, 1 of 2 images so far").wait_for()
        tab.open(f"#/studies/{study_id}")
        sender.add_images(study_id, other)
        tab.wait_until_final()
        happened = {entry.event: entry.at for entry in sender.study(study_id).timeline}
    waited_for = happened["closed"] - happened["received"]
    shown = re.fullmatch(r"Completed after (?:(\d+) min )?([\d.]+) s", status.inner_text())
    assert shown, status.inner_text()
    took = 60 * int(shown[1] or 0) + float(shown[2])
    worked_on = happened["reported"] - happened["closed"]
    assert took == pytest.approx(worked_on.total_seconds(), abs=0.6), f"not the {waited_for} of its waiting"
    told = (tab.page.locator(".timeline").text_content() or "").split(" · ")
    assert len(told) == 1 + tab.page.locator(".timeline li").count(), "each entry says who it was"
    assert told[1].startswith("api")
    assert told[-1] == "worker-llm"


def test_the_page_is_never_a_mixture_of_two_versions(stack: FullStack) -> None:
    for path in ("/", "/js/app.js", "/css/base.css"):
        answer = ask(stack, path)
        assert answer.status_code == 200
        assert answer.headers["Cache-Control"] == "no-cache"
        assert "unsafe" not in answer.headers["Content-Security-Policy"]


def test_the_report_is_downloaded_as_the_server_writes_it(tab: Tab, stack: FullStack, finished: str) -> None:
    tab.open(f"#/studies/{finished}")
    tab.wait_until_final()
    for words, name, extension in (
        ("Text", "text", "txt"),
        ("PDF", "pdf", "pdf"),
        ("FHIR R4", "fhir", "fhir.json"),
    ):
        tab.page.get_by_label("Format of the report").select_option(words)
        with tab.page.expect_download() as coming:
            tab.page.get_by_role("button", name="Download", exact=True).click()
        download = coming.value
        assert download.suggested_filename == f"report-{finished}.{extension}"
        expected = ask(stack, f"/v1/studies/{finished}/report?format={name}")
        assert download.path().read_bytes() == expected.content


def test_dropped_files_become_one_study_of_several_images(tab: Tab, samples: Path) -> None:
    tab.open()
    tab.drop(samples / "chest-1.png", samples / "chest-3.jpg")
    tab.page.get_by_label("One study", exact=False).first.check()
    tab.send()
    tab.wait_until_final()
    tab.wait_for_radiograph()
    images = tab.page.get_by_role("group", name="Images").get_by_role("button")
    assert images.count() == 2
    shown = tab.page.locator("[aria-pressed=true]", has_text=re.compile("^[12] ")).inner_text()
    before = tab.pixels()
    tab.page.locator("#radiograph").press("PageDown")
    tab.page.wait_for_function(
        "old => !document.querySelector('.image-tabs [aria-pressed=true]').innerText.includes(old)", arg=shown
    )
    wait_until(lambda: tab.pixels() != before, timeout=30, what="the other image to be drawn")


def test_files_sent_as_one_study_each_are_counted_as_a_batch(tab: Tab, samples: Path, tmp_path: Path) -> None:
    text = tmp_path / "notes.dcm"
    text.write_text("not a radiograph")
    tab.open()
    tab.choose(samples / "chest-1.png", samples / "chest-3.jpg", text)
    tab.page.get_by_role("radio", name="One study each").check()
    tab.send()
    tab.page.get_by_text("3 of 3 finished").wait_for(timeout=180_000)
    counts = " ".join(tab.page.get_by_role("list", name="Studies by status").inner_text().split())
    assert "Completed 2" in counts
    assert "Rejected 1" in counts
    assert tab.page.locator(".study-row").count() == 3
    assert "neither DICOM, PNG nor JPEG" in tab.page.locator(".study-rows").inner_text()
    with tab.page.expect_download() as coming:
        tab.page.get_by_role("button", name="Results as CSV").click()
    with coming.value.path().open(newline="") as results:
        rows = list(csv.DictReader(results))
    assert sorted(row["status"] for row in rows) == ["completed", "completed", "rejected"]
    tab.page.get_by_label("Format of the report").select_option("HTML")
    with tab.page.expect_download() as coming:
        tab.page.get_by_role("button", name="Save the reports").click()
    assert coming.value.suggested_filename.endswith("-html.zip")
    with zipfile.ZipFile(coming.value.path()) as reports:
        assert sorted(Path(name).suffix for name in reports.namelist()) == [".csv", ".html", ".html"]


def test_the_list_shows_studies_by_status(tab: Tab, stack: FullStack, finished: str) -> None:
    tab.open()
    row = tab.page.locator(f'.study-row[href="#/studies/{finished}"]')
    row.wait_for()
    assert "Completed" in row.inner_text()
    tab.page.get_by_label("Status").select_option("cancelled")
    row.wait_for(state="detached")
    tab.page.get_by_label("Status").select_option("completed")
    row.wait_for()
    words = tab.page.locator(".study-row .status").all_inner_texts()
    assert set(words) == {"Completed"}


def test_the_list_shows_older_studies_on_demand(tab: Tab, stack: FullStack) -> None:
    with httpx.Client(base_url=stack.url, timeout=30) as client:
        batch = client.post("/v1/batches", json={}).json()["id"]
        for number in range(30):
            file = (f"note-{number}.txt", f"not a radiograph {number}".encode())
            answer = client.post("/v1/studies", files={"files": file}, data={"batch_id": batch})
            assert answer.status_code == 202
    tab.open(f"#/batches/{batch}")
    rows = tab.page.locator(".study-row")
    rows.first.wait_for()
    assert rows.count() == 25
    assert "note-29.txt" in rows.first.inner_text()
    tab.page.get_by_role("button", name="Load more").click()
    rows.nth(29).wait_for()
    assert "note-0.txt" in rows.last.inner_text()
    assert tab.page.get_by_role("button", name="Load more").is_hidden()


def test_rows_far_down_the_list_are_kept_up_to_date(tab: Tab, stack: FullStack, samples: Path) -> None:
    content = (samples / "chest-3.jpg").read_bytes()
    stack.hold("worker-cnn")
    try:
        with httpx.Client(base_url=stack.url, timeout=30) as client:
            batch = client.post("/v1/batches", json={}).json()
            for _ in range(110):
                sent = client.post(
                    "/v1/studies", files={"files": ("chest.jpg", content)}, data={"batch_id": batch["id"]}
                )
                assert sent.status_code == 202
            tab.open(f"#/batches/{batch['id']}")
            rows = tab.page.locator(".study-row")
            for shown in (25, 50, 75, 100):
                rows.nth(shown - 1).wait_for()
                tab.page.get_by_role("button", name="Load more").click()
            rows.nth(109).wait_for()
            assert "Queued" in rows.last.inner_text()
            client.post(batch["links"]["cancel"])
        rows.last.get_by_text("Cancelled").wait_for()
        assert rows.get_by_text("Queued").count() == 0
        assert rows.count() == 110
    finally:
        stack.release("worker-cnn")


def test_a_deleted_study_is_gone_after_a_question(tab: Tab, stack: FullStack, samples: Path) -> None:
    study_id = tab.submit(samples / "chest-3.jpg")
    tab.page.get_by_role("button", name="Delete").click()
    tab.page.get_by_role("dialog").get_by_role("button", name="Keep").click()
    assert ask(stack, f"/v1/studies/{study_id}").status_code == 200
    tab.page.get_by_role("button", name="Delete").click()
    tab.page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    tab.page.wait_for_url("**/#/")
    assert ask(stack, f"/v1/studies/{study_id}").status_code == 410
    tab.refusals_expected = 1
    tab.open(f"#/studies/{study_id}")
    tab.page.get_by_role("alert").get_by_text("erased").first.wait_for()


def test_from_start_to_report_with_the_keyboard_alone(tab: Tab, samples: Path) -> None:
    page = tab.page
    # Playwright begins to catch file choosers when somebody listens, and does not wait until it does:
    # on a busy machine a listener that comes with the key press comes too late.
    page.on("filechooser", lambda _chooser: None)
    tab.open()
    page.keyboard.press("Tab")
    assert tab.focused()["text"] == "Skip to the content"
    page.keyboard.press("Enter")
    _tab_to(tab, "files")
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Enter")
    chooser.value.set_files(samples / "chest-1.png")
    page.get_by_role("button", name="Send").wait_for()
    assert tab.focused()["text"] == "Send"
    page.keyboard.press("Enter")
    tab.wait_until_final()
    tab.wait_for_radiograph()
    _tab_to(tab, "radiograph")
    assert tab.focused()["outline"] != "none"
    before = tab.pixels()
    page.keyboard.press("+")
    assert tab.pixels() != before
    page.keyboard.press("r")
    assert tab.focused()["id"] == "report"
    page.keyboard.press("?")
    page.get_by_role("dialog").wait_for()
    page.keyboard.press("Escape")
    page.get_by_role("dialog").wait_for(state="detached")
    page.keyboard.press("s")
    page.wait_for_url("**/#/")


def _tab_to(tab: Tab, element_id: str) -> None:
    for _ in range(40):
        tab.page.keyboard.press("Tab")
        if tab.focused()["id"] == element_id:
            return
    message = f"{element_id} is not reached by Tab"
    raise AssertionError(message)
