"""What the command's exit status means."""

from typing import Final

import httpx

from cxr.errors import ArchiveError, CxrError, InputError, NotReachableError, ProblemError, StackError

DONE: Final = 0
STUDY_FAILED: Final = 1
"""The study was refused, rejected or failed; of a batch: at least one item was, or was left out."""
WRONG_USAGE: Final = 2
NOT_REACHABLE: Final = 3
INTERRUPTED: Final = 130
"""By Ctrl-C; as a shell says of it: 128 and the number of SIGINT."""
READER_GONE: Final = 141
"""As a shell says of a program whose reader went (`| head`): 128 and the number of SIGPIPE."""
TERMINATED: Final = 143
"""By SIGTERM, told in the same way."""

_ABOUT_THE_FILE: Final = frozenset(
    {httpx.codes.BAD_REQUEST, httpx.codes.REQUEST_ENTITY_TOO_LARGE, httpx.codes.UNSUPPORTED_MEDIA_TYPE}
)
_ABOUT_THE_STUDY: Final = frozenset({httpx.codes.CONFLICT, httpx.codes.GONE})


def of(error: CxrError) -> int:
    """Return the exit status for an error."""
    if isinstance(error, NotReachableError | StackError):
        return NOT_REACHABLE
    if isinstance(error, ArchiveError | InputError):
        return WRONG_USAGE
    if isinstance(error, ProblemError):
        if error.status >= httpx.codes.INTERNAL_SERVER_ERROR:
            return NOT_REACHABLE
        if error.status not in _ABOUT_THE_FILE | _ABOUT_THE_STUDY:
            return WRONG_USAGE
    return STUDY_FAILED
