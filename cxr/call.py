"""One request of the API, and how answers are read: what all calls are made of."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Generic, TypeVar
from uuid import UUID

import httpx
from pydantic import BaseModel

from cxr.errors import InputError, NotReadyError
from cxr.inputs import Opener

T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """One request and how its answer is read."""

    method: str
    path: str
    parse: Callable[[httpx.Response], T]
    params: Mapping[str, str | list[str]] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    fields: dict[str, str] = field(default_factory=dict)
    files: Sequence[tuple[str, Opener]] = ()
    json: Any = None
    wait: float = 0
    """Seconds that the server may take because we asked it to wait."""
    idempotent: bool = False
    """Of a POST that needs no key for it."""

    @property
    def repeatable(self) -> bool:
        """Whether sending it twice does no more than sending it once."""
        return self.method != "POST" or self.idempotent or "Idempotency-Key" in self.headers

    def body(self, opened: ExitStack) -> dict[str, Any]:
        """Return what httpx makes the body of, for one attempt."""
        if self.fields and not self.files:
            # httpx writes a form in parts only for what is given to it as files.
            return {"files": [(name, (None, value)) for name, value in self.fields.items()]}
        return {"data": self.fields or None, "files": self.open_files(opened), "json": self.json}

    def open_files(self, opened: ExitStack) -> list[tuple[str, tuple[str, BinaryIO]]] | None:
        """Open what is uploaded, for one attempt; httpx streams it from disk."""
        if not self.files:
            return None
        parts = []
        for name, opener in self.files:
            parts.append(("files", (as_utf8(name), opened.enter_context(opener()))))
        return parts


def id_in_address(given: str) -> str:
    """Return an id as addresses have it.

    Raises:
        InputError: it is none.
    """
    try:
        return str(UUID(str(given)))
    except ValueError as error:
        message = (
            f"{str(given)[:80]!r} is no id; one looks like 0199c6a1-5a2e-7c3b-9d1f-2b6a4c8e0f13"
            " and stands in what `submit` returns and in the list of studies"
        )
        raise InputError(message) from error


def as_utf8(name: str) -> str:
    """Return a file's name as it can be sent: a byte of it that is not UTF-8 becomes U+FFFD."""
    return name.encode(errors="surrogateescape").decode(errors="replace")


def read_as(model: type[M]) -> Callable[[httpx.Response], M]:
    """Return what reads an answer as one thing."""
    return lambda answer: model.model_validate_json(answer.content)


def read_items(model: type[M]) -> Callable[[httpx.Response], list[M]]:
    """Return what reads an answer as a list of such things."""
    return lambda answer: [model.model_validate(item) for item in answer.json()["items"]]


def once_ready(read: Callable[[bytes], T]) -> Callable[[httpx.Response], T | NotReadyError]:
    """Return what reads an answer that may not be there yet."""

    def parse(answer: httpx.Response) -> T | NotReadyError:
        if answer.status_code == httpx.codes.ACCEPTED:
            return NotReadyError(float(answer.headers.get("Retry-After", "1")))
        return read(answer.content)

    return parse


def read_content(answer: httpx.Response) -> bytes:
    """Return an answer's bytes."""
    return answer.content


def read_nothing(_answer: httpx.Response) -> None:
    """Leave an answer unread."""
