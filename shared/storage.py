"""Originals and artefacts in S3.

    originals/<first two hex digits>/<SHA-256>          never changed, verified on every read
    derived/<study id>/<image index>/preview.png        verified by the digest in its metadata
    derived/<study id>/<image index>/heatmaps/<16 hex digits of the model's digest>/<label>.png
    probe                                               a few bytes, to see whether anything can be stored

No key holds anything of a patient's: names of files and DICOM identifiers stay out of them.
"""

import hashlib
from io import BytesIO
from typing import IO, Final

from shared.bucket import LONG, Bucket, LastWrite, NotStoredError, Patience, Target, UnreadableError
from shared.domain.studies import StudyId
from shared.errors import Damage, DamagedError, DamagedOriginalError
from shared.settings import StorageSettings

PNG: Final = "image/png"
_DIGEST: Final = "sha256"
"""What an artefact's digest is called in its metadata; an original's is its name."""


class Storage:
    """One process's originals and artefacts."""

    def __init__(self, settings: StorageSettings, patience: Patience = LONG) -> None:
        self._bucket = Bucket(settings, patience)

    def ensure_bucket(self) -> None:
        """Make the bucket when it is missing; safe to call from several processes at once."""
        self._bucket.ensure()

    @property
    def last_write(self) -> LastWrite:
        """What the store said when this process last stored something."""
        return self._bucket.last_write

    def probe(self) -> None:
        """Store a few bytes over the last ones.

        Raises:
            TryAgainError: the store is away, full or read-only.
        """
        self._bucket.put("probe", b"probe", media_type="text/plain", metadata={})

    def put_original(self, content: IO[bytes], digest: str) -> Damage | None:
        """Store an original under its SHA-256; one that lies there already is read, and put right if need be.

        Args:
            content: read from where it stands to its end, in pieces.
            digest: its SHA-256 in hexadecimal, computed by the caller while receiving.

        Returns:
            What was wrong with the one that lay there.
        """
        if self._bucket.put_new(original_key(digest), content):
            return None
        try:
            self.copy_original(digest, _Nowhere())
        except DamagedOriginalError as error:
            self._bucket.put_file(original_key(digest), content)
            return None if error.damage is Damage.MISSING else error.damage
        except UnreadableError:
            # The store may have lost the bytes for good, and here they are.
            self._bucket.put_file(original_key(digest), content)
            return Damage.UNREADABLE
        return None

    def keep_original(self, content: IO[bytes], digest: str) -> None:
        """Store an original that was stored a moment ago, should it have been erased since: mostly a look."""
        if not self.has_original(digest):
            self._bucket.put_file(original_key(digest), content)

    def has_original(self, digest: str) -> bool:
        """Tell whether an original is stored; not whether its bytes are right."""
        try:
            self._bucket.look(original_key(digest))
        except NotStoredError:
            return False
        return True

    def get_original(self, digest: str) -> bytes:
        """Read an original; raises as `copy_original`."""
        content = BytesIO()
        self.copy_original(digest, content)
        return content.getvalue()

    def copy_original(self, digest: str, target: Target) -> None:
        """Read an original into a file, which holds what was sent if this returns, and else anything.

        Raises:
            DamagedOriginalError: the store lost it, or holds something else under its name.
            UnreadableError: the store knows it and cannot read it.
            TryAgainError: the store cannot be reached.
        """
        try:
            copied = self._bucket.copy(original_key(digest), target)
        except NotStoredError as error:
            raise DamagedOriginalError(Damage.MISSING, digest) from error
        if copied.sha256 != digest:
            raise DamagedOriginalError(Damage.CHANGED, digest)

    def delete_original(self, digest: str) -> None:
        """Erase an original; only the collector may, under the digest's lock."""
        self._bucket.delete(original_key(digest))

    def put_artefact(self, key: str, content: bytes, *, media_type: str = PNG) -> None:
        """Store something derived, over what was there."""
        digest = hashlib.sha256(content).hexdigest()
        self._bucket.put(key, content, media_type=media_type, metadata={_DIGEST: digest})

    def get_artefact(self, key: str) -> bytes:
        """Read something derived.

        Raises:
            NotStoredError: there is none.
            DamagedError: what the store holds is something else.
            TryAgainError: the store cannot be reached, or cannot read it.
        """
        content = BytesIO()
        copied = self._bucket.copy(key, content)
        # One that a release before stored, without its digest, is taken as it is.
        if copied.metadata.get(_DIGEST, copied.sha256) != copied.sha256:
            raise DamagedError(Damage.CHANGED, "the stored picture")
        return content.getvalue()

    def delete_derived(self, study_id: StudyId) -> None:
        """Erase all that was derived from a study's images."""
        for key in self._bucket.list(f"derived/{study_id}/"):
            self._bucket.delete(key)


def original_key(digest: str) -> str:
    """Return where an original lies."""
    return f"originals/{digest[:2]}/{digest}"


def preview_key(study_id: StudyId, index: int) -> str:
    """Return where the preview of an image lies."""
    return f"derived/{study_id}/{index}/preview.png"


def heatmap_key(study_id: StudyId, index: int, model_digest: str, label: str) -> str:
    """Return where one model's class activation map of a label lies."""
    return f"derived/{study_id}/{index}/heatmaps/{model_digest[:16]}/{label}.png"


class _Nowhere:
    """A file for what is read only to see whether it can be."""

    def write(self, content: bytes, /) -> None:
        """Forget the bytes."""
