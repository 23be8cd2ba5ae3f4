"""A radiologist at the page, by keyboard alone: the next unread report, its lines, another reader."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]  # ships no types
from PIL import Image

from tests.end_to_end.conftest import OpenTab, ask
from tests.support.browser import STUDY_SECONDS, Tab
from tests.support.stack import FullStack

ADA: Final = "Dr. Ada Roe"
BEA: Final = "Dr. Bea Lin"
UNSUPPORTED: Final = "There is a pneumothorax."
UNREAD: Final = "The trachea is midline."


@pytest.fixture(scope="module")
def waiting(stack: FullStack, samples: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give studies whose reports wait to be read, sent together: one to each test that takes one."""
    folder = tmp_path_factory.mktemp("films")
    with Image.open(samples / "chest-3.jpg") as image:
        films = [folder / f"film-{number}.png" for number in range(4)]
        for number, film in enumerate(films):
            image.crop((number, number, 440, 440)).save(film)
    with stack.client() as client, ThreadPoolExecutor(len(films)) as senders:
        studies = senders.map(lambda film: client.submit([film], wait=STUDY_SECONDS).id, films)
        return iter(sorted(studies))  # the oldest first: it is the one that is read next


class Reader:
    """One radiologist in a tab of their own, with nothing but a keyboard."""

    def __init__(self, tab: Tab, name: str) -> None:
        self.tab, self.page, self.name = tab, tab.page, name
        self.lines = tab.page.locator(".lines li")

    def open(self, study_id: str) -> None:
        # Whether there is a draft already: the answer is 404 where there is none.
        self.tab.refusals_expected += 1
        self.tab.open(f"#/studies/{study_id}/review")
        self.say_who()
        self.page.get_by_text("Draft saved").wait_for()

    def say_who(self) -> None:
        self.page.get_by_label("Name", exact=True).wait_for()
        self.type(self.name, "Enter")
        self.page.locator(".line:focus").wait_for()

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def type(self, text: str, *keys: str) -> None:
        self.page.keyboard.type(text)
        self.press(*keys)

    def go_to(self, text: str) -> None:
        """Move down to the line that says this."""
        texts = self.texts()
        chosen = self.lines.evaluate_all("all => all.findIndex((line) => line.matches('.chosen'))")
        steps = texts.index(text) - chosen
        self.press(*["j" if steps > 0 else "k"] * abs(steps))

    def rewrite(self, text: str) -> None:
        self.press("c", "Control+a")
        self.type(text)

    def texts(self) -> list[str]:
        return self.page.locator(".line-text").all_inner_texts()

    def decisions(self) -> list[str]:
        classes: list[str] = self.lines.evaluate_all("all => all.map((line) => line.classList[0])")
        return [name.removeprefix("decision-") for name in classes]

    def shows(self, words: str) -> None:
        self.page.locator(".standing", has_text=words).wait_for()


@pytest.fixture
def ada(open_tab: OpenTab) -> Reader:
    return Reader(open_tab(), ADA)


def report_of(stack: FullStack, study_id: str) -> dict[str, Any]:
    report: dict[str, Any] = ask(stack, f"/v1/studies/{study_id}/report").json()
    return report


def test_the_next_unread_report_is_signed_in_one_action_and_amended_with_a_reason(
    ada: Reader, stack: FullStack, waiting: Iterator[str]
) -> None:
    assert next(waiting)
    unread = httpx.get(f"{stack.url}/v1/reviews/next", timeout=30).json()["id"]
    ada.tab.open()
    ada.tab.refusals_expected = 1
    ada.press("u")
    ada.say_who()
    assert ada.tab.study_id == unread, "as the server says"
    assert set(ada.decisions()) == {"open"}
    ada.press("Control+Enter")
    ada.shows("Signed; an AI drafted it.")
    assert ada.tab.focused()["id"] == "report"
    signed = report_of(stack, unread)
    assert (signed["status"], [said["name"] for said in signed["attestations"]]) == ("final", [ADA])

    ada.tab.refusals_expected = 1
    ada.press("e")
    ada.page.get_by_text("Amendment of version").wait_for()
    ada.page.locator(".line:focus").wait_for()
    ada.press(*["j"] * len(ada.texts()))
    ada.rewrite(UNREAD)
    ada.press("Control+Enter")
    ada.page.get_by_role("dialog", name="Amend the signed report?").wait_for()
    ada.type("Lateral view came", "Control+Enter")
    ada.shows("Amended after it was signed")
    ada.shows("Lateral view came")
    amended = report_of(stack, unread)
    assert amended["status"] == "amended"
    assert UNREAD in amended["sections"]["impression"]
    ada.page.locator(".versions summary").press("Enter")
    difference = ada.page.get_by_role("region", name="What differs")
    difference.locator("ins", has_text=UNREAD.split()[-1]).wait_for()
    assert difference.locator("del").count() == 1
    assert [found["id"] for found in Axe().run(ada.page).response["violations"]] == []

    ada.page.get_by_role("button", name="Entered in error").press("Enter")
    ada.type("Another patient", "Control+Enter")
    ada.shows("Entered in error: do not use.")
    ada.page.emulate_media(media="print")
    assert ada.page.locator(".standing").is_visible()
    assert ada.page.locator("#report button:visible").count() == 0
    ada.page.emulate_media(media="screen")


def test_each_line_is_decided_by_one_key_and_a_reload_loses_nothing(
    ada: Reader, open_tab: OpenTab, stack: FullStack, waiting: Iterator[str]
) -> None:
    study_id = next(waiting)
    ada.open(study_id)
    before = ada.texts()
    ada.press("a", "x")
    ada.rewrite(UNSUPPORTED)
    mark = ada.page.locator(".line-field + .line-remark", has_text="not supported by the findings")
    mark.wait_for()
    ada.press("Enter", "o")
    ada.type(UNREAD, "Enter")
    ada.page.locator(".line-remark", has_text="not checked").wait_for()
    expected = ["accepted", "struck", "changed", "open", "added", "open"]
    assert ada.decisions()[:6] == expected
    ada.press("x", "z")
    assert ada.decisions()[:6] == expected, "what was undone is as it was"
    assert [found["id"] for found in Axe().run(ada.page).response["violations"]] == []
    ada.page.locator(".saving-saved").wait_for()

    ada.page.reload()
    ada.page.locator(".line:focus").wait_for()
    assert ada.decisions()[:6] == expected
    assert ada.texts()[2] == UNSUPPORTED
    resting = {
        line["text"]: line["evidence"] for line in report_of(stack, study_id)["sentences"] if line["evidence"]
    }
    text = next(text for text in ada.texts() if text in resting and text != before[1])
    ada.go_to(text)
    finding = ada.page.locator(".finding:has([aria-pressed=true])")
    assert finding.get_attribute("data-label") == resting[text][0]["label"]

    other_tab = Reader(open_tab(), ADA)
    other_tab.tab.open(f"#/studies/{study_id}/review")
    other_tab.say_who()
    other_tab.press("a")
    other_tab.page.locator(".saving-saved").wait_for()
    ada.tab.refusals_expected = 1
    ada.press("x")
    ada.page.get_by_role("button", name="Take what was saved").press("Enter")
    ada.page.locator(".line:focus").wait_for()
    assert ada.decisions() == other_tab.decisions()

    ada.press("Shift+A")
    assert "open" not in ada.decisions()
    ada.press("Control+Enter")
    ada.shows("Signed")
    findings = report_of(stack, study_id)["sections"]["findings"]
    assert before[1] not in findings
    assert UNSUPPORTED in findings
    assert UNREAD in findings


def test_two_readers_of_one_report_are_told_and_bring_their_lines_together(
    ada: Reader, open_tab: OpenTab, stack: FullStack, waiting: Iterator[str]
) -> None:
    study_id = next(waiting)
    bea = Reader(open_tab(color_scheme="light"), BEA)
    ada.open(study_id)
    bea.open(study_id)
    bea.page.get_by_text(f"Also open: {ADA}").wait_for()
    _, first, second, *_ = ada.texts()
    ada.go_to(first)
    ada.rewrite("Large pleural effusion.")
    ada.press("Enter")
    ada.go_to(second)
    ada.press("x")
    ada.page.locator(".saving-saved").wait_for()
    bea.go_to(first)
    bea.rewrite("Small pleural effusion.")
    bea.press("Control+Enter")
    bea.shows("Signed")

    conflict = ada.page.get_by_role("alert").filter(has_text=f"{BEA}, meanwhile: Signed")
    conflict.wait_for()
    ada.page.reload()
    conflict.wait_for()
    rows = ada.page.locator(".conflict-rows li")
    texts = " ".join(rows.all_inner_texts())
    assert "Small pleural effusion." in texts
    assert "Large pleural effusion." in texts
    assert [found["id"] for found in Axe().run(ada.page).response["violations"]] == []
    ada.page.locator(".conflict-rows :focus").wait_for()
    ada.press(*["m"] * rows.count(), "Control+Enter")
    ada.page.get_by_text("Amendment of version 2").wait_for()
    ada.press("Control+Enter")
    ada.page.get_by_role("dialog").wait_for()
    ada.type("Seen together", "Control+Enter")
    ada.shows("Seen together")
    together = report_of(stack, study_id)
    assert (together["version"], together["status"]) == (3, "amended")
    assert "Large pleural effusion." in together["sections"]["findings"]
    assert "Small" not in together["sections"]["findings"]
    assert second not in [
        sentence["text"] for sentence in together["sentences"] if sentence["section"] == "findings"
    ]
    bea.shows("Seen together")


def test_what_waits_is_counted_and_what_became_of_drafts_is_a_table(
    tab: Tab, stack: FullStack, waiting: Iterator[str]
) -> None:
    study_id = next(waiting)
    unsigned = ask(stack, "/v1/reviews/waiting").json()["unsigned"]
    tab.open()
    tab.page.get_by_role("button", name=f"{unsigned} report").click()
    tab.page.locator(f'.study-row[href="#/studies/{study_id}"] .report-preliminary').wait_for()
    assert tab.page.get_by_label("Report", exact=True).input_value() == "preliminary"
    etag = ask(stack, f"/v1/studies/{study_id}/report").headers["ETag"]
    signed = httpx.post(
        f"{stack.url}/v1/studies/{study_id}/report/sign",
        json={"author": {"name": BEA}},
        headers={"If-Match": etag},
        timeout=30,
    )
    assert signed.status_code == 200, signed.text
    summaries = ask(stack, "/v1/reviews/summary").json()["items"]
    tab.open("#/reviews")
    rows = tab.page.locator(".statistics tbody tr")
    rows.first.wait_for()
    assert rows.count() == len(summaries)
    assert summaries[0]["writer"]["id"] in rows.first.inner_text()
    assert rows.first.locator("td").nth(1).inner_text() == str(summaries[0]["signed"])
    assert [found["id"] for found in Axe().run(tab.page).response["violations"]] == []
