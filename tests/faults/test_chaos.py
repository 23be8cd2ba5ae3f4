"""Two hundred studies while parts are killed at random: none lost, none reported twice."""

import random
import time

from shared.domain import StudyStatus
from tests.faults.conftest import WORKERS, Line

STUDIES = 200
KILLS = 8


def test_two_hundred_studies_while_parts_are_killed_at_random(line: Line):
    chance = random.Random(2026)
    running = line.start_all()
    for _ in range(KILLS):
        line.submit(STUDIES // KILLS)
        time.sleep(chance.uniform(0.5, 3))
        victim = chance.choice([*WORKERS, "broker"])
        if victim == "broker":
            line.infra.kill("broker")
            line.infra.start("broker")
        else:
            running[victim].kill()
            running[victim] = line.start(victim)
    line.wait(line.submitted, 200)
    assert line.check() == {StudyStatus.COMPLETED: STUDIES}
