"""The passwords that a compose installation makes for itself, and the real servers that take them."""

import shutil
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
from tests.support.doors import Door
from tests.support.images import services
from tests.support.services import ROOT, wait_for


def make(folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, ROOT / "docker" / "credentials.py", folder, folder.with_name("consumers")],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def contents(folder: Path) -> dict[str, str]:
    return {file.name: file.read_text() for file in folder.iterdir()}


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    folder = tmp_path / "secrets"
    folder.mkdir()
    return folder


def test_the_key_is_printed_at_every_start_and_stays_the_same(kept: Path):
    first = make(kept)
    made = contents(kept)
    assert made["CXR_API_ADMIN_KEY"] in first
    assert made["grafana-password"] in first
    assert make(kept) == first
    assert contents(kept) == made


def test_no_two_installations_share_a_password(tmp_path: Path):
    one, other = tmp_path / "one" / "secrets", tmp_path / "other" / "secrets"
    for folder in (one, other):
        folder.mkdir(parents=True)
        make(folder)
    shared = set(contents(one).values()) & set(contents(other).values())
    assert shared == {contents(one)["security.toml"]}, "which names the certificate's file"


def test_a_start_that_was_cut_off_is_made_good(kept: Path):
    make(kept)
    made = contents(kept)
    (kept / "CXR_QUEUE_URL").unlink()
    (kept / "s3-identities.json").unlink()
    (kept / ".CXR_QUEUE_URL").write_text("redis://:ha")
    (kept / ".CXR_QUEUE_URL").chmod(0o444)
    make(kept)
    assert contents(kept) == made


def test_a_volume_of_an_older_release_keeps_what_it_has_and_gets_what_is_new(kept: Path):
    make(kept)
    made = contents(kept)
    for new in ("inner-doors.pem", "security.toml"):
        (kept / new).unlink()
    shutil.rmtree(kept.with_name("consumers"))
    make(kept)
    again = contents(kept)
    assert again.keys() == made.keys()
    assert {name for name in made if again[name] != made[name]} == {"inner-doors.pem"}
    assert contents(kept.with_name("consumers") / "storage")["inner-doors.pem"] == again["inner-doors.pem"]


def test_each_service_gets_what_it_needs_and_nothing_else(kept: Path):
    make(kept)
    made = contents(kept)
    given = {service.name: contents(service) for service in kept.with_name("consumers").iterdir()}
    assert {service: sorted(files) for service, files in given.items()} == {
        "postgres": ["postgres-password"],
        "broker": ["broker-password", "valkey.conf"],
        "storage": ["inner-doors.pem", "s3-identities.json", "security.toml"],
        "migrations": ["CXR_DATABASE_URL"],
        "api": [
            *("CXR_API_ADMIN_KEY", "CXR_DATABASE_URL", "CXR_QUEUE_URL"),
            *("CXR_STORAGE_ACCESS_KEY", "CXR_STORAGE_SECRET_KEY"),
        ],
        "worker-cnn": [
            *("CXR_DATABASE_URL", "CXR_QUEUE_URL", "CXR_STORAGE_ACCESS_KEY", "CXR_STORAGE_SECRET_KEY"),
        ],
        "worker-llm": [
            *("CXR_DATABASE_URL", "CXR_QUEUE_URL", "CXR_STORAGE_ACCESS_KEY", "CXR_STORAGE_SECRET_KEY"),
        ],
        "sweeper": [
            *("CXR_DATABASE_URL", "CXR_QUEUE_URL", "CXR_STORAGE_ACCESS_KEY", "CXR_STORAGE_SECRET_KEY"),
        ],
        "gateway": [
            *("CXR_DATABASE_URL", "CXR_QUEUE_URL", "CXR_STORAGE_ACCESS_KEY", "CXR_STORAGE_SECRET_KEY"),
        ],
        "grafana": ["grafana-password"],
    }
    for files in given.values():
        assert files.items() <= made.items()


def test_only_the_keys_of_people_are_printed(kept: Path):
    printed = make(kept)
    for name in ("postgres-password", "broker-password", "CXR_STORAGE_SECRET_KEY"):
        assert contents(kept)[name] not in printed


def started(command: list[str], folder: Path) -> "subprocess.Popen[bytes]":
    with (folder / "log").open("wb") as log:
        return subprocess.Popen(command, cwd=folder, stdout=log, stderr=subprocess.STDOUT)


@pytest.fixture
def secrets(kept: Path) -> Path:
    make(kept)
    return kept.with_name("consumers")


def command_of(name: str, places: dict[str, Path]) -> list[str]:
    words = services()[name]["command"]
    for place, folder in places.items():
        words = [word.replace(place, str(folder)) for word in words]
    return words


def test_valkey_starts_with_composes_command_and_asks_for_the_password(tmp_path: Path, secrets: Path):
    data, port = tmp_path / "data", free_port()
    data.mkdir()
    command = command_of("broker", {"/data": data, "/run/secrets": secrets / "broker"})
    server = started([str(valkey_server()), *command[1:], "--bind", "127.0.0.1", "--port", str(port)], data)
    try:
        url = contents(secrets / "worker-llm")["CXR_QUEUE_URL"].replace("broker:6379", f"127.0.0.1:{port}")

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
    mine = secrets / "storage"
    # It names the certificate where the container has it.
    configuration = mine / "security.toml"
    configuration.chmod(0o644)
    configuration.write_text(configuration.read_text().replace("/run/secrets", str(mine)))
    command = command_of("storage", {"/data": data, "/run/secrets": mine})
    # Tests share the machine's addresses: they get loopback and free ports.
    own = [word for word in command if not word.startswith("-ip.bind=")]
    own += ["-ip.bind=127.0.0.1", *(f"-{part}.port={port}" for part, port in ports.items())]
    own += ["-filer.localSocket=f.sock", "-s3.localSocket=s.sock"]
    server = started([str(weed()), *own], data)
    try:
        made = contents(secrets / "api")

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
        for part in ports.keys() - {"s3"}:
            for port in (ports[part], ports[part] + 10_000):
                assert Door(part, server.pid, ("127.0.0.1", port)).answers() == []
    finally:
        server.terminate()
        server.wait(30)
        remove_sockets(state)
