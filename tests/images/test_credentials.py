"""The passwords that a compose installation makes for itself, and the real servers that take them."""

import subprocess
import sys
from pathlib import Path

import boto3
import pytest
from botocore.exceptions import BotoCoreError, ClientError
from redis import Redis, RedisError

from cxr.local.broker import _binary as valkey_server
from cxr.local.state import choose_state, free_port
from cxr.local.storage import _binary as weed
from cxr.local.storage import remove_sockets
from tests.support.images import services
from tests.support.services import ROOT, wait_for


def make(folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, ROOT / "docker" / "credentials.py", folder],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def contents(folder: Path) -> dict[str, str]:
    return {file.name: file.read_text() for file in folder.iterdir()}


def test_the_key_is_printed_at_every_start_and_stays_the_same(tmp_path: Path):
    first = make(tmp_path)
    made = contents(tmp_path)
    assert made["CXR_API_ADMIN_KEY"] in first
    assert made["grafana-password"] in first
    assert make(tmp_path) == first
    assert contents(tmp_path) == made


def test_no_two_installations_share_a_password(tmp_path: Path):
    one, other = tmp_path / "one", tmp_path / "other"
    for folder in (one, other):
        folder.mkdir()
        make(folder)
    assert set(contents(one).values()).isdisjoint(contents(other).values())


def test_a_start_that_was_cut_off_is_made_good(tmp_path: Path):
    make(tmp_path)
    made = contents(tmp_path)
    (tmp_path / "CXR_QUEUE_URL").unlink()
    (tmp_path / "s3-identities.json").unlink()
    (tmp_path / ".CXR_QUEUE_URL").write_text("redis://:ha")
    (tmp_path / ".CXR_QUEUE_URL").chmod(0o444)
    make(tmp_path)
    assert contents(tmp_path) == made


def test_only_the_keys_of_people_are_printed(tmp_path: Path):
    printed = make(tmp_path)
    for name in ("postgres-password", "broker-password", "CXR_STORAGE_SECRET_KEY"):
        assert contents(tmp_path)[name] not in printed


def started(command: list[str], folder: Path) -> "subprocess.Popen[bytes]":
    with (folder / "log").open("wb") as log:
        return subprocess.Popen(command, cwd=folder, stdout=log, stderr=subprocess.STDOUT)


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    folder = tmp_path / "secrets"
    folder.mkdir()
    make(folder)
    return folder


def command_of(name: str, places: dict[str, Path]) -> list[str]:
    words = services()[name]["command"]
    for place, folder in places.items():
        words = [word.replace(place, str(folder)) for word in words]
    return words


def test_valkey_starts_with_composes_command_and_asks_for_the_password(tmp_path: Path, secrets: Path):
    data, port = tmp_path / "data", free_port()
    data.mkdir()
    command = command_of("broker", {"/data": data, "/run/secrets": secrets})
    server = started([str(valkey_server()), *command[1:], "--bind", "127.0.0.1", "--port", str(port)], data)
    try:
        url = contents(secrets)["CXR_QUEUE_URL"].replace("broker:6379", f"127.0.0.1:{port}")

        def answers() -> bool:
            try:
                return bool(Redis.from_url(url).ping())
            except RedisError:
                return False

        wait_for(answers, 10, "Valkey to answer")
        with pytest.raises(RedisError, match=r"(?i)authenticat"):
            Redis(port=port).ping()
        assert Redis.from_url(url).config_get("appendonly") == {"appendonly": "yes"}
    finally:
        server.terminate()
        server.wait(30)


def test_seaweedfs_starts_with_composes_command_and_asks_for_the_key(tmp_path: Path, secrets: Path):
    data = tmp_path / "data"
    data.mkdir()
    state = choose_state(tmp_path / "state.json", api_port=0)
    ports = {
        "s3": state.ports.storage,
        "master": state.ports.storage_master,
        "volume": state.ports.storage_volume,
        "filer": state.ports.storage_filer,
        "admin": state.ports.storage_admin,
    }
    command = command_of("storage", {"/data": data, "/run/secrets": secrets})
    # Tests share the machine's addresses: they get loopback and free ports.
    own = [word for word in command if not word.startswith("-ip.bind=")]
    own += ["-ip.bind=127.0.0.1", *(f"-{part}.port={port}" for part, port in ports.items())]
    own += ["-filer.localSocket=f.sock", "-s3.localSocket=s.sock"]
    server = started([str(weed()), *own], data)
    try:
        made = contents(secrets)

        def client(secret: str):
            return boto3.client(
                "s3",
                endpoint_url=f"http://127.0.0.1:{ports['s3']}",
                region_name="us-east-1",
                aws_access_key_id=made["CXR_STORAGE_ACCESS_KEY"],
                aws_secret_access_key=secret,
            )

        def takes_a_bucket() -> bool:
            try:
                client(made["CXR_STORAGE_SECRET_KEY"]).create_bucket(Bucket="cxr-reporter")
            except (ClientError, BotoCoreError):
                return False
            return True

        wait_for(takes_a_bucket, 60, "SeaweedFS to take a bucket")
        with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
            client("wrong").list_buckets()
    finally:
        server.terminate()
        server.wait(30)
        remove_sockets(state)
