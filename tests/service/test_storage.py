"""Originals and artefacts on the real S3 server."""

import hashlib
import io
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any

import boto3
import pytest
from botocore.config import Config

from shared.bucket import NotStoredError, Patience
from shared.domain.studies import StudyId, new_id
from shared.errors import Damage, DamagedError, DamagedOriginalError, TryAgainError
from shared.settings import StorageSettings
from shared.storage import Storage, heatmap_key, original_key, preview_key
from tests.support.stack import InfraStack


def settings_of(infra: InfraStack, **others: Any) -> StorageSettings:
    return StorageSettings(
        endpoint=infra.storage_endpoint,
        access_key=infra.storage_access_key,
        secret_key=infra.storage_secret_key,
        **others,
    )


def s3_client(infra: InfraStack):
    """Return a client that stores what it is told to, without a word from our code."""
    return boto3.client(
        "s3",
        endpoint_url=infra.storage_endpoint,
        region_name="us-east-1",
        aws_access_key_id=infra.storage_access_key,
        aws_secret_access_key=infra.storage_secret_key,
        config=Config(s3={"addressing_style": "path"}),
    )


@contextmanager
def trickling_server() -> Iterator[str]:
    """Serve an object of four thousand bytes, one a second."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _ = listener.accept()
        with connection, suppress(OSError):
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4000\r\n\r\n")
            for _ in range(4000):
                connection.sendall(b"x")
                time.sleep(0.5)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    listener.close()
    thread.join(10)


def digest_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_an_original_comes_back_as_it_was_and_twice_is_once(storage: Storage):
    content = b"DICM" * 100_000
    digest = digest_of(content)
    assert not storage.has_original(digest)
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: storage.put_original(io.BytesIO(content), digest), range(8)))
    assert storage.has_original(digest)
    assert storage.get_original(digest) == content


def test_the_callers_file_stays_open_and_is_read_from_where_it_stands(storage: Storage):
    content = io.BytesIO(b"head" + b"body")
    content.seek(4)
    storage.put_original(content, digest_of(b"body"))
    assert not content.closed
    assert storage.get_original(digest_of(b"body")) == b"body"


def test_an_original_is_sent_once_and_a_large_one_in_parts(storage: Storage):
    content = b"DICM" * 5_000_000
    digest = digest_of(content)
    for _ in range(2):
        assert storage.put_original(io.BytesIO(content), digest) is None
    assert storage.get_original(digest) == content


@pytest.mark.parametrize("now", [b"false", b"tru", b""], ids=["changed", "cut", "empty"])
def test_an_original_that_was_changed_is_never_handed_out_and_comes_right_when_it_is_sent_again(
    storage: Storage, now: bytes
):
    digest = digest_of(b"true")
    assert storage.put_original(io.BytesIO(b"true"), digest) is None
    storage.put_artefact(original_key(digest), now)
    with pytest.raises(DamagedOriginalError, match="no longer has the bytes") as caught:
        storage.get_original(digest)
    assert (caught.value.damage, caught.value.digest) == (Damage.CHANGED, digest)
    assert storage.put_original(io.BytesIO(b"true"), digest) is Damage.CHANGED
    assert storage.get_original(digest) == b"true"
    assert storage.put_original(io.BytesIO(b"true"), digest) is None


def test_an_original_that_is_gone_is_damaged_too(storage: Storage):
    digest = digest_of(b"gone")
    storage.put_original(io.BytesIO(b"gone"), digest)
    storage.delete_original(digest)
    with pytest.raises(DamagedOriginalError, match="is missing"):
        storage.get_original(digest)


def test_a_picture_is_not_handed_out_changed_and_an_old_one_without_its_digest_is(storage: Storage, infra):
    key = preview_key(StudyId(new_id()), 0)
    storage.put_artefact(key, b"png")
    assert storage.get_artefact(key) == b"png"
    plain = s3_client(infra)
    metadata = plain.head_object(Bucket="cxr-reporter", Key=key)["Metadata"]
    plain.put_object(Bucket="cxr-reporter", Key=key, Body=b"gnp", Metadata=metadata)
    with pytest.raises(DamagedError, match="no longer has the bytes"):
        storage.get_artefact(key)
    plain.put_object(Bucket="cxr-reporter", Key=key, Body=b"old")
    assert storage.get_artefact(key) == b"old"


def test_a_missing_picture_is_said_to_be_missing(storage: Storage):
    with pytest.raises(NotStoredError):
        storage.get_artefact(preview_key(StudyId(new_id()), 0))


def test_without_the_bucket_nothing_is_missing_but_all_waits(infra):
    nowhere = Storage(settings_of(infra, bucket="never-made"))
    with pytest.raises(TryAgainError, match="NoSuchBucket"):
        nowhere.get_original(digest_of(b"waits"))


def test_a_store_that_trickles_is_a_passing_error_in_time():
    patience = Patience(connect_seconds=1, answer_seconds=1, tries=1)
    with trickling_server() as endpoint:
        slow = Storage(StorageSettings(endpoint=endpoint, access_key="a", secret_key="b"), patience)
        started = time.monotonic()
        with pytest.raises(TryAgainError, match="too slowly"):
            slow.get_original("0" * 64)
    assert time.monotonic() - started < 30  # where the whole would come in an hour


def test_what_was_derived_from_a_study_goes_and_its_neighbour_stays(storage: Storage):
    study, other = StudyId(new_id()), StudyId(new_id())
    for key in (preview_key(study, 0), heatmap_key(study, 0, "d" * 64, "Effusion"), preview_key(other, 0)):
        storage.put_artefact(key, b"png")
    storage.delete_derived(study)
    with pytest.raises(NotStoredError):
        storage.get_artefact(heatmap_key(study, 0, "d" * 64, "Effusion"))
    assert storage.get_artefact(preview_key(other, 0)) == b"png"


def test_a_store_that_is_away_is_a_passing_error():
    away = Storage(StorageSettings(endpoint="http://127.0.0.1:1", access_key="a", secret_key="b"))
    for call in (
        away.ensure_bucket,
        lambda: away.get_artefact("x"),
        lambda: away.has_original("0" * 64),
        lambda: away.put_artefact("x", b""),
        lambda: away.put_original(io.BytesIO(b""), "0" * 64),
    ):
        with pytest.raises(TryAgainError):
            call()


def test_a_refused_write_is_a_passing_error(storage: Storage, infra):
    stranger = Storage(
        StorageSettings(
            endpoint=infra.storage_endpoint, access_key=infra.storage_access_key, secret_key="wrong"
        )
    )
    with pytest.raises(TryAgainError, match="SignatureDoesNotMatch"):
        stranger.put_artefact("x", b"")
