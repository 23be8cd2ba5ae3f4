"""Originals that rot, vanish or are cut in the object store; a store and a disk that are full."""

import hashlib
import itertools
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
import pytest
from prometheus_client import REGISTRY

from api import originals
from cxr.local.storage import _binary
from shared.records.database import Database
from shared.storage import Storage, original_key, preview_key
from tests.support.api import ApiServer, a_png, complete, send, sent
from tests.support.stack import InfraStack, wait_until

CONTENT = a_png(1)
DIGEST = hashlib.sha256(CONTENT).hexdigest()

HARM: dict[str, tuple[str, Callable[[Storage], None]]] = {
    "a flipped byte": (
        "changed",
        lambda store: store.put_artefact(original_key(DIGEST), CONTENT[:99] + b"?" + CONTENT[100:]),
    ),
    "cut": ("changed", lambda store: store.put_artefact(original_key(DIGEST), CONTENT[:-1])),
    "gone": ("missing", lambda store: store.delete_original(DIGEST)),
}


@pytest.fixture
def api(infra: InfraStack, database: Database, storage: Storage) -> Iterator[ApiServer]:
    with ApiServer(infra) as server:
        yield server


@pytest.fixture
def client(api: ApiServer) -> httpx.Client:
    return api.client()


def counted(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


@pytest.mark.parametrize(("damage", "harm"), HARM.values(), ids=HARM)
def test_a_damaged_original_is_an_error_until_it_is_sent_again(
    client: httpx.Client, storage: Storage, damage: str, harm: Callable[[Storage], None]
):
    path = f"/v1/studies/{sent(client, CONTENT)}/images/0/original"
    assert client.get(path).content == CONTENT
    harm(storage)
    before = counted("cxr_originals_damaged_total", damage=damage)
    answer = client.get(path)
    assert (answer.status_code, answer.json()["type"]) == (500, "/problems/damaged-original")
    assert "Send the same file again" in answer.json()["advice"]
    assert counted("cxr_originals_damaged_total", damage=damage) == before + 1
    assert send(client, CONTENT).status_code == 202
    again = client.get(path)
    assert (again.status_code, again.content) == (200, CONTENT)


def test_a_large_original_is_verified_before_its_first_byte(client: httpx.Client, storage: Storage):
    content = a_png(2, side=3000)
    digest = hashlib.sha256(content).hexdigest()
    path = f"/v1/studies/{sent(client, content)}/images/0/original"
    assert client.get(path).content == content
    storage.put_artefact(original_key(digest), content[:-1] + b"?")
    assert client.get(path).status_code == 500


def test_an_original_that_was_erased_is_not_called_damaged(
    client: httpx.Client, storage: Storage, database: Database, monkeypatch: pytest.MonkeyPatch
):
    study_id = sent(client, CONTENT)
    before = counted("cxr_originals_damaged_total", damage="missing")
    copy = Storage.copy_original

    def erased_meanwhile(self: Storage, digest: str, target) -> None:
        assert httpx.delete(client.base_url.join(f"/v1/studies/{study_id}")).status_code == 204
        storage.delete_original(digest)
        copy(self, digest, target)

    monkeypatch.setattr(Storage, "copy_original", erased_meanwhile)
    assert client.get(f"/v1/studies/{study_id}/images/0/original").status_code == 410
    assert counted("cxr_originals_damaged_total", damage="missing") == before


def test_a_damaged_picture_is_an_error(
    client: httpx.Client, storage: Storage, database: Database, infra: InfraStack
):
    study_id = sent(client)
    complete(database, study_id)
    storage.put_artefact(preview_key(study_id, 0), b"a picture")
    path = f"/v1/studies/{study_id}/images/0/preview.png"
    assert client.get(path).content == b"a picture"
    s3 = storage._bucket._client
    metadata = s3.head_object(Bucket="cxr-reporter", Key=preview_key(study_id, 0))["Metadata"]
    s3.put_object(Bucket="cxr-reporter", Key=preview_key(study_id, 0), Body=b"b picture", Metadata=metadata)
    answer = client.get(path)
    assert (answer.status_code, answer.json()["type"]) == (500, "/problems/damaged")


def test_a_client_that_does_not_read_keeps_nothing_for_long(
    api: ApiServer, client: httpx.Client, monkeypatch: pytest.MonkeyPatch
):
    content = a_png(3, side=3000)
    study_id = sent(client, content)
    monkeypatch.setattr(originals, "LEAST_SECONDS", 1.0)
    monkeypatch.setattr(originals, "SLOWEST_CLIENT", 10**9)
    with socket.socket() as reader:
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        reader.connect(("127.0.0.1", api.port))
        request = f"GET /v1/studies/{study_id}/images/0/original HTTP/1.1\r\nHost: localhost\r\n\r\n"
        reader.sendall(request.encode())
        wait_until(lambda: api.backend.originals.held == 1, timeout=30, what="the original to be read")
        wait_until(lambda: api.backend.originals.held == 0, timeout=20, what="the client to be cut off")
        received = 0
        while piece := reader.recv(1 << 16):
            received += len(piece)
    assert received < len(content)


@contextmanager
def read_only(infra: InfraStack) -> Iterator[None]:
    """Let SeaweedFS refuse every write below its buckets, as it does when its volumes are full."""

    def configure(*options: str) -> None:
        doors = f"-config_dir={infra.home.folder('storage')}"
        shell = [str(_binary()), doors, "shell", f"-master=127.0.0.1:{infra.state.ports.storage_master}"]
        shell.append(f"-filer=127.0.0.1:{infra.state.ports.storage_filer}")
        line = " ".join(("fs.configure", "-locationPrefix=/buckets/", *options, "-apply"))
        subprocess.run(shell, input=f"{line}\n".encode(), capture_output=True, check=True, timeout=60)

    configure("-readOnly")
    try:
        yield
    finally:
        configure("-delete")


def test_a_store_that_takes_no_writes_is_told_and_reads_go_on(
    infra: InfraStack, client: httpx.Client, storage: Storage
):
    study_id = sent(client, CONTENT)
    with read_only(infra):
        numbers = itertools.count(4)

        def is_refused() -> bool:
            answer = send(client, a_png(next(numbers)))
            return (answer.status_code, answer.json().get("type")) == (503, "/problems/unavailable")

        wait_until(is_refused, timeout=30, what="the filer to have heard of it")
        time.sleep(1.1)
        answer = client.get("/readyz")
        assert answer.json()["parts"]["storage"] == {
            "ok": False,
            "detail": "takes no writes: it is full or read-only",
        }
        assert answer.status_code == 200
        assert client.get(f"/v1/studies/{study_id}/images/0/original").content == CONTENT

    def is_well() -> bool:
        ok: bool = client.get("/readyz").json()["parts"]["storage"]["ok"]
        return ok

    wait_until(is_well, timeout=30, what="the store to take writes again")


def test_a_disk_with_less_room_than_a_request_takes_the_process_out_of_the_balancer(
    infra: InfraStack, database: Database, storage: Storage
):
    with ApiServer(infra, max_request_bytes=10**18) as api:
        answer = api.client().get("/readyz")
        assert (answer.status_code, answer.json()["ready"]) == (503, False)
        assert answer.json()["parts"]["spool"]["ok"] is False
        assert api.client().get("/v1/studies").status_code == 200
