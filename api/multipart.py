"""The parser of multipart bodies: bounded, and forgiving of what RFC 2046 and RFC 7578 let a client send.

A preamble before the first boundary is passed over; a part of the field `files` is a file, whether it has a
file name, one in the `filename*` of RFC 8187, or none.
"""

import re
from collections.abc import AsyncGenerator
from typing import Final
from urllib.parse import unquote

from python_multipart.multipart import parse_options_header
from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from typing_extensions import override

from shared.errors import TooLargeError
from shared.intake import zips
from shared.settings import ApiSettings

FILES_FIELD: Final = "files"
MOST_PARTS: Final = 1000
MOST_FIELDS: Final = 32
LARGEST_FIELD: Final = 64 * 1024
LONGEST_PREAMBLE: Final = 16 * 1024
"""Bytes; a mail program writes a sentence or two."""

_EXTENDED_NAME: Final = re.compile(rb";\s*filename\*\s*=\s*(utf-8|iso-8859-1)'[^']*'([^\s;]+)", re.IGNORECASE)


class BoundedParser(MultiPartParser):
    """Starlette's parser, which also stops keeping a file's bytes once a limit is broken.

    The rest is still read, since the fields that say how to answer (`batch_id`) may come last.
    """

    spool_max_size = 4 << 20

    def __init__(
        self, headers: Headers, stream: AsyncGenerator[bytes, None], *, settings: ApiSettings
    ) -> None:
        boundary = parse_options_header(headers["content-type"])[1].get(b"boundary")
        if boundary is not None:
            stream = without_preamble(stream, b"--" + boundary)
        super().__init__(
            headers, stream, max_files=MOST_PARTS, max_fields=MOST_FIELDS, max_part_size=LARGEST_FIELD
        )
        self._settings = settings
        self.sizes: list[int] = []
        self.refusal: TooLargeError | None = None

    @override
    def on_headers_finished(self) -> None:
        part = self._current_part
        said = part.content_disposition or b""
        _, options = parse_options_header(said)
        extended = _EXTENDED_NAME.search(said)
        is_file = b"filename" in options or extended or options.get(b"name") == FILES_FIELD.encode()
        if is_file and b"filename" not in options:
            # Starlette takes a part for a file by this alone.
            part.content_disposition = said + b'; filename=""'
        super().on_headers_finished()
        file = part.file
        if file is not None:
            self.sizes.append(0)
            name = unquote(extended[2].decode("latin-1"), extended[1].decode()) if extended else file.filename
            file.filename = zips.base_name(name or "") if extended or b"filename" in options else None
            if self._current_files > self._settings.max_files:
                self._refuse(f"a study has at most {self._settings.max_files} files", file)

    @override
    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        file = self._current_part.file
        if file is not None:
            self.sizes[-1] += end - start
            if self.sizes[-1] > self._settings.max_file_bytes:
                self._refuse(f"the file has more than {self._settings.max_file_bytes} bytes", file)
        if file is None or self.refusal is None:
            super().on_part_data(data, start, end)

    def _refuse(self, message: str, file: UploadFile) -> None:
        self.refusal = self.refusal or TooLargeError(message, file=file.filename)


async def without_preamble(
    stream: AsyncGenerator[bytes, None], delimiter: bytes
) -> AsyncGenerator[bytes, None]:
    """Pass over what stands before the first boundary, which is for readers that know no multipart.

    Raises:
        MultiPartException: there is no boundary for too long.
    """
    held = b"\r\n"  # the first boundary may be the first line
    async for piece in stream:
        held += piece
        start = held.find(b"\r\n" + delimiter)
        if max(start, 0) > LONGEST_PREAMBLE or (start < 0 and len(held) > LONGEST_PREAMBLE):
            message = f"there is no boundary in its first {LONGEST_PREAMBLE} bytes"
            raise MultiPartException(message)
        if start >= 0:
            yield held[start + 2 :]
            break
    else:
        message = "there is no boundary"
        raise MultiPartException(message)
    async for piece in stream:
        yield piece
