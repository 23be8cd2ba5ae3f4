"""A multipart/related request (RFC 2387), part by part to temporary files, within the limits of an upload."""

from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from tempfile import SpooledTemporaryFile
from typing import BinaryIO, Final, cast

from fastapi import Request
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.concurrency import run_in_threadpool
from starlette.formparsers import MultiPartException

from api.dicomweb.media import DICOM, MULTIPART
from api.multipart import MOST_PARTS, without_preamble
from api.problem_kinds import Code
from api.problems import ProblemError
from api.upload import room
from shared.errors import TooLargeError
from shared.settings import ApiSettings

_IN_MEMORY: Final = 4 << 20
_LARGEST_HEADER: Final = 8192


@dataclass(slots=True)
class Part:
    """One part of a request.

    Attributes:
        name: what an error calls it: its place among the parts.
        content: at its start once the request is received.
        refusal: set where it is larger than a file may be; its bytes are gone then.
    """

    name: str
    content: BinaryIO
    media_type: str = DICOM
    size: int = 0
    refusal: TooLargeError | None = None


@asynccontextmanager
async def received(request: Request, settings: ApiSettings) -> AsyncIterator[list[Part]]:
    """Receive the parts of a request; their temporary files go with the block.

    Raises:
        ProblemError: it is no multipart/related of DICOM files, it cannot be parsed, or it has no part.
    """
    boundary = _boundary_of(request.headers.get("content-type", ""))
    with ExitStack() as files:
        parser = _Parts(boundary, settings, files)
        try:
            with room():
                async for piece in without_preamble(request.stream(), b"--" + boundary):
                    await run_in_threadpool(parser.write, piece)
                parser.finish()
        except (MultiPartException, FormParserError) as error:
            reason = (
                error.message if isinstance(error, MultiPartException) else "it is not as RFC 2046 has it"
            )
            message = f"the multipart body cannot be read: {reason}"
            raise ProblemError(Code.BAD_REQUEST, message) from error
        yield parser.parts


def _boundary_of(content_type: str) -> bytes:
    kind, parameters = parse_options_header(content_type)
    within = parameters.get(b"type", DICOM.encode()).decode("latin-1").lower()
    if kind.decode("latin-1") != MULTIPART or within != DICOM:
        message = f'send {MULTIPART}; type="{DICOM}", a part each instance'
        raise ProblemError(Code.UNSUPPORTED_MEDIA_TYPE, message)
    boundary = parameters.get(b"boundary", b"")
    if not boundary:
        message = "the Content-Type names no boundary"
        raise ProblemError(Code.BAD_REQUEST, message)
    return boundary


class _Parts:
    """Takes the body in pieces, and has its parts."""

    def __init__(self, boundary: bytes, settings: ApiSettings, files: ExitStack) -> None:
        self.parts: list[Part] = []
        self._largest = settings.max_file_bytes
        self._files = files
        self._name, self._value = b"", b""
        self._ended = False
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_header_field": self._on_name,
                "on_header_value": self._on_value,
                "on_header_end": self._on_header,
                "on_part_data": self._on_data,
                "on_end": self._end,
            },
        )

    def write(self, piece: bytes) -> None:
        """Take the next bytes."""
        self._parser.write(piece)

    def finish(self) -> None:
        """Put every part at its start.

        Raises:
            MultiPartException: the body was cut off, or had no part.
        """
        self._parser.finalize()
        if not self._ended or not self.parts:
            message = "it is cut off" if self.parts else "it has no part"
            raise MultiPartException(message)
        for part in self.parts:
            part.content.seek(0)

    def _begin(self) -> None:
        if len(self.parts) == MOST_PARTS:
            message = f"it has more than {MOST_PARTS} parts"
            raise MultiPartException(message)
        content = self._files.enter_context(SpooledTemporaryFile(_IN_MEMORY))  # noqa: SIM115  it is entered
        self.parts.append(Part(f"part {len(self.parts) + 1}", cast("BinaryIO", content)))

    def _on_name(self, data: bytes, start: int, end: int) -> None:
        self._name = self._bounded(self._name + data[start:end])

    def _on_value(self, data: bytes, start: int, end: int) -> None:
        self._value = self._bounded(self._value + data[start:end])

    def _on_header(self) -> None:
        if self._name.lower() == b"content-type":
            self.parts[-1].media_type = parse_options_header(self._value)[0].decode("latin-1")
        self._name = self._value = b""

    def _on_data(self, data: bytes, start: int, end: int) -> None:
        part = self.parts[-1]
        part.size += end - start
        if part.size <= self._largest:
            part.content.write(data[start:end])
        elif part.refusal is None:
            part.refusal = TooLargeError(f"the file has more than {self._largest} bytes", file=part.name)
            part.content.seek(0)
            part.content.truncate()

    def _end(self) -> None:
        self._ended = True

    def _bounded(self, header: bytes) -> bytes:
        if len(header) > _LARGEST_HEADER:
            message = "a header of one of its parts is too long"
            raise MultiPartException(message)
        return header
