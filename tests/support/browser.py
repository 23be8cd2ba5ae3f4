"""A real Chromium on the page: what a person does there, and what went wrong meanwhile.

tab.open("#/"); tab.choose(path); tab.send(); tab.wait_until_final("Completed")
assert tab.problems == []
"""

import base64
import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Literal

from playwright.sync_api import (
    Browser,
    BrowserContext,
    CDPSession,
    ConsoleMessage,
    Page,
    Request,
    Response,
    sync_playwright,
)

Fate = Literal["unreachable", "answer lost"] | int | None
"""What becomes of an upload: it never arrives, it arrives and its answer does not, or a status instead."""

STUDY_SECONDS: Final = 180
"""How long a study may take on a busy machine with two cores."""

_LOOK_MILLISECONDS: Final = 50
_QUIET_LOOKS: Final = 6
"""After as many looks without a request under way the page is at rest."""

_WATCH: Final = """
window.cspViolations = [];
document.addEventListener("securitypolicyviolation", (event) =>
  window.cspViolations.push(`${event.violatedDirective} ${event.blockedURI}`));
window.statuses = [];
new MutationObserver(() => {
  const words = document.getElementById("status")?.textContent;
  if (words && words !== window.statuses.at(-1)) window.statuses.push(words);
}).observe(document, {subtree: true, childList: true, characterData: true});
"""
_DROP: Final = """(files) => {
  const transfer = new DataTransfer();
  for (const [name, text] of files) {
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    transfer.items.add(new File([bytes], name));
  }
  return transfer;
}"""
# Two frames: a change is drawn in the next one.
_PIXELS: Final = """() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(() =>
  resolve(document.getElementById("radiograph").toDataURL()))))"""


_PROBLEMS: Final = {409: b'{"type": "/problems/idempotency-key-in-use", "detail": "not answered yet"}'}


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start Chromium, from Debian's package; while it is open, no coroutine can be run in this thread."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        yield browser
        browser.close()


class Tab:
    """One tab, with everything that its console and its policy complain about."""

    def __init__(self, context: BrowserContext, url: str) -> None:
        self.url = url
        self.page: Page = context.new_page()
        self.page.set_default_timeout(20_000)
        self.page.add_init_script(_WATCH)
        self.responses: list[Response] = []
        self.refusals_expected = 0
        self._under_way: set[Request] = set()
        self._session: CDPSession | None = None
        self._uploads: dict[str, Fate] = {}
        self._fate: Callable[[int], Fate] = lambda _number: None
        self._complaints: list[str] = []
        self.page.on("console", self._on_console)
        self.page.on("pageerror", lambda error: self._complaints.append(f"exception: {error}"))
        self.page.on("response", self._on_response)
        self.page.on("request", self._on_request)
        self.page.on("requestfinished", self._on_request_ended)
        self.page.on("requestfailed", self._on_request_ended)

    @property
    def problems(self) -> list[str]:
        """Errors and warnings of the console, exceptions, and what the content policy stopped."""
        violations: list[str] = self.page.evaluate("window.cspViolations")
        return [*self._complaints, *violations]

    @property
    def study_id(self) -> str:
        """The study that is looked at."""
        return self.page.url.partition("#/studies/")[2].partition("/")[0]

    def open(self, address: str = "#/") -> None:
        """Go to a view."""
        self.page.goto(f"{self.url}/{address}")
        self.page.locator("main > *").first.wait_for()

    def choose(self, *paths: Path) -> None:
        """Pick files as the file dialog does."""
        self.page.locator("#files").set_input_files(list(paths))

    def drop(self, *paths: Path) -> None:
        """Drop files on the page."""
        self.drop_bytes([(path.name, path.read_bytes()) for path in paths])

    def drop_bytes(self, files: Sequence[tuple[str, bytes]]) -> None:
        """Drop files that exist nowhere."""
        encoded = [[name, base64.b64encode(content).decode()] for name, content in files]
        transfer = self.page.evaluate_handle(_DROP, encoded)
        self.page.dispatch_event("body", "drop", {"dataTransfer": transfer})

    def send(self) -> None:
        """Press the button."""
        self.page.get_by_role("button", name="Send").click()

    def submit(self, *paths: Path, ends: str = "Completed") -> str:
        """Send one study and wait until it ends; return its id."""
        self.open()
        self.choose(*paths)
        self.send()
        self.wait_until_final(ends)
        return self.study_id

    def break_uploads(self, fate: Callable[[int], Fate]) -> None:
        """Let something happen to each upload from now on; `fate` is asked with its number, from 0."""
        if self._session is None:
            self._session = self.page.context.new_cdp_session(self.page)
            self._session.on("Fetch.requestPaused", self._on_upload)
            stages = [
                {"urlPattern": "*/v1/studies", "requestStage": stage} for stage in ("Request", "Response")
            ]
            self._session.send("Fetch.enable", {"patterns": stages})
        self._fate, self._uploads = fate, {}

    @property
    def uploads(self) -> int:
        """How many were begun since they began to break."""
        return len(self._uploads)

    def wait_until_final(self, words: str = "Completed") -> None:
        """Wait until the study that is looked at has ended in this way."""
        status = self.page.locator("#status", has_text=f"{words} after")
        status.wait_for(timeout=STUDY_SECONDS * 1000)
        if words == "Completed":
            self.page.locator("[data-section=impression]").wait_for()

    def settle(self) -> None:
        """Wait until nothing more is asked of the server, but for the stream that stays."""
        quiet = 0
        while quiet < _QUIET_LOOKS:
            self.page.wait_for_timeout(_LOOK_MILLISECONDS)
            waiting = [request for request in self._under_way if "/events" not in request.url]
            quiet = 0 if waiting else quiet + 1

    def wait_for_radiograph(self) -> None:
        """Wait until the radiograph is on the canvas."""
        self.page.locator("#radiograph[data-loaded=true]").wait_for(timeout=30_000)

    def pixels(self) -> str:
        """Return a digest of what is on the canvas now."""
        picture: str = self.page.evaluate(_PIXELS)
        return hashlib.sha256(picture.encode()).hexdigest()

    def section(self, name: str) -> str:
        """Return the text of a section of the report, as it stands on the page."""
        text: str = self.page.locator(f"[data-section={name}] p").evaluate("element => element.textContent")
        return text

    def slide(self, name: str, value: float) -> None:
        """Move a slider."""
        self.page.get_by_label(name, exact=True).fill(str(value))

    def focused(self) -> dict[str, Any]:
        """Describe the element that has the focus."""
        described: dict[str, Any] = self.page.evaluate(
            "() => { const e = document.activeElement;"
            " return {id: e.id, text: e.textContent, outline: getComputedStyle(e).outlineStyle}}"
        )
        return described

    def _on_upload(self, paused: dict[str, Any]) -> None:
        assert self._session is not None
        request = {"requestId": paused["requestId"]}
        if paused["request"]["method"] != "POST":
            self._session.send("Fetch.continueRequest", request)
            return
        fate = self._uploads.setdefault(paused["networkId"], self._fate(len(self._uploads)))
        answered = "responseStatusCode" in paused
        if fate == "unreachable" or (fate == "answer lost" and answered):
            self._session.send("Fetch.failRequest", {**request, "errorReason": "ConnectionReset"})
        elif isinstance(fate, int) and not answered:
            body = base64.b64encode(_PROBLEMS.get(fate, b"<h1>a proxy's page</h1>")).decode()
            self._session.send("Fetch.fulfillRequest", {**request, "responseCode": fate, "body": body})
        else:
            self._session.send("Fetch.continueRequest", request)

    def _on_request(self, request: Request) -> None:
        self._under_way.add(request)

    def _on_request_ended(self, request: Request) -> None:
        self._under_way.discard(request)

    def _on_response(self, response: Response) -> None:
        self.responses.append(response)

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type not in {"error", "warning"}:
            return
        # Chromium reports every refusal of the server as an error; a test says which it wants.
        if "Failed to load resource" in message.text and self.refusals_expected:
            self.refusals_expected -= 1
            return
        self._complaints.append(f"{message.type}: {message.text} ({message.location.get('url', '')})")
