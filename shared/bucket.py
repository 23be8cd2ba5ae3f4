"""One bucket of an S3 server: objects in and out, and how long to wait for the server."""

import hashlib
import math
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from io import SEEK_END
from typing import IO, Final, Protocol

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ConnectTimeoutError, ReadTimeoutError
from urllib3.exceptions import HTTPError
from urllib3.exceptions import ReadTimeoutError as BodyTimeoutError

from shared.errors import CxrError, TryAgainError
from shared.settings import StorageSettings
from shared.silence import Silence

_MISSING: Final = frozenset({"404", "NoSuchKey", "NotFound"})
_NOT_OVER: Final = frozenset({"412", "PreconditionFailed", "ConditionalRequestConflict", "NotImplemented"})
"""What a condition is answered that does not hold, or that the server does not know."""
_TIMEOUTS: Final = (ConnectTimeoutError, ReadTimeoutError, BodyTimeoutError)
_ERRORS: Final = (ClientError, BotoCoreError, HTTPError)
"""The last is of a body that breaks off, for which botocore's own wrapper is not used."""
_CHUNK: Final = 1 << 20
_ONE_REQUEST_BYTES: Final = 16 << 20
"""Larger files go in parts; for smaller ones the parts' threads cost more than they bring."""
_SLOWEST: Final = 1 << 20
"""Bytes a second. A store that trickles an object more slowly counts as one that does not answer."""


class NotStoredError(CxrError):
    """The object store has no such object."""

    code = "not-stored"


class _RefusedError(CxrError):
    """The object store stores nothing over what is there, or knows no such condition."""

    code = "not-stored-over"


class UnreadableError(TryAgainError):
    """The store knows the object and cannot read it: its disk is damaged there, or a part of it is away."""

    code = "unreadable"


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a process waits for the store.

    Attributes:
        answer_seconds: for every sign of it, not for the whole of an object.
        tries: of each call, the first included.
    """

    connect_seconds: int
    answer_seconds: int
    tries: int

    def object_seconds(self, size: int) -> float:
        """How long reading an object may take, whatever happens: all tries, and its bytes at a crawl."""
        return self.tries * (self.connect_seconds + self.answer_seconds) + size / _SLOWEST


LONG: Final = Patience(connect_seconds=3, answer_seconds=30, tries=3)
"""Of a worker, which has nothing else to do."""
SHORT: Final = Patience(connect_seconds=2, answer_seconds=5, tries=2)
"""Of the API, whose client waits too and can ask again."""


@dataclass(frozen=True, slots=True)
class LastWrite:
    """When this process last stored something (by the monotonic clock), and whether the store refused it."""

    at: float = -math.inf
    refused: bool = False


@dataclass(frozen=True, slots=True)
class Copied:
    """What came of copying an object: the SHA-256 of its bytes, and what was noted when it was stored."""

    sha256: str
    metadata: Mapping[str, str]


class Target(Protocol):
    """Where an object is copied to."""

    def write(self, content: bytes, /) -> object:
        """Take the next bytes."""


class Bucket:
    """One process's way to the bucket."""

    def __init__(self, settings: StorageSettings, patience: Patience) -> None:
        self._name = settings.bucket
        self._region = settings.region
        self._patience = patience
        self._silence = Silence("the object store")
        self.last_write = LastWrite()
        self._client = boto3.client(
            "s3",
            endpoint_url=settings.endpoint,
            region_name=settings.region,
            aws_access_key_id=settings.access_key.get_secret_value() if settings.access_key else None,
            aws_secret_access_key=settings.secret_key.get_secret_value() if settings.secret_key else None,
            config=Config(
                connect_timeout=patience.connect_seconds,
                read_timeout=patience.answer_seconds,
                retries={"mode": "standard", "max_attempts": patience.tries},
                max_pool_connections=32,
                # No hash of the body in the signature: each has a checksum, and an original its digest.
                s3={"addressing_style": "path", "payload_signing_enabled": False},
            ),
        )

    def ensure(self) -> None:
        """Make the bucket when it is missing; safe to call from several processes at once."""
        with suppress(NotStoredError), self._asking():
            self._client.head_bucket(Bucket=self._name)
            return
        try:
            if self._region == "us-east-1":
                self._client.create_bucket(Bucket=self._name)
            else:
                self._client.create_bucket(
                    Bucket=self._name,
                    CreateBucketConfiguration={"LocationConstraint": self._region},  # type: ignore[typeddict-item]  # boto3 lists regions as literals
                )
        except _ERRORS as error:
            if _code(error) not in {"BucketAlreadyOwnedByYou", "BucketAlreadyExists"}:
                raise _ours(error) from error

    def look(self, key: str) -> None:
        """Look at an object without reading it.

        Raises:
            NotStoredError: there is none.
            TryAgainError: the store cannot be reached.
        """
        with self._asking():
            self._client.head_object(Bucket=self._name, Key=key)

    def copy(self, key: str, target: Target) -> Copied:
        """Read an object into a file.

        Raises:
            NotStoredError: there is none.
            UnreadableError: the store knows it and cannot read it.
            TryAgainError: the store cannot be reached, or trickles.
        """
        self._silence.check()
        digest = hashlib.sha256()
        try:
            answer = self._client.get_object(Bucket=self._name, Key=key)
            deadline = time.monotonic() + self._patience.object_seconds(answer["ContentLength"])
            with closing(answer["Body"]) as body:
                # What has come by now: botocore's own `read` waits until a piece is full, however long.
                read = partial(body._raw_stream.read1, _CHUNK)  # type: ignore[attr-defined]  # noqa: SLF001
                for piece in iter(read, b""):
                    digest.update(piece)
                    target.write(piece)
                    if time.monotonic() > deadline:
                        message = "the object store answers too slowly"
                        raise TryAgainError(message)
        except _ERRORS as error:
            if _may_be_the_object(error):
                # A store that hangs over a bad piece of its disk answers whatever else it is asked.
                self.look(key)
                message = "the object store has the file but cannot read it: if that lasts, send it again"
                raise UnreadableError(message) from error
            raise _ours(error) from error
        return Copied(digest.hexdigest(), answer["Metadata"])

    def put(self, key: str, content: bytes, *, media_type: str, metadata: Mapping[str, str]) -> None:
        """Store an object, over what was there."""
        with self._writing():
            self._client.put_object(
                Bucket=self._name, Key=key, Body=content, ContentType=media_type, Metadata=metadata
            )

    def put_file(self, key: str, content: IO[bytes]) -> None:
        """Store a file from where it stands to its end, over what was there."""
        start = content.tell()
        size = content.seek(0, SEEK_END) - start
        content.seek(start)
        with self._writing():
            if size <= _ONE_REQUEST_BYTES:
                self._client.put_object(Bucket=self._name, Key=key, Body=content.read())
            else:
                self._client.upload_fileobj(_Unclosed(content), self._name, key)  # type: ignore[arg-type]  # reads only

    def put_new(self, key: str, content: IO[bytes]) -> bool:
        """Store a file from where it stands to its end where nothing lies yet, in one request.

        Returns:
            Whether it was stored. A large file, which might be sent in vain, is not tried.
        """
        start = content.tell()
        size = content.seek(0, SEEK_END) - start
        content.seek(start)
        if size > _ONE_REQUEST_BYTES:
            return False
        try:
            with self._writing():
                self._client.put_object(Bucket=self._name, Key=key, Body=content.read(), IfNoneMatch="*")
        except _RefusedError:
            content.seek(start)
            return False
        return True

    def list(self, prefix: str) -> list[str]:
        """Return the keys that begin like this."""
        with self._asking():
            pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._name, Prefix=prefix)
            return [item["Key"] for page in pages for item in page.get("Contents", [])]

    def delete(self, key: str) -> None:
        """Erase an object, if there is one."""
        with suppress(NotStoredError), self._asking():
            self._client.delete_object(Bucket=self._name, Key=key)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            with self._asking():
                yield
        except TryAgainError:
            self.last_write = LastWrite(time.monotonic(), refused=True)
            raise
        self.last_write = LastWrite(time.monotonic(), refused=False)

    @contextmanager
    def _asking(self) -> Iterator[None]:
        self._silence.check()
        try:
            yield
        except _ERRORS as error:
            if isinstance(error, _TIMEOUTS):
                self._silence.note()
            raise _ours(error) from error


class _Unclosed:
    """A reader that boto3's upload may not close: the caller still needs the file."""

    def __init__(self, content: IO[bytes]) -> None:
        self._content = content

    def read(self, size: int = -1) -> bytes:
        return self._content.read(size)


def _code(error: Exception) -> str:
    return str(error.response.get("Error", {}).get("Code", "")) if isinstance(error, ClientError) else ""


def _may_be_the_object(error: Exception) -> bool:
    """Whether one bad object could fail like this: SeaweedFS hangs over it for 26 s, then answers 500."""
    if isinstance(error, ClientError):
        return error.response["ResponseMetadata"]["HTTPStatusCode"] == HTTPStatus.INTERNAL_SERVER_ERROR
    return isinstance(error, ReadTimeoutError | HTTPError)


def _ours(error: Exception) -> CxrError:
    if _code(error) in _MISSING:
        message = "the object store has no such object"
        return NotStoredError(message)
    if _code(error) in _NOT_OVER:
        message = "the object store has such an object"
        return _RefusedError(message)
    # boto3 has tried again already; a full disk, a refused write and a server that is away all pass.
    return TryAgainError(f"the object store did not answer as hoped: {_code(error) or type(error).__name__}")
