"""Originals and artefacts on the real S3 server."""

import hashlib
import io
from concurrent.futures import ThreadPoolExecutor

import pytest

from shared.domain import StudyId, new_id
from shared.errors import TryAgainError
from shared.settings import StorageSettings
from shared.storage import (
    CorruptOriginalError,
    NotStoredError,
    Storage,
    heatmap_key,
    original_key,
    preview_key,
)


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


def test_an_original_that_was_changed_is_never_handed_out(storage: Storage):
    digest = digest_of(b"true")
    storage.put_artefact(original_key(digest), b"false", media_type="application/octet-stream")
    with pytest.raises(CorruptOriginalError, match=digest):
        storage.get_original(digest)


def test_a_missing_object_is_said_to_be_missing(storage: Storage):
    key = preview_key(StudyId(new_id()), 0)
    with pytest.raises(NotStoredError):
        storage.get(key)
    with pytest.raises(NotStoredError):
        storage.stream(key)


def test_what_was_derived_from_a_study_goes_and_its_neighbour_stays(storage: Storage):
    study, other = StudyId(new_id()), StudyId(new_id())
    for key in (preview_key(study, 0), heatmap_key(study, 0, "Effusion"), preview_key(other, 0)):
        storage.put_artefact(key, b"png")
    storage.delete_derived(study)
    with pytest.raises(NotStoredError):
        storage.get(heatmap_key(study, 0, "Effusion"))
    assert b"".join(storage.stream(preview_key(other, 0))) == b"png"


def test_a_store_that_is_away_is_a_passing_error():
    away = Storage(StorageSettings(endpoint="http://127.0.0.1:1", access_key="a", secret_key="b"))
    for call in (
        away.ensure_bucket,
        lambda: away.get("x"),
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
