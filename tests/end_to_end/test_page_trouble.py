"""The page when something is wrong: bad files, hostile names, failures, lost streams, missing keys."""

import json
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import httpx
import numpy as np
from PIL import Image
from playwright.sync_api import Dialog, Page

from cxr.local.state import free_port
from shared.domain.studies import StudyId, StudyStatus
from shared.records import claims
from shared.records.database import Database
from shared.settings import DatabaseSettings
from tests.end_to_end.conftest import OpenTab, ask
from tests.support.browser import Fate, Tab
from tests.support.builders import a_claim
from tests.support.services import Service, wait_for
from tests.support.stack import FullStack

BAD_NAME = "<img src=x onerror=alert(1)>.png"
ADMIN_KEY = "an-admin-key-for-tests-only"


def a_photograph(folder: Path) -> Path:
    """Draw something coloured that is no radiograph."""
    y, x = np.mgrid[0:480, 0:640]
    picture = np.dstack([x * 255 // 640, y * 255 // 480, (x + 2 * y) % 256]).astype(np.uint8)
    path = folder / "holiday.png"
    Image.fromarray(picture).save(path)
    return path


def test_a_file_refused_at_the_door_says_why_and_what_to_do(tab: Tab, tmp_path: Path) -> None:
    text = tmp_path / "notes.dcm"
    text.write_text("not a radiograph")
    tab.refusals_expected = 1
    tab.open()
    tab.choose(text)
    tab.send()
    fault = tab.page.get_by_role("alert")
    fault.wait_for()
    words = fault.inner_text()
    assert "notes.dcm" in words
    assert "neither DICOM, PNG nor JPEG" in words
    assert "Send the original DICOM" in words
    assert "#/studies/" not in tab.page.url


def test_a_photograph_is_rejected_with_its_reason(tab: Tab, stack: FullStack, tmp_path: Path) -> None:
    study_id = tab.submit(a_photograph(tmp_path), ends="Rejected")
    error = ask(stack, f"/v1/studies/{study_id}").json()["error"]
    fault = tab.page.locator(".study-head").get_by_role("alert")
    fault.wait_for()
    assert "holiday.png" in fault.inner_text()
    assert error["detail"] in fault.inner_text()
    assert "there is no report" in tab.page.locator("#report").inner_text()


def test_markup_in_a_file_name_stays_text(tab: Tab, samples: Path) -> None:
    dialogs: list[str] = []

    def note(dialog: Dialog) -> None:
        dialogs.append(dialog.message)
        dialog.dismiss()

    tab.page.on("dialog", note)
    tab.open()
    tab.drop_bytes([(BAD_NAME, (samples / "chest-1.png").read_bytes())])
    assert tab.page.locator(".file-list .file-name").inner_text() == BAD_NAME
    tab.send()
    tab.wait_until_final()
    assert tab.page.locator("h1").inner_text() == BAD_NAME
    tab.open()
    tab.page.locator(".study-row", has_text=BAD_NAME).first.wait_for()
    assert tab.page.locator("main img").count() == 0
    assert dialogs == []


def test_a_failed_study_is_tried_again_on_demand(tab: Tab, stack: FullStack, samples: Path) -> None:
    database = Database(DatabaseSettings(url=stack.infra_environment()["CXR_DATABASE_URL"]))
    stack.hold("worker-cnn")
    try:
        tab.open()
        tab.choose(samples / "chest-3.jpg")
        tab.send()
        tab.page.locator("#status", has_text="Queued").wait_for()
        study_id = StudyId(UUID(tab.study_id))
        claim = a_claim(database, study_id)
        with database.session() as session:
            left = claims.fail(session, replace(claim, alone=True), error="the codec crashed", max_failures=1)
        assert left is StudyStatus.FAILED
        tab.wait_until_final("Failed")
        assert "the codec crashed" in tab.page.locator(".study-head").get_by_role("alert").inner_text()
        tab.page.get_by_role("button", name="Try again").click()
        tab.page.locator("#status", has_text="Queued").wait_for()
    finally:
        stack.release("worker-cnn")
        database.close()
    tab.wait_until_final()


def test_a_study_is_followed_without_event_streams(tab: Tab, samples: Path) -> None:
    tab.page.route("**/events", lambda route: route.abort())
    tab.refusals_expected = 2
    tab.submit(samples / "chest-1.png")
    assert any("wait=20" in answer.url for answer in tab.responses)


def variants(samples: Path, folder: Path, number: int) -> list[Path]:
    """Write so many different radiographs of a small size."""
    with Image.open(samples / "chest-1.png") as image:
        paths = [folder / f"chest-{index}.png" for index in range(number)]
        for index, path in enumerate(paths):
            image.crop((index, index, 472, 472)).save(path)
    return paths


def newest(stack: FullStack) -> list[str]:
    return [study["id"] for study in ask(stack, "/v1/studies").json()["items"]]


def came_since(stack: FullStack, before: list[str]) -> list[str]:
    """Return the studies that came later than those, newest first: their ids are sorted by time."""
    return [study_id for study_id in newest(stack) if study_id > max(before, default="")]


def test_a_short_outage_makes_no_file_two_studies(
    tab: Tab, stack: FullStack, samples: Path, tmp_path: Path
) -> None:
    before = newest(stack)
    fates: list[Fate] = [None, "answer lost", 502, 504, 429, 409, "unreachable", "answer lost", None]
    tab.refusals_expected = len(fates)
    tab.break_uploads(lambda number: fates[number] if number < len(fates) else None)
    tab.open()
    tab.choose(*variants(samples, tmp_path, 6))
    tab.page.get_by_role("radio", name="One study each").check()
    tab.send()
    tab.page.locator(".progress").get_by_text("trying again").wait_for()
    tab.page.get_by_text("of 6 finished").wait_for()
    tab.page.locator(".study-row").nth(5).wait_for()
    assert tab.page.locator(".study-row").count() == 6
    assert len(came_since(stack, before)) == 6


def test_a_batch_that_met_a_long_outage_goes_on_where_it_stopped(
    tab: Tab, stack: FullStack, samples: Path, tmp_path: Path
) -> None:
    before = newest(stack)
    tab.refusals_expected = 100
    # The answers of the last two are lost: they are in, and the page does not know it.
    tab.break_uploads(lambda number: None if number < 2 else "answer lost" if number < 4 else "unreachable")
    tab.page.clock.install()
    tab.open()
    tab.choose(*variants(samples, tmp_path, 7))
    tab.page.get_by_role("radio", name="One study each").check()
    tab.send()
    tab.page.locator(".progress").get_by_text("The server cannot be reached; trying again").wait_for()
    tab.page.clock.fast_forward(70_000)
    tab.page.get_by_role("alert").get_by_text("The server cannot be reached.").wait_for()
    tab.page.get_by_text("2 of 7 files are in. Send goes on with the others.").wait_for()
    tab.page.screenshot(path=tmp_path / "stopped.png")
    uploads = tab.uploads
    tab.page.clock.fast_forward(70_000)
    assert tab.uploads == uploads, "nothing goes on unseen"
    tab.break_uploads(lambda _number: None)
    tab.send()
    tab.page.get_by_text("of 7 finished").wait_for()
    assert tab.uploads == 5
    tab.page.locator(".study-row").nth(6).wait_for()
    assert tab.page.locator(".study-row").count() == 7
    assert len(came_since(stack, before)) == 7


def test_a_study_whose_answer_was_lost_for_good_is_found_by_sending_it_again(
    tab: Tab, stack: FullStack, samples: Path
) -> None:
    before = newest(stack)
    tab.refusals_expected = 100
    tab.break_uploads(lambda _number: "answer lost")
    tab.page.clock.install()
    tab.open()
    tab.choose(samples / "chest-1.png")
    tab.send()
    tab.page.locator(".progress").get_by_text("trying again").wait_for()
    tab.page.clock.fast_forward(70_000)
    tab.page.get_by_role("alert").wait_for()
    tab.break_uploads(lambda _number: None)
    tab.page.locator("summary", has_text="Priority").click()
    tab.page.get_by_label("Priority", exact=True).select_option("urgent")
    tab.send()
    tab.page.get_by_role("alert").get_by_text("The study is in already").wait_for()
    tab.page.get_by_label("Priority", exact=True).select_option("routine")
    tab.send()
    tab.page.wait_for_url("**/#/studies/*")
    assert came_since(stack, before) == [tab.study_id]


def test_a_key_is_asked_for_where_the_server_wants_one(
    open_tab: OpenTab, stack: FullStack, finished: str, tmp_path: Path
) -> None:
    port = free_port()
    environment = {
        **stack.infra_environment(),
        "CXR_API_PORT": str(port),
        "CXR_API_AUTH": "required",
        "CXR_API_ADMIN_KEY": ADMIN_KEY,
    }
    url = f"http://127.0.0.1:{port}"
    server = Service("api", environment, tmp_path)
    try:
        wait_for(lambda: _answers(url), 60, "the API that wants keys")
        tab = open_tab(url)
        tab.page.goto(f"{url}/#/studies/{finished}")
        _give_key(tab.page, "cxr_wrong")
        tab.refusals_expected = 1
        tab.page.get_by_role("dialog").get_by_text("key").first.wait_for()
        _give_key(tab.page, ADMIN_KEY)
        tab.wait_until_final()
        tab.wait_for_radiograph()
        tab.page.get_by_label("Format of the report").select_option("json")
        with tab.page.expect_download() as coming:
            tab.page.get_by_role("button", name="Download", exact=True).click()
        assert json.loads(coming.value.path().read_text())["study_id"] == finished
        assert ADMIN_KEY not in tab.page.evaluate("JSON.stringify(localStorage)")
        tab.page.goto("about:blank")  # nobody is told that the server goes
    finally:
        server.kill()


def _give_key(page: Page, key: str) -> None:
    page.get_by_label("Key", exact=True).fill(key)
    page.keyboard.press("Enter")


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/healthz", timeout=2).status_code == 200
    except httpx.HTTPError:
        return False
