"""What can go wrong in the client and the local stack.

CxrError
├── ProblemError          the server answered with problem+json
├── NotReachableError     no server answered
│   └── ForeignAnswerError   what answered is not this product's API
├── InputError            what was given cannot be used: an address, a key, an id, a file, a model
├── NotReadyError         findings or report are not there yet
├── NotDoneError          the study did not end in time
├── StudyEndedError       the study ended without what was asked for
├── ArchiveError          what should be sent as a batch, or a file of it, cannot be read or sent so
└── StackError            the local stack cannot do what it was told
"""

from typing import Any

from cxr.models import Study


class CxrError(Exception):
    """Anything that this package raises on purpose; the message says what to do."""


class NotReachableError(CxrError):
    """No server answered at the address."""


class ForeignAnswerError(NotReachableError):
    """Something answers at the address, and it is not the API."""


class InputError(CxrError, ValueError):
    """What was given cannot be used; nothing was sent or changed."""


class NotReadyError(CxrError):
    """The study is still on its way.

    Attributes:
        retry_after: seconds after which to ask again.
    """

    def __init__(self, retry_after: float) -> None:
        self.retry_after = retry_after
        super().__init__("the study is still being worked on; ask again")


class NotDoneError(CxrError, TimeoutError):
    """The study did not end in time; it goes on without us.

    Attributes:
        study: how it was when we last asked.
    """

    def __init__(self, study: Study, *, seconds: float) -> None:
        self.study = study
        super().__init__(f"study {study.id} is still {study.status} after {seconds:g} s")


class ArchiveError(CxrError):
    """The archive or a file of it cannot be read, or not be sent in this way."""


class StackError(CxrError):
    """The local stack cannot start, or a part of it does not come up."""


class ProblemError(CxrError):
    """The server refused; its whole answer is in `problem`.

    Attributes:
        status: the HTTP status.
        problem: the problem+json object: type, title, status, detail and further members.
        retry_after: seconds after which the server wants to be asked again, where it says so.
    """

    def __init__(self, status: int, problem: dict[str, Any], *, retry_after: float | None = None) -> None:
        self.status = status
        self.problem = problem
        self.retry_after = retry_after
        title = problem.get("title") or f"HTTP {status}"
        detail = problem.get("detail")
        super().__init__(f"{title}: {detail}" if detail else str(title))

    @property
    def type(self) -> str:
        """The stable name of the kind of problem, as in '/problems/not-an-image'."""
        return str(self.problem.get("type", "about:blank"))


class StudyEndedError(CxrError):
    """The study was rejected, failed or cancelled: there will be no report.

    Attributes:
        status: rejected, failed or cancelled.
    """

    def __init__(self, status: str, detail: str) -> None:
        self.status = status
        super().__init__(f"the study was {status}: {detail}" if detail else f"the study was {status}")
