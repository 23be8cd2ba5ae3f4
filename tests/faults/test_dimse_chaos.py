"""Three hundred instances by storescu while parts are killed: what was answered with success is in, once."""

import random
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import pytest
from sqlalchemy import func, select

from cxr.local.state import free_port
from shared.records.tables import ImageRow, StudyRow
from tests.faults.conftest import Line
from tests.support.dicoms import a_dicom, a_picture
from tests.support.gateways import answered_with_success, storescu

STUDIES: Final = 100
IMAGES: Final = 3
KILLS: Final = 14
OURS: Final = ("gateway", "worker_cnn", "shared.work.sweeper")
SERVERS: Final = ("postgres", "storage", "broker")
LONGEST_PAUSE_SECONDS: Final = 3
ENOUGH_SECONDS: Final = 600
"""For one study, on two busy cores."""


def written(folder: Path) -> dict[Path, str]:
    """Write the studies, a folder each; return the instances' UIDs by their files."""
    uids = {}
    for study in range(STUDIES):
        (folder / str(study)).mkdir(parents=True)
        for image in range(IMAGES):
            uid = f"2.25.{study + 1}0{image}"
            path = folder / str(study) / f"{image}.dcm"
            path.write_bytes(
                a_dicom(
                    a_picture(24, 24) + image,
                    StudyInstanceUID=f"2.25.{study + 1}",
                    SOPInstanceUID=uid,
                    PatientID=f"P{study}",
                )
            )
            uids[path] = uid
    return uids


def send(port: int, folder: Path) -> int:
    """Send a study until each of its instances was answered with success; return how often it took."""
    left, tries, until = set(folder.iterdir()), 0, time.monotonic() + ENOUGH_SECONDS
    while left:
        assert time.monotonic() < until, f"{len(left)} instances of a study were never taken"
        tries += 1
        try:
            done = storescu(port, *sorted(left), options=["-nh", "-to", "5", "-td", "30", "-ta", "10"])
        except subprocess.TimeoutExpired:
            pytest.fail("storescu hangs")
        left -= answered_with_success(done)
        time.sleep(0.2)
    return tries


@pytest.mark.timeout(1500)
def test_three_hundred_instances_while_parts_are_killed(line: Line, tmp_path: Path):
    chance = random.Random(2026)
    port = free_port()
    line.environment |= {
        "CXR_API_AUTH": "off",
        "CXR_GATEWAY_DICOM_PORT": str(port),
        "CXR_GATEWAY_HL7_PORT": str(free_port()),
        "CXR_GATEWAY_CLOSE_AFTER": "2",
    }
    uids = written(tmp_path / "sent")
    running = {victim: line.launch(victim) for victim in OURS}
    victims = [*OURS, *SERVERS, *chance.choices((*OURS, *SERVERS, "gateway", "gateway"), k=KILLS - 6)]
    folders = sorted((tmp_path / "sent").iterdir())
    with ThreadPoolExecutor(4) as pool:
        sending = [pool.submit(send, port, folder) for folder in folders]
        for victim in victims:
            time.sleep(chance.uniform(0, LONGEST_PAUSE_SECONDS))
            if victim in SERVERS:
                line.infra.kill(victim)
                line.infra.start(victim)
            else:
                running[victim].kill()
                running[victim] = line.launch(victim)
        tries = [one.result() for one in sending]
    assert max(tries) > 1, "nothing was ever sent again: nothing was killed in time"
    with line.database.session() as session:
        held = session.execute(
            select(ImageRow.sop_instance_uid, ImageRow.sha256, StudyRow.id).join(
                StudyRow, StudyRow.id == ImageRow.study_id
            )
        ).all()
        studies = session.scalar(select(func.count()).select_from(StudyRow))
    assert sorted(str(uid) for uid, _, _ in held) == sorted(uids.values()), "each once, and nothing else"
    assert studies == STUDIES == len({study for _, _, study in held})
    for _, digest, _ in held:
        line.storage.get_original(digest)
