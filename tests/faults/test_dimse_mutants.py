"""Three thousand damaged DICOM files by storescu: each is taken or refused, and the gateway goes on."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import pytest
from pynetdicom.sop_class import Verification

from shared.records.database import Database
from shared.storage import Storage
from tests.support.gateways import answered_with_success, association, gateway, storescu
from tests.support.mutations import mutants
from tests.support.stack import InfraStack

FILES: Final = 3000
SENDERS: Final = 3


@pytest.mark.timeout(1500)
def test_damaged_files_crash_nothing_and_hang_nothing(
    infra: InfraStack, database: Database, storage: Storage, tmp_path: Path
):
    folders = [tmp_path / str(sender) for sender in range(SENDERS)]
    for folder in folders:
        folder.mkdir()
    for number, file in enumerate(mutants(FILES)):
        (folders[number % SENDERS] / file.name).write_bytes(file.content)
    with gateway(infra.environment(), tmp_path) as running, ThreadPoolExecutor(SENDERS) as threads:
        process = running.service.process

        # Not to halt over one that cannot be sent or was refused; without any wait for an answer of ours.
        def send(folder: Path) -> tuple[int, int]:
            done = storescu(running.port, folder, options=["-nh", "-td", "120"], seconds=1200)
            told = done.stdout + done.stderr
            assert "DIMSE No data available" not in told, "an answer that never came"
            return len(answered_with_success(done)), told.count("Received Store Response")

        taken, answered = map(sum, zip(*threads.map(send, folders), strict=True))
        assert process.poll() is None
        with association(running.port, Verification) as peer:
            assert peer.send_c_echo().Status == 0x0000
        logged = running.service.text()
    # dcmtk itself sends no more of them than it can read.
    assert answered > FILES / 10
    assert 0 < taken < answered
    assert "instance.failed" not in logged, logged[-3000:]
