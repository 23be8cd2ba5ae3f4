"""Whoever has no key and no business here: at every door of the running stack, and in a foreign page."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import boto3
import psutil
import pytest
from playwright.sync_api import Browser
from typing_extensions import override

from cxr.local.stack import read_status
from cxr.local.state import load_state
from shared.settings import StorageSettings
from tests.support.doors import S3, Door, doors_of
from tests.support.stack import FullStack

OPEN = {
    "api": {
        # `cxr up` asks for no keys of the user who started it, as this test has (test_api_neighbours.py).
        r"HTTP (GET|OPTIONS) \S+: \d+",
    },
    "s3": S3,
    # It listens: of what is no message of its own protocol it answers nothing, and hangs up in its own time.
    "hl7": {r"gRPC \S+: StatusCode\.DEADLINE_EXCEEDED"},
}
"""What a stranger may hear, and why."""


def name_of(door: Door, stack: FullStack) -> str:
    state = load_state(stack.home.state)
    assert state is not None
    at = {state.ports.api: "api", state.ports.storage: "s3", state.ports.hl7: "hl7"}
    return at.get(door.place[1], str(door)) if isinstance(door.place, tuple) else str(door)


@pytest.fixture(scope="module")
def doors(stack: FullStack) -> list[Door]:
    """Return every listening socket of the supervisor and all that it started."""
    supervisor = psutil.Process(read_status(stack.home).supervisor)
    return doors_of([supervisor, *supervisor.children(recursive=True)])


def test_behind_no_door_of_any_process_is_anything_for_a_stranger(stack: FullStack, doors: list[Door]):
    open_doors = [door for door in doors if not door.is_out_of_reach()]
    with ThreadPoolExecutor(len(open_doors)) as strangers:
        heard = dict(zip(open_doors, strangers.map(Door.answers, open_doors), strict=True))

    names = {door: name_of(door, stack) for door in open_doors}
    assert {"api", "s3"} <= set(names.values())
    unexpected = {
        str(door): [
            line
            for line in answers
            if not any(re.fullmatch(known, line) for known in OPEN.get(names[door], ()))
        ]
        for door, answers in heard.items()
    }
    assert {door: lines for door, lines in unexpected.items() if lines} == {}


def test_every_door_is_on_the_loopback_address_or_a_file(doors: list[Door]):
    assert {door.place[0] for door in doors if isinstance(door.place, tuple)} == {"127.0.0.1"}


class _Elsewhere(BaseHTTPRequestHandler):
    """A page of another site, on this machine too: a browser would keep one of the internet from it."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"<title>elsewhere</title>")

    @override
    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def elsewhere() -> Iterator[str]:
    """Return the address of another site."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Elsewhere)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


_ATTACK = """async ([ports, paths, marker]) => {
  const heard = [];
  async function attack(port, scheme) {
    for (const path of paths) for (const [method, mode] of [
      ["GET", "cors"], ["PUT", "cors"], ["POST", "cors"], ["POST", "no-cors"], ["DELETE", "cors"]
    ]) {
      const writes = method.startsWith("P");
      const url = `${scheme}://127.0.0.1:${port}${path}${writes ? "-planted" : ""}`;
      try {
        const options = {method, mode, body: writes ? marker : undefined, signal: AbortSignal.timeout(2000)};
        const answer = await fetch(url, options);
        if (answer.ok && (await answer.text()).length) heard.push(`${method} ${url}`);
      } catch (error) {
        if (error.name === "TimeoutError") return;  // nobody there speaks HTTP
      }
    }
  }
  await Promise.all(ports.flatMap((port) => [attack(port, "http"), attack(port, "https")]));
  return heard;
}"""


def test_a_page_from_elsewhere_reads_writes_and_deletes_nothing(
    stack: FullStack, browser: Browser, elsewhere: str, doors: list[Door], samples: Path
):
    with stack.client() as client:
        client.submit([samples / "chest-1.png"])
    environment = stack.infra_environment()
    bucket = StorageSettings(_env_file=None, access_key="", secret_key="").bucket
    s3 = boto3.client(
        "s3",
        endpoint_url=environment["CXR_STORAGE_ENDPOINT"],
        region_name="us-east-1",
        aws_access_key_id=environment["CXR_STORAGE_ACCESS_KEY"],
        aws_secret_access_key=environment["CXR_STORAGE_SECRET_KEY"],
    )

    def kept() -> dict[str, str]:
        listed = s3.list_objects_v2(Bucket=bucket, Prefix="originals/").get("Contents", [])
        return {each["Key"]: each["ETag"] for each in listed}

    before = kept()
    original = min(before)
    page = browser.new_page()
    page.goto(elsewhere)
    ports = sorted({door.place[1] for door in doors if isinstance(door.place, tuple)})
    paths = [f"/buckets/{bucket}/{original}", f"/{bucket}/{original}", f"/buckets/{bucket}/?recursive=true"]

    assert page.evaluate(_ATTACK, [ports, paths, "planted"]) == []
    page.close()
    assert kept() == before
