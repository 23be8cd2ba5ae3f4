"""Originals on their way to clients: read whole and verified before the first byte is sent."""

from collections.abc import Callable
from tempfile import SpooledTemporaryFile
from typing import Final

from fastapi.concurrency import run_in_threadpool

from api.backend import Backend
from api.upload import room
from shared.bucket import SHORT, UnreadableError
from shared.errors import Damage, DamagedOriginalError
from shared.operations import telemetry

IN_MEMORY: Final = 4 << 20
PIECE: Final = 1 << 18
SLOWEST_CLIENT: Final = 50_000
"""Bytes a second; one that reads an original more slowly is cut off, since its file takes room meanwhile."""
LEAST_SECONDS: Final = 30.0
"""That a client has for even the smallest original."""


def seconds_to_send(size: int) -> float:
    """Return how long a client may take to read so many bytes."""
    return LEAST_SECONDS + size / SLOWEST_CLIENT


async def read_original(
    backend: Backend,
    digest: str,
    size: int,
    content: SpooledTemporaryFile[bytes],
    *,
    still_there: Callable[[], object],
) -> None:
    """Read an original into a temporary file, and leave that at its start.

    Args:
        still_there: raises where the study was erased a moment ago: its original is gone as it should be.

    Raises:
        DamagedOriginalError: it is not what was sent.
        TryAgainError, ProblemError: the object store is away, cannot read it, or takes too long.
    """

    def copy() -> None:
        # A file that is closed meanwhile, because nobody waits any longer, ends the copying too.
        with room():
            backend.storage.copy_original(digest, content)

    try:
        await backend.reading.run(copy, seconds=SHORT.object_seconds(size))
    except DamagedOriginalError as error:
        await run_in_threadpool(still_there)
        telemetry.count_damage(error.damage, digest=error.digest)
        raise
    except UnreadableError:
        telemetry.count_damage(Damage.UNREADABLE, digest=digest)
        raise
    content.seek(0)
