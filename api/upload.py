"""A multipart request, step by step, to checked files: streamed, counted, spooled, never in memory whole.

received (`receive`) -> fields read (`fields_of`)
-> zips unpacked, headers looked at, digests taken (`check`).
"""

import errno
import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Annotated, Any, BinaryIO, Final
from uuid import UUID

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import AfterValidator, ValidationError
from python_multipart.multipart import parse_options_header
from starlette.datastructures import FormData, Headers, UploadFile
from starlette.formparsers import MultiPartException

from api import zips
from api.multipart import FILES_FIELD, BoundedParser
from api.orders import OrderFields
from api.problems import Code, ProblemError, unavailable
from shared.dicom import checks, foreign
from shared.domain import Language, Order, Priority
from shared.errors import BadInputError, EmptyFileError, ForeignFileError, ForeignObjectError, TooLargeError
from shared.settings import ApiSettings

CHARSETS: Final = frozenset(
    {"utf-8", "utf8", "us-ascii", "ascii", "iso-8859-1", "latin-1", "latin1", "windows-1252", "cp1252"}
)

MOST_MEMBERS: Final = 1000
"""Of a zip, of any kind: a disc has its viewer's files beside the images."""

_CHUNK: Final = 1 << 20
_LONGEST_PATH: Final = 4096


def _shown(path: str) -> str:
    """Return a path without what could disturb a table; its end, where it is longer than a path can be."""
    return "".join(letter for letter in path if letter.isprintable())[-_LONGEST_PATH:]


ItemPath = Annotated[str, AfterValidator(_shown)]
"""Where in the client's archive an item of a batch lies. None is refused: nobody could mend it."""


class Fields(OrderFields):
    """What a client may say about a study, besides its files."""

    priority: Priority | None = None
    language: Language = Language.ENGLISH
    batch_id: UUID | None = None
    path: ItemPath | None = None
    mixed: bool = False
    """That several patients or studies in one, or another id than the files', are meant."""


_NEWER_FIELDS: Final = frozenset({"path", "mixed"})
"""Not in a fingerprint unless given, so that a key from before they were known still fits its request."""


@dataclass(slots=True)
class Received:
    """A request's files and fields, as they came.

    Attributes:
        sizes: how many bytes of each file arrived.
        refusal: the first limit that a file broke; the bytes of that file and later ones are gone.
    """

    files: list[UploadFile]
    form: FormData
    sizes: list[int]
    refusal: TooLargeError | None

    async def close(self) -> None:
        """Delete the temporary files."""
        await self.form.close()


@dataclass(frozen=True, slots=True)
class CheckedFile:
    """A file that is a radiograph as far as its header tells; `content` stands at its start.

    Attributes:
        position: of the file in the request, or of the zip that it came in.
        order: whose it is, as its header says.
    """

    name: str
    position: int
    content: BinaryIO
    sha256: str
    size: int
    media_type: str
    width: int
    height: int
    order: Order


@dataclass(slots=True)
class Checked:
    """What became of the files: good or set aside, all of them, or the first refusal.

    Attributes:
        set_aside: why each of the files that are no images is none; it names the file.
    """

    files: list[CheckedFile] = field(default_factory=list)
    set_aside: list[BadInputError] = field(default_factory=list)
    refusal: BadInputError | None = None
    unpacked: list[BinaryIO] = field(default_factory=list)

    def put_aside(self, content: BinaryIO, reason: BadInputError) -> None:
        """Note a file that is no image; what was unpacked of it takes no more room."""
        self.set_aside.append(reason)
        if content in self.unpacked:
            self.unpacked.remove(content)
            content.close()

    def close(self) -> None:
        """Delete what was unpacked."""
        for content in self.unpacked:
            content.close()


async def receive(request: Request, settings: ApiSettings) -> Received:
    """Read a multipart request into temporary files.

    Raises:
        ProblemError: it is not multipart, cannot be parsed, or holds no file.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "multipart/form-data":
        message = "send multipart/form-data with the images in the field `files`"
        raise ProblemError(Code.UNSUPPORTED_MEDIA_TYPE, message)
    _check_charset(request.headers)
    parser = BoundedParser(request.headers, request.stream(), settings=settings)
    try:
        with room():
            form = await parser.parse()
    except MultiPartException as error:
        raise ProblemError(Code.BAD_REQUEST, f"the multipart body cannot be read: {error.message}") from error
    files = [
        value for name, value in form.multi_items() if name == FILES_FIELD and isinstance(value, UploadFile)
    ]
    return Received(files, form, parser.sizes, parser.refusal)


def _check_charset(headers: Headers) -> None:
    """Refuse a form in an encoding that browsers do not send.

    The parser looks up whatever name it is given among Python's codecs, and some of those are no encodings of
    text, or raise what nobody expects.
    """
    _, options = parse_options_header(headers["content-type"])
    charset = options.get(b"charset", b"utf-8").decode("latin-1")
    if charset.lower() not in CHARSETS:
        message = f"the form's charset {charset[:40]!r} is not read: send utf-8"
        raise ProblemError(Code.UNSUPPORTED_MEDIA_TYPE, message)


@contextmanager
def room() -> Iterator[None]:
    """Answer 503 when the disk of temporary files is full."""
    try:
        yield
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        message = "there is no room for the upload right now"
        raise unavailable(message) from error


def fields_of(received: Received) -> Fields:
    """Read the fields beside the files.

    Raises:
        RequestValidationError: a field is unknown, given twice, or not as it should be; or no file came.
    """
    faults: list[dict[str, Any]] = []
    values: dict[str, str] = {}
    for name, value in received.form.multi_items():
        if isinstance(value, UploadFile):
            if name != FILES_FIELD:
                faults.append(_fault(name, f"files belong in the field `{FILES_FIELD}`"))
        elif name in values:
            faults.append(_fault(name, "given more than once"))
        elif value or name == FILES_FIELD:
            values[name] = value  # an empty form field is one that was not filled in
    faults += [
        _fault(FILES_FIELD, "a text, and no file: with curl, write files=@NAME")
        for file in received.files
        if file.filename is None and not _is_known(file.file)
    ]
    if not received.files:
        faults.append(_fault(FILES_FIELD, "at least one file is required"))
        values.pop(FILES_FIELD, None)
    try:
        fields = Fields.model_validate(values)
    except ValidationError as error:
        faults += [_fault(str(fault["loc"][0]), fault["msg"]) for fault in error.errors(include_url=False)]
        raise RequestValidationError(faults) from error
    if faults:
        raise RequestValidationError(faults)
    return fields


def check(received: Received, settings: ApiSettings) -> Checked:
    """Look at every file, unpack zips, and stop at the first image that cannot be used. Blocks."""
    checked = Checked(refusal=received.refusal)
    if received.refusal is not None:
        return checked
    try:
        for position, name, content in _unpacked(received.files, settings, checked.unpacked):
            try:
                checked.files.append(_check_file(name, content, settings, position=position))
            except (ForeignFileError, ForeignObjectError) as reason:
                checked.put_aside(content, reason)
            if len(checked.files) > settings.max_files:
                message = f"a study has at most {settings.max_files} images"
                raise TooLargeError(message, file=name)
    except BadInputError as refusal:
        checked.refusal = refusal
    if not checked.files and checked.refusal is None:
        checked.refusal = _nothing_left(checked.set_aside)
    return checked


def fingerprint(received: Received, fields: Fields) -> str:
    """Return the SHA-256 of what was sent: every file's name and bytes, and the fields. Blocks.

    The multipart bytes themselves differ between two sendings of the same request (the boundary).
    """
    said = fields.model_dump_json(exclude=set(_NEWER_FIELDS - fields.model_fields_set))
    digest = hashlib.sha256(said.encode())
    for file, size in zip(received.files, received.sizes, strict=True):
        name = (file.filename or "").encode()
        digest.update(len(name).to_bytes(8) + name + size.to_bytes(8))
        if received.refusal is None:
            digest.update(bytes.fromhex(sha256_of(file.file)))
    return digest.hexdigest()


def sha256_of(content: BinaryIO) -> str:
    """Return the SHA-256 of a file, and leave it at its start."""
    content.seek(0)
    digest = hashlib.file_digest(content, "sha256")  # type: ignore[arg-type]  # a spooled file has readinto
    content.seek(0)
    return digest.hexdigest()


def _unpacked(
    files: Sequence[UploadFile], settings: ApiSettings, temporary: list[BinaryIO]
) -> Iterator[tuple[int, str, BinaryIO]]:
    """Yield each file's position in the request (a zip's, for its members), its name and its content."""
    limits = zips.Limits(
        files=MOST_MEMBERS,
        file_bytes=settings.max_file_bytes,
        total_bytes=settings.max_request_bytes,
        ratio=settings.max_zip_ratio,
    )
    left = limits.total_bytes
    for position, file in enumerate(files):
        name = file.filename or "unnamed"
        if not zips.is_zip(_head_of(file.file)):
            yield position, name, file.file
            continue
        for member_name, content in zips.members(file.file, name=name, limits=limits, left=left):
            left -= content.seek(0, os.SEEK_END)
            content.seek(0)
            temporary.append(content)
            yield position, member_name, content


def _is_known(content: BinaryIO) -> bool:
    head = _head_of(content)
    return zips.is_zip(head) or checks.sniff(head) is not None


def _nothing_left(set_aside: Sequence[BadInputError]) -> BadInputError:
    """Return why a study is refused of which every file was set aside."""
    first, *others = set_aside
    if not others:
        return first
    message = f"none of the {len(set_aside)} files is a radiograph; the first of them: {first.detail}"
    return type(first)(message, file=first.file)


def _head_of(content: BinaryIO) -> bytes:
    head = content.read(checks.SNIFF_BYTES)
    content.seek(0)
    return head


def _check_file(name: str, content: BinaryIO, settings: ApiSettings, *, position: int) -> CheckedFile:
    size = content.seek(0, 2)
    content.seek(0)
    if size == 0:
        message = "the file is empty"
        kind = EmptyFileError if foreign.is_named_like_an_image(name) else ForeignFileError
        raise kind(message, file=name)
    header = checks.check_header(content, name=name, max_pixels=settings.max_pixels)
    return CheckedFile(
        name=name,
        position=position,
        content=content,
        sha256=sha256_of(content),
        size=size,
        media_type=header.media_type,
        width=header.columns,
        height=header.rows,
        order=header.order,
    )


def _fault(name: str, message: str) -> dict[str, Any]:
    return {"loc": ("body", name[:100]), "msg": message, "type": "value_error"}
