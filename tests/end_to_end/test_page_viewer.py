"""The radiograph on the page, and how the page looks: in the dark, in the light, on a phone, to a machine."""

import json
from pathlib import Path

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]  # ships no types
from sqlalchemy import text

from shared.records.database import Database
from shared.settings import DatabaseSettings
from tests.end_to_end.conftest import OpenTab
from tests.support.browser import Tab
from tests.support.stack import FullStack

PHONE = {
    "viewport": {"width": 360, "height": 780},
    "is_mobile": True,
    "has_touch": True,
    "device_scale_factor": 2,
}
VIEWS = ("#/", "#/studies/{study}", "#/reviews")


@pytest.fixture
def looking(tab: Tab, finished: str) -> Tab:
    """Return a tab that shows a completed study's radiograph, with nothing over it."""
    tab.open(f"#/studies/{finished}")
    tab.wait_until_final()
    tab.wait_for_radiograph()
    tab.settle()
    pressed = tab.page.locator(".finding-title[aria-pressed=true]")
    if pressed.count():
        pressed.click()
    return tab


def test_a_finding_s_row_says_where_it_is(tab: Tab, stack: FullStack, finished: str) -> None:
    database = Database(DatabaseSettings(url=stack.infra_environment()["CXR_DATABASE_URL"]))
    statement = text(
        "UPDATE findings SET place = :place WHERE label = :label"
        " AND analysis_id = (SELECT id FROM analyses WHERE study_id = :study)"
    )
    places = {
        "Effusion": {"side": "right", "zone": "lower", "as_displayed": True},
        "Mass": {"side": "left", "zone": None, "as_displayed": False},
        "Nodule": {"side": "both", "zone": "basal", "as_displayed": True},
        "Hernia": None,
    }
    with database.session() as session:
        for label, place in places.items():
            session.execute(statement, {"study": finished, "label": label, "place": json.dumps(place)})
    database.close()
    tab.open(f"#/studies/{finished}")
    tab.wait_until_final()
    said = {
        label: tab.page.locator(f'[data-label="{label}"] .finding-place').all_inner_texts()
        for label in places
    }
    assert said == {
        "Effusion": ["right as displayed, lower zone"],
        "Mass": ["left"],
        "Nodule": ["both sides, basal"],
        "Hernia": [],
    }


@pytest.mark.parametrize(("name", "value"), [("Window", 90), ("Level", 60)], ids=["window", "level"])
def test_a_slider_changes_the_grays_and_reset_brings_them_back(looking: Tab, name: str, value: int) -> None:
    before = looking.pixels()
    looking.slide(name, value)
    assert looking.pixels() != before
    assert f"{name[0]} {value}" in looking.page.locator(".north-east").inner_text()
    looking.page.get_by_role("button", name="All as at the start").click()
    assert looking.pixels() == before


def test_dragging_changes_window_and_level_or_moves_the_picture(looking: Tab) -> None:
    before = looking.pixels()
    _drag(looking, 60, 40)
    words = looking.page.locator(".north-east").inner_text()
    assert words.split() == ["W", "316", "L", "168"]
    graded = looking.pixels()
    assert graded != before
    looking.page.get_by_role("button", name="Drag moves the picture").click()
    _drag(looking, 60, 40)
    assert looking.page.locator(".north-east").inner_text() == words
    assert looking.pixels() != graded


def test_inverting_twice_changes_nothing(looking: Tab) -> None:
    before = looking.pixels()
    invert = looking.page.get_by_role("button", name="Invert")
    invert.click()
    assert looking.pixels() != before
    assert invert.get_attribute("aria-pressed") == "true"
    invert.click()
    assert looking.pixels() == before


def test_wheel_buttons_and_keys_zoom(looking: Tab) -> None:
    zoom = looking.page.get_by_label("Zoom", exact=True).and_(looking.page.locator("output"))

    def percent() -> int:
        looking.pixels()
        return int(zoom.inner_text().rstrip(" %"))

    fit = percent()
    before = looking.pixels()
    canvas = looking.page.locator("#radiograph")
    canvas.hover()
    looking.page.mouse.wheel(0, -300)
    assert percent() > fit
    assert looking.pixels() != before
    looking.page.get_by_role("button", name="One pixel to one pixel").click()
    assert percent() == 100
    canvas.press("+")
    assert percent() == 125
    canvas.press("0")
    assert percent() == fit
    assert looking.pixels() == before


def test_one_heatmap_at_a_time_lies_over_the_radiograph(
    looking: Tab, stack: FullStack, finished: str
) -> None:
    findings = httpx.get(f"{stack.url}/v1/studies/{finished}/findings").json()["findings"]
    names = {finding["label"]: finding["name"] for finding in findings if finding["links"]["heatmap"]}
    assert names, "the sample has a finding, so it has a heatmap"
    bare = looking.pixels()
    seen = {bare}
    heatmap = looking.page.get_by_role("button", name="Heatmap", exact=True)
    legend = looking.page.locator(".overlay-legend", has_text="not a boundary")
    assert legend.first.is_hidden()
    for label, name in names.items():
        looking.page.locator(f'[data-label="{label}"] button').click()
        looking.page.locator(".south-west").get_by_text(name, exact=True).wait_for()
        if heatmap.get_attribute("aria-pressed") == "false":
            heatmap.click()
        seen.add(looking.pixels())
        assert looking.page.locator(".finding-title[aria-pressed=true]").count() == 1
    assert len(seen) == len(names) + 1, "each heatmap looks like no other"
    strong = looking.pixels()
    assert legend.first.is_visible()
    looking.slide("Opacity", 10)
    assert looking.pixels() not in {strong, bare}
    heatmap.click()
    box = looking.page.get_by_role("button", name="Box", exact=True)
    if box.is_enabled():
        assert looking.pixels() != bare
        box.click()
    assert looking.pixels() == bare


@pytest.mark.parametrize("scheme", ["dark", "light"])
@pytest.mark.parametrize("device", ["desktop", "phone"])
def test_every_view_fits_its_screen_and_meets_wcag_aa(
    open_tab: OpenTab, finished: str, scheme: str, device: str, tmp_path: Path
) -> None:
    tab = open_tab(color_scheme=scheme, **(PHONE if device == "phone" else {}))
    for number, view in enumerate(VIEWS):
        tab.open(view.format(study=finished))
        if "study" in view:
            tab.wait_until_final()
            tab.wait_for_radiograph()
        tab.settle()
        tab.page.screenshot(path=tmp_path / f"{device}-{scheme}-{number}.png", full_page=device == "phone")
        width, room = tab.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        assert width <= room
        tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
        results = Axe().run(tab.page, options={"runOnly": {"type": "tag", "values": tags}})
        assert results.violations_count == 0, results.generate_report()
        assert tab.page.get_by_text("Not a medical device.").first.is_visible()


def test_schemes_differ_and_the_warning_stays_in_sight(open_tab: OpenTab, finished: str) -> None:
    grounds = set()
    for scheme in ("dark", "light"):
        tab = open_tab(color_scheme=scheme)
        tab.open(f"#/studies/{finished}")
        tab.wait_until_final()
        tab.page.evaluate("scrollTo(0, document.body.scrollHeight)")
        place = tab.page.locator(".device-warning").bounding_box()
        assert place is not None
        assert place["y"] == 0
        grounds.add(tab.page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert len(grounds) == 2


def test_nothing_moves_for_those_who_want_it_still(open_tab: OpenTab, finished: str) -> None:
    tab = open_tab(reduced_motion="reduce")
    tab.open(f"#/studies/{finished}")
    tab.wait_until_final()
    assert tab.page.evaluate("document.getAnimations().length") == 0


def test_two_fingers_zoom_on_a_phone(open_tab: OpenTab, finished: str) -> None:
    tab = open_tab(**PHONE)
    tab.open(f"#/studies/{finished}")
    tab.wait_until_final()
    tab.wait_for_radiograph()
    before = tab.pixels()
    tab.page.locator("#radiograph").scroll_into_view_if_needed()
    place = tab.page.locator("#radiograph").bounding_box()
    assert place is not None
    x, y = place["x"] + place["width"] / 2, place["y"] + place["height"] / 2
    session = tab.page.context.new_cdp_session(tab.page)
    for kind, apart in (("touchStart", 20), ("touchMove", 40), ("touchMove", 80), ("touchEnd", 0)):
        fingers = [{"x": x - apart, "y": y, "id": 0}, {"x": x + apart, "y": y, "id": 1}] if apart else []
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": fingers})
    assert tab.pixels() != before


def _drag(tab: Tab, dx: int, dy: int) -> None:
    place = tab.page.locator("#radiograph").bounding_box()
    assert place is not None
    mouse = tab.page.mouse
    x, y = place["x"] + place["width"] / 2, place["y"] + place["height"] / 2
    mouse.move(x, y)
    mouse.down()
    mouse.move(x + dx, y + dy, steps=4)
    mouse.up()
    tab.pixels()  # what a drag changes, words too, is written in the next frame
