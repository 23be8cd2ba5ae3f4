"""Two hundred uploads while every part is killed in turn: none lost, none taken or reported twice."""

import random
from concurrent.futures import Future, ThreadPoolExecutor
from io import BytesIO
from uuid import UUID

import httpx
import pytest
from sqlalchemy import func, select

from cxr.client import Client
from cxr.local.state import free_port
from shared.domain import StudyId, StudyStatus
from shared.tables import StudyRow
from tests.faults.conftest import WORKERS, Line
from tests.support.services import Service, wait_for

STUDIES = 200
SERVERS = ("postgres", "storage", "broker")
VICTIMS = ("api", *WORKERS, *SERVERS)
PATIENCE_SECONDS = 180
"""A client sends an upload again, with its key, for as long as this."""


def start_api(line: Line, port: int) -> Service:
    line.environment |= {"CXR_API_PORT": str(port), "CXR_API_AUTH": "off"}
    api = line.launch("api")
    wait_for(lambda: answers(f"http://127.0.0.1:{port}/healthz"), 90, "the API to answer")
    return api


def answers(url: str) -> bool:
    try:
        return httpx.get(url).status_code == 200
    except httpx.TransportError:
        return False


@pytest.mark.timeout(1200)
def test_two_hundred_uploads_while_every_part_is_killed(line: Line):
    chance = random.Random(2026)
    port = free_port()
    running = {"api": start_api(line, port), **line.start_all()}

    def upload(client: Client, number: int) -> StudyId:
        radiograph = line.another_radiograph()
        file = (f"chest-{number}.png", lambda: BytesIO(radiograph))
        return StudyId(UUID(client.submit([file], idempotency_key=f"upload {number}").id))

    sent: list[Future[StudyId]] = []
    with (
        Client(f"http://127.0.0.1:{port}", patience=PATIENCE_SECONDS) as client,
        ThreadPoolExecutor(4) as pool,
    ):
        for victim in chance.sample(VICTIMS, len(VICTIMS)):
            more = range(len(sent), len(sent) + STUDIES // len(VICTIMS) + 1)
            sent += [pool.submit(upload, client, number) for number in more]
            # It dies under load: with some of this round's uploads taken, and the others on their way.
            wait_for(sent[-chance.randrange(15, len(more))].done, 300, "uploads to be taken")
            if victim in SERVERS:
                line.infra.kill(victim)
                line.infra.start(victim)
                continue
            running[victim].kill()
            running[victim] = start_api(line, port) if victim == "api" else line.start(victim)
        line.submitted = [upload.result() for upload in sent]
    assert len(line.submitted) >= STUDIES
    with line.database.session() as session:
        taken = session.scalar(select(func.count()).select_from(StudyRow))
    assert taken == len(set(line.submitted)) == len(sent), "one study a key"
    line.wait(line.submitted, 600)
    assert line.check() == {StudyStatus.COMPLETED: len(sent)}
