"""Servers that hang: they accept connections and never answer, and whoever needs them not goes on."""

import hashlib
import random
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from io import BytesIO
from pathlib import Path

import httpx
import pytest

from shared.bucket import SHORT, UnreadableError
from shared.domain.studies import Priority, Stage, StudyStatus
from shared.errors import Damage
from shared.records import erasure
from shared.settings import QueueSettings
from shared.storage import Storage, preview_key
from shared.work import queue
from tests.faults.conftest import Line
from tests.support.api import ApiServer, a_png, complete, send, sent
from tests.support.builders import SOMEBODY, a_claim, let_notes_come_due
from tests.support.services import wait_for

MANY = 60
"""More requests than the API has threads for all routes together."""
AT_ONCE = 3.0
"""Seconds; what hangs along with a server takes ten times that and more."""


@pytest.fixture
def api(line: Line) -> Iterator[ApiServer]:
    with ApiServer(line.infra) as server:
        yield server


@pytest.fixture
def client(api: ApiServer) -> httpx.Client:
    return api.client()


def at_the_same_time(
    ask: Callable[[int], httpx.Response], meanwhile: Callable[[], None]
) -> list[httpx.Response]:
    """Ask MANY times at once, do something while all of it is under way, and return the answers."""
    with ThreadPoolExecutor(MANY) as threads:
        asked = [threads.submit(ask, number) for number in range(MANY)]
        time.sleep(1)
        meanwhile()
        return [answer.result() for answer in asked]


def quick(client: httpx.Client, *paths: str) -> None:
    for path in paths:
        answer = client.get(path)
        assert answer.status_code == 200, path
        assert answer.elapsed.total_seconds() < AT_ONCE, path


def unavailable(answers: list[httpx.Response]) -> None:
    for answer in answers:
        assert (answer.status_code, answer.json()["type"]) == (503, "/problems/unavailable")
        assert int(answer.headers["retry-after"]) >= 1
        assert answer.elapsed.total_seconds() < 25


def refused(answers: list[httpx.Response]) -> None:
    """Unavailable, or more than one caller may ask for at once."""
    unavailable([answer for answer in answers if answer.status_code != 429])


@pytest.mark.parametrize("picture", ["original", "preview.png"])
def test_pictures_of_a_store_that_hangs_hold_up_nobody_else(
    line: Line, api: ApiServer, client: httpx.Client, picture: str
):
    study_id = sent(client)
    complete(line.database, study_id)
    line.storage.put_artefact(preview_key(study_id, 0), b"a picture")
    path = f"/v1/studies/{study_id}/images/0/{picture}"
    others = (
        f"/v1/studies/{study_id}",
        "/v1/studies",
        f"/v1/studies/{study_id}/report",
        "/healthz",
        "/v1/info",
    )
    with line.infra.frozen("storage"):
        clients = [api.client() for _ in range(MANY)]
        refused(at_the_same_time(lambda n: clients[n].get(path), lambda: quick(client, *others)))
    wait_for(lambda: client.get(path).status_code == 200, 20, "the pictures to be back")


def test_erasing_while_the_store_hangs_holds_up_nobody_else(line: Line, api: ApiServer, client: httpx.Client):
    studies = [sent(client, a_png(number)) for number in range(MANY)]
    kept = sent(client, a_png(MANY))
    with line.infra.frozen("storage"):
        clients = [api.client() for _ in range(MANY)]
        erased = at_the_same_time(
            lambda n: clients[n].delete(f"/v1/studies/{studies[n]}"),
            lambda: quick(client, f"/v1/studies/{kept}", "/v1/studies"),
        )
    assert {answer.status_code for answer in erased} == {204}


def test_every_route_is_a_503_while_postgres_hangs_and_all_goes_on_after(
    line: Line, api: ApiServer, client: httpx.Client
):
    study_id = sent(client)
    paths = [f"/v1/studies/{study_id}", "/v1/studies", f"/v1/studies/{study_id}/report", "/v1/info"]
    with line.infra.frozen("postgres"):
        clients = [api.client() for _ in range(MANY)]
        unavailable(
            at_the_same_time(
                lambda n: send(clients[n]) if n % 5 == 4 else clients[n].get(paths[n % 5]),
                lambda: quick(client, "/healthz"),
            )
        )
        assert client.get("/readyz").json()["parts"]["database"]["ok"] is False
    wait_for(lambda: client.get(paths[0]).status_code == 200, 20, "the polls to be back")
    assert sent(client, a_png(1))


def test_studies_are_taken_in_while_the_broker_hangs_and_are_hinted_at_after(
    line: Line, api: ApiServer, client: httpx.Client
):
    sent(client)
    broker = queue.connect_broker(QueueSettings(url=line.infra.broker_url))
    with line.infra.frozen("broker"):
        clients = [api.client() for _ in range(MANY)]
        taken = at_the_same_time(
            lambda n: send(clients[n], a_png(n)), lambda: quick(client, "/v1/studies", "/healthz")
        )
        assert {answer.status_code for answer in taken} == {202}
    wait_for(
        lambda: queue.queue_lengths(broker)[Stage.CNN, Priority.ROUTINE] > MANY // 2,
        60,
        "the hints to be sent",
    )


def test_looking_at_servers_that_hang_takes_no_more_threads_than_there_are_servers(
    line: Line, client: httpx.Client
):
    client.get("/readyz")
    before = threading.active_count()
    with line.infra.frozen("storage"), line.infra.frozen("broker"):
        for _ in range(3):
            time.sleep(1.1)  # an answer holds for a second
            parts = client.get("/readyz").json()["parts"]
            assert (parts["storage"]["ok"], parts["broker"]["ok"]) == (False, False)
        assert threading.active_count() <= before


@pytest.mark.parametrize("server", ["storage", "broker"])
def test_a_server_that_hangs_keeps_no_lease_from_being_taken_back(line: Line, server: str):
    study_id, erased = line.submit(2, hint=False)
    with line.database.session() as session:
        erasure.erase(session, erased, actor=SOMEBODY)
    let_notes_come_due(line.database)
    with line.infra.frozen(server):
        line.start("shared.work.sweeper")
        for _ in range(2):
            a_claim(line.database, study_id, lease=timedelta(seconds=2))
            # A tidying sweeper that waits for the store would be away for more than a minute and a half.
            wait_for(lambda: line.status(study_id) is StudyStatus.QUEUED, 45, "the lease to be taken back")


def test_an_original_that_rots_on_the_disk_is_unreadable_alone_and_comes_right_when_sent_again(
    line: Line,
):
    content = random.Random(7).randbytes(5000)
    digest = hashlib.sha256(content).hexdigest()
    line.storage.put_original(BytesIO(content), digest)
    line.infra.stop("storage")
    flip_a_byte(line.infra.home.folder("storage"), content)
    line.infra.start("storage")
    hurried = Storage(line.storage_settings, SHORT)
    # SeaweedFS finds a wrong checksum, and tries for 26 seconds to find a copy that has the right one.
    with pytest.raises(UnreadableError, match="send it again"):
        hurried.get_original(digest)
    assert not hurried.has_original("0" * 64)
    assert hurried.put_original(BytesIO(content), digest) is Damage.UNREADABLE
    assert hurried.get_original(digest) == content


def flip_a_byte(folder: Path, content: bytes) -> None:
    for volume in folder.rglob("*.dat"):
        place = volume.read_bytes().find(content)
        if place >= 0:
            with volume.open("r+b") as file:
                file.seek(place + 100)
                file.write(bytes([content[100] ^ 1]))
            return
    pytest.fail("the object lies in no volume")
