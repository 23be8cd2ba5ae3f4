"""The whole product for the tests of this folder, as `cxr up` starts it, and a browser."""

from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser

from tests.support.browser import Tab, chromium
from tests.support.network import Network
from tests.support.stack import FullStack

OpenTab = Callable[..., Tab]
NETWORK = Network()
SETTINGS = {"CXR_CRITICAL_FINDINGS": "Pneumothorax,Hernia", "CXR_GATEWAY_CLOSE_AFTER": "3"}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Run the tests in here, and what their fixtures start, where no container's interface comes or goes."""
    if item.path.parent != Path(__file__).parent:
        return (yield)
    with NETWORK:
        return (yield)


def ask(stack: FullStack, path: str, accept: str = "application/json") -> httpx.Response:
    """Ask the API what the page should show."""
    return httpx.get(f"{stack.url}{path}", headers={"Accept": accept}, timeout=30)


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FullStack]:
    """Return the running product, with whatever earlier tests left in it."""
    # The samples show no pneumothorax, to the classifier that ships; chest-1.png alone shows a hernia.
    with FullStack(tmp_path_factory.mktemp("stack"), environment=SETTINGS) as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Return Chromium, for one module at a time."""
    with chromium() as browser:
        yield browser


@pytest.fixture
def open_tab(browser: Browser, stack: FullStack) -> Iterator[OpenTab]:
    """Return a way to open tabs, each a visitor of its own; at the end none may have complained."""
    tabs: list[Tab] = []

    def opened(url: str = stack.url, **options: Any) -> Tab:
        context = browser.new_context(
            **{"viewport": {"width": 1440, "height": 900}, "color_scheme": "dark", **options}
        )
        tab = Tab(context, url)
        tabs.append(tab)
        return tab

    yield opened
    problems = [tab.problems for tab in tabs]
    for tab in tabs:
        tab.page.context.close()
    assert problems == [[] for _ in tabs]


@pytest.fixture
def tab(open_tab: OpenTab) -> Tab:
    """Return a desktop's tab in the dark."""
    return open_tab()


@pytest.fixture(scope="module")
def finished(browser: Browser, stack: FullStack, samples: Path) -> str:
    """Return the id of a completed study of one radiograph, for tests that only look at it."""
    context = browser.new_context()
    study_id = Tab(context, stack.url).submit(samples / "chest-4.dcm")
    context.close()
    return study_id
