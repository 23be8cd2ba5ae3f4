"""Originals and artefacts in S3.

    originals/<first two hex digits>/<SHA-256>          never changed, verified on every read
    derived/<study id>/<image index>/preview.png        can be deleted and made again
    derived/<study id>/<image index>/heatmaps/<label>.png

No key holds anything of a patient's: names of files and DICOM identifiers stay out of them.
"""

import hashlib
from collections.abc import Iterator
from io import SEEK_END
from typing import IO, Final

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from shared.domain import StudyId
from shared.errors import CxrError, TryAgainError
from shared.settings import StorageSettings

PNG: Final = "image/png"
_MISSING: Final = frozenset({"404", "NoSuchKey", "NotFound", "NoSuchBucket"})
_CHUNK: Final = 1 << 20
_ONE_REQUEST_BYTES: Final = 8 << 20
"""Larger originals go in parts; for smaller ones the parts' threads cost more than they bring."""


class NotStoredError(CxrError):
    """The object store has no such object."""

    code = "not-stored"


class CorruptOriginalError(CxrError):
    """An original's bytes no longer have the SHA-256 that names them: restore it from a backup."""

    code = "corrupt-original"


class Storage:
    """One process's way to the bucket."""

    def __init__(self, settings: StorageSettings) -> None:
        self._bucket = settings.bucket
        self._region = settings.region
        self._client = boto3.client(
            "s3",
            endpoint_url=settings.endpoint,
            region_name=settings.region,
            aws_access_key_id=settings.access_key.get_secret_value() if settings.access_key else None,
            aws_secret_access_key=settings.secret_key.get_secret_value() if settings.secret_key else None,
            config=Config(
                connect_timeout=3,
                read_timeout=30,
                retries={"mode": "standard", "max_attempts": 3},
                max_pool_connections=32,
                s3={"addressing_style": "path"},
            ),
        )

    def ensure_bucket(self) -> None:
        """Make the bucket when it is missing; safe to call from several processes at once."""
        try:
            self._client.head_bucket(Bucket=self._bucket)
        except (ClientError, BotoCoreError) as error:
            if not _is_missing(error):
                raise _passing(error) from error
        else:
            return
        try:
            if self._region == "us-east-1":
                self._client.create_bucket(Bucket=self._bucket)
            else:
                self._client.create_bucket(
                    Bucket=self._bucket,
                    CreateBucketConfiguration={"LocationConstraint": self._region},  # type: ignore[typeddict-item]  # boto3 lists regions as literals
                )
        except (ClientError, BotoCoreError) as error:
            if _code(error) not in {"BucketAlreadyOwnedByYou", "BucketAlreadyExists"}:
                raise _passing(error) from error

    def put_original(self, content: IO[bytes], digest: str) -> None:
        """Store an original under its SHA-256; storing it twice is the same as once.

        Args:
            content: read from where it stands to its end, in pieces.
            digest: its SHA-256 in hexadecimal, computed by the caller while receiving.
        """
        if self.has_original(digest):
            return
        start = content.tell()
        size = content.seek(0, SEEK_END) - start
        content.seek(start)
        try:
            if size <= _ONE_REQUEST_BYTES:
                self._client.put_object(Bucket=self._bucket, Key=original_key(digest), Body=content.read())
                return
            self._client.upload_fileobj(_Unclosed(content), self._bucket, original_key(digest))  # type: ignore[arg-type]  # reads only
        except (ClientError, BotoCoreError) as error:
            raise _passing(error) from error

    def has_original(self, digest: str) -> bool:
        """Tell whether an original is stored."""
        try:
            self._client.head_object(Bucket=self._bucket, Key=original_key(digest))
        except (ClientError, BotoCoreError) as error:
            if _is_missing(error):
                return False
            raise _passing(error) from error
        return True

    def get_original(self, digest: str) -> bytes:
        """Read an original.

        Raises:
            NotStoredError: there is none.
            CorruptOriginalError: what the store holds is something else.
            TryAgainError: the store cannot be reached.
        """
        content = self.get(original_key(digest))
        if hashlib.sha256(content).hexdigest() != digest:
            message = f"the original {digest} was changed in the object store"
            raise CorruptOriginalError(message)
        return content

    def delete_original(self, digest: str) -> None:
        """Erase an original; only the collector may, under the digest's lock."""
        self._delete(original_key(digest))

    def put_artefact(self, key: str, content: bytes, *, media_type: str = PNG) -> None:
        """Store something derived, over what was there."""
        try:
            self._client.put_object(Bucket=self._bucket, Key=key, Body=content, ContentType=media_type)
        except (ClientError, BotoCoreError) as error:
            raise _passing(error) from error

    def get(self, key: str) -> bytes:
        """Read a whole object.

        Raises:
            NotStoredError: there is none.
            TryAgainError: the store cannot be reached.
        """
        try:
            return self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read()
        except (ClientError, BotoCoreError) as error:
            if _is_missing(error):
                message = f"the object store has no {key}"
                raise NotStoredError(message) from error
            raise _passing(error) from error

    def stream(self, key: str) -> Iterator[bytes]:
        """Read an object in pieces; the errors of `get` are raised before the first piece."""
        try:
            body = self._client.get_object(Bucket=self._bucket, Key=key)["Body"]
        except (ClientError, BotoCoreError) as error:
            if _is_missing(error):
                message = f"the object store has no {key}"
                raise NotStoredError(message) from error
            raise _passing(error) from error
        return body.iter_chunks(_CHUNK)

    def delete_derived(self, study_id: StudyId) -> None:
        """Erase all that was derived from a study's images."""
        try:
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=f"derived/{study_id}/"
            )
            keys = [item["Key"] for page in pages for item in page.get("Contents", [])]
        except (ClientError, BotoCoreError) as error:
            raise _passing(error) from error
        for key in keys:
            self._delete(key)

    def _delete(self, key: str) -> None:
        try:
            self._client.delete_object(Bucket=self._bucket, Key=key)
        except (ClientError, BotoCoreError) as error:
            if not _is_missing(error):
                raise _passing(error) from error


def original_key(digest: str) -> str:
    """Return where an original lies."""
    return f"originals/{digest[:2]}/{digest}"


def preview_key(study_id: StudyId, index: int) -> str:
    """Return where the preview of an image lies."""
    return f"derived/{study_id}/{index}/preview.png"


def heatmap_key(study_id: StudyId, index: int, label: str) -> str:
    """Return where the class activation map of a label lies."""
    return f"derived/{study_id}/{index}/heatmaps/{label}.png"


class _Unclosed:
    """A reader that boto3's upload may not close: the caller still needs the file."""

    def __init__(self, content: IO[bytes]) -> None:
        self._content = content

    def read(self, size: int = -1) -> bytes:
        return self._content.read(size)


def _code(error: Exception) -> str:
    return str(error.response.get("Error", {}).get("Code", "")) if isinstance(error, ClientError) else ""


def _is_missing(error: Exception) -> bool:
    return _code(error) in _MISSING


def _passing(error: Exception) -> TryAgainError:
    # boto3 has tried again already; a full disk, a refused write and a server that is away all pass.
    return TryAgainError(f"the object store did not answer as hoped: {_code(error) or type(error).__name__}")
