"""What the chart carries to run inside pods: the pull of models, and the study of `helm test`."""

import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import boto3
import pytest
from sqlalchemy import select

from shared.domain.studies import StudyId
from shared.records.database import Database
from shared.records.tables import StudyRow
from shared.settings import AuthMode, StorageSettings
from shared.storage import Storage
from tests.support.api import ADMIN_KEY, ApiServer, complete
from tests.support.helm import CHART
from tests.support.services import ROOT
from tests.support.stack import InfraStack, wait_until

PULL = CHART / "files" / "pull_models.py"
SUBMIT = CHART / "files" / "submit_study.py"
SAMPLE = ROOT / "samples" / "chest-1.png"


def run(script: Path, *arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("CXR_")}
    return subprocess.run(
        [sys.executable, script, *map(str, arguments)],
        env={**inherited, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def bundle(infra: InfraStack, storage: Storage) -> bytes:
    """Return a bundle's archive, which also lies in the bucket as models/densenet.tar."""
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w") as archive:
        card = tarfile.TarInfo("card.json")
        card.size = 2
        archive.addfile(card, io.BytesIO(b"{}"))
    client = boto3.client(
        "s3",
        endpoint_url=infra.storage_endpoint,
        region_name="us-east-1",
        aws_access_key_id=infra.storage_access_key,
        aws_secret_access_key=infra.storage_secret_key,
    )
    client.put_object(Bucket=StorageSettings().bucket, Key="models/densenet.tar", Body=held.getvalue())
    return held.getvalue()


def pull(infra: InfraStack, folder: Path, **entry: str) -> subprocess.CompletedProcess[str]:
    listed = folder / "models.json"
    listed.write_text(json.dumps([entry]))
    (folder / "models").mkdir()
    return run(PULL, listed, folder / "models", **infra.environment())


def test_a_model_is_fetched_checked_and_unpacked(infra: InfraStack, bundle: bytes, tmp_path: Path):
    digest = hashlib.sha256(bundle).hexdigest()
    ended = pull(infra, tmp_path, key="models/densenet.tar", path="cnn/densenet.tar", sha256=digest)
    assert ended.returncode == 0, ended.stderr
    assert (tmp_path / "models" / "cnn" / "densenet" / "card.json").read_text() == "{}"
    assert not (tmp_path / "models" / "cnn" / "densenet.tar").exists()


def test_a_model_of_another_digest_stops_the_pod_and_leaves_nothing(
    infra: InfraStack, bundle: bytes, tmp_path: Path
):
    ended = pull(infra, tmp_path, key="models/densenet.tar", path="densenet.tar", sha256="0" * 64)
    assert ended.returncode == 1
    assert hashlib.sha256(bundle).hexdigest() in ended.stderr
    assert list((tmp_path / "models").iterdir()) == []


def test_a_model_stays_in_its_folder(infra: InfraStack, bundle: bytes, tmp_path: Path):
    ended = pull(infra, tmp_path, key="models/densenet.tar", path="../densenet.tar", sha256="0" * 64)
    assert ended.returncode == 1
    assert "lies outside" in ended.stderr


@pytest.fixture
def api(infra: InfraStack, database: Database, storage: Storage) -> Iterator[ApiServer]:
    with ApiServer(infra, auth=AuthMode.REQUIRED) as server:
        yield server


def waiting(database: Database) -> list[StudyId]:
    with database.session() as session:
        return [StudyId(study_id) for study_id in session.scalars(select(StudyRow.id))]


def test_the_study_of_helm_test_is_submitted_and_its_report_read(api: ApiServer, database: Database):
    with ThreadPoolExecutor(1) as threads:
        ended = threads.submit(run, SUBMIT, api.url, SAMPLE, 60, CXR_KEY=ADMIN_KEY)
        wait_until(lambda: bool(waiting(database)), timeout=30, what="the study")
        complete(database, waiting(database)[0])
        result = ended.result()
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines()[-2:] == ["it is completed", "Pleural effusion."]


def test_helm_test_fails_when_no_report_comes(api: ApiServer):
    ended = run(SUBMIT, api.url, SAMPLE, 0, CXR_KEY=ADMIN_KEY)
    assert ended.returncode == 1
    assert "still queued" in ended.stderr


def test_helm_test_says_why_it_was_refused(api: ApiServer):
    ended = run(SUBMIT, api.url, SAMPLE, 10, CXR_KEY="wrong")
    assert ended.returncode == 1
    assert "unknown or revoked" in ended.stderr
