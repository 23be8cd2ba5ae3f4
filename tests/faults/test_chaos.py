"""Two hundred uploads while parts are killed forty times: none lost, none taken twice, none left."""

import random
import time
from concurrent.futures import Future, ThreadPoolExecutor
from io import BytesIO
from uuid import UUID

import pytest
from sqlalchemy import func, select

from cxr.client import Client
from cxr.local.state import free_port
from shared.domain.studies import StudyId, StudyStatus
from shared.records.tables import StudyRow
from tests.faults.conftest import WORKERS, Line
from tests.support.services import Service

STUDIES = 200
KILLS = 40
SERVERS = ("postgres", "storage", "broker")
OURS = ("api", *WORKERS)
VICTIMS = (*OURS, *SERVERS)
PATIENCE_SECONDS = 180
"""A client sends an upload again, with its key, for as long as this."""
LONGEST_PAUSE_SECONDS = 3
ENOUGH_SECONDS = 600
"""After the last kill, on two busy cores."""


def start(line: Line, victim: str, port: int) -> Service:
    line.environment |= {"CXR_API_PORT": str(port), "CXR_API_AUTH": "off"}
    return line.launch(victim)


@pytest.mark.timeout(1500)
def test_two_hundred_uploads_while_parts_are_killed_forty_times(line: Line):
    chance = random.Random(2026)
    port = free_port()
    running = {victim: start(line, victim, port) for victim in OURS}
    # Each part at least once, and any of them as often as it comes.
    victims = [*chance.sample(VICTIMS, len(VICTIMS)), *chance.choices(VICTIMS, k=KILLS - len(VICTIMS))]

    def upload(client: Client, number: int) -> StudyId:
        radiograph = line.another_radiograph()
        file = (f"chest-{number}.png", lambda: BytesIO(radiograph))
        return StudyId(UUID(client.submit([file], idempotency_key=f"upload {number}").id))

    sent: list[Future[StudyId]] = []
    with (
        Client(f"http://127.0.0.1:{port}", patience=PATIENCE_SECONDS) as client,
        ThreadPoolExecutor(4) as pool,
    ):
        for victim in victims:
            more = range(len(sent), len(sent) + STUDIES // KILLS)
            sent += [pool.submit(upload, client, number) for number in more]
            # At any moment: while uploads are taken, while another part is still starting.
            time.sleep(chance.uniform(0, LONGEST_PAUSE_SECONDS))
            if victim in SERVERS:
                line.infra.kill(victim)
                line.infra.start(victim)
            else:
                running[victim].kill()
                running[victim] = start(line, victim, port)
        line.submitted = [upload.result() for upload in sent]
    assert len(line.submitted) == STUDIES
    with line.database.session() as session:
        taken = session.scalar(select(func.count()).select_from(StudyRow))
    assert taken == len(set(line.submitted)) == STUDIES, "one study a key"
    line.wait(line.submitted, ENOUGH_SECONDS)
    assert line.check() == {StudyStatus.COMPLETED: STUDIES}
